"""How Sphinx builds the documentation: `make docs`."""

from __future__ import annotations

from poju import __version__

project = "Poju 破局"
author = "The Poju maintainers"
copyright = "The Poju maintainers, Apache-2.0"
version = release = __version__
extensions = ["myst_parser"]
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3
# Mermaid blocks are text that repository viewers draw; the built pages show them as text.
myst_fence_as_directive: list[str] = []
suppress_warnings = ["misc.highlighting_failure"]
exclude_patterns = ["_build", "README.md"]
html_theme = "alabaster"
html_theme_options = {"description": "Find the scenario that fits, open it, prove what it solves, pay only for that."}
