"""How Sphinx builds the documentation: `make docs`."""

from __future__ import annotations

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from poju import __version__

project = "Poju 破局"
author = "The Poju maintainers"
copyright = "The Poju maintainers, Apache-2.0"
version = release = __version__
extensions = ["myst_parser"]
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3
# Repository viewers draw mermaid blocks; the built pages show them as text.
myst_fence_as_directive = ["mermaid"]
exclude_patterns = ["_build", "README.md"]
html_theme = "alabaster"
html_theme_options = {"description": "Find the scenario that fits, open it, prove what it solves, pay only for that."}


class Mermaid(SphinxDirective):
    """Shows a diagram as its own text: nothing is drawn by a script from elsewhere."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        """Return the diagram's source as a literal block."""
        return [nodes.literal_block(text="\n".join(self.content))]


def setup(app: Sphinx) -> None:
    """Register the directive."""
    app.add_directive("mermaid", Mermaid)
