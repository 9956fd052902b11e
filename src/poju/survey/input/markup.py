"""HTML → its text, without the page around it: menus, paths, share buttons, cookie bars, lists of links, footers.

What is kept is kept in order, one block (paragraph, heading, list item, table row) a line. Nothing is fetched, no
script runs, no entity is resolved. What is furniture is said by ``data/page_furniture.toml``.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from importlib.metadata import version
from typing import Any

from lxml import etree, html  # type: ignore[import-untyped] # the package has no type hints

from poju.errors import CallerError
from poju.i18n import _
from poju.survey.input.limits import MAX_CHARACTERS

_BLOCKS = frozenset((
    "address", "article", "blockquote", "body", "caption", "center", "dd", "details", "div", "dl", "dt", "fieldset",
    "figcaption", "figure", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hgroup", "hr", "html", "li", "main",
    "ol", "p", "pre", "section", "summary", "table", "tbody", "tfoot", "thead", "tr", "ul", "br",
))  # fmt: skip
_CELLS = frozenset(("td", "th"))
_HEADINGS = frozenset(("h1", "h2", "h3"))
_WHOLE = frozenset(("html", "body", "main", "article"))
_NAME = re.compile(r"[A-Z]?[a-z]+|[A-Z]+")
_DECLARATION = re.compile(r"^\ufeff?\s*<\?xml[^>]*\?>")
_SPACE = re.compile(r"[ \t\r\n\f\v\xa0\u200b\ufeff]+")
_WIDE = r"[\u3000-\u9fff\uf900-\ufaff\uff00-\uffef]"
_SPACE_BETWEEN_HAN = re.compile(rf"(?<={_WIDE})[\r\n]\s*(?={_WIDE})")
_HIDDEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
_ENDS_SENTENCE = re.compile(r"[。！？；]|[.!?](?:\s|$)")
_MOST_LINKED = 0.6
_MOST_DROPPED = 0.4
_CELL = "\t"
_CELL_MARK = "\x1f"


@dataclass(frozen=True, slots=True)
class _Furniture:
    elements: frozenset[str]
    roles: frozenset[str]
    names: frozenset[str]
    lines: re.Pattern[str]


@dataclass(slots=True)
class _Block:
    """A line in the making: its pieces, and how many of its characters are inside links."""

    heading: bool = False
    pieces: list[str] = field(default_factory=list)
    linked: int = 0

    def text(self) -> str:
        """Return the block's text with white space as a browser shows it; none between two lines of Chinese."""
        rough = _SPACE_BETWEEN_HAN.sub("", "".join(self.pieces))
        cells = (_SPACE.sub(" ", cell).strip() for cell in rough.split(_CELL_MARK))
        return _CELL.join(cell for cell in cells if cell)


def text_of(path: str, page: str) -> tuple[str, str]:
    """Return the text of the HTML ``page`` and what read it; raise `CallerError` where there is none or too much."""
    tree = _parsed(path, page)
    total = max(1, len("".join(tree.itertext())))
    lines = [block.text() for block in _blocks(tree, total) if not _is_links(block)]
    kept = [line for line in lines if line and not _furniture().lines.fullmatch(line)]
    text = "".join(f"{line}\n" for line in kept)
    if len(text) > MAX_CHARACTERS:
        raise CallerError(
            "survey-too-large",
            _("{path} is too large: {reason}."),
            hint=_("Split it into one file for each document."),
            path=path,
            reason=_("more characters than one document may have"),
        )
    return text, f"poju.survey.input.markup over lxml {version('lxml')}"


def _parsed(path: str, page: str) -> Any:  # noqa: ANN401 - lxml has no type hints
    parser = html.HTMLParser(no_network=True, huge_tree=False, remove_comments=True, remove_pis=True)
    try:
        return html.document_fromstring(_DECLARATION.sub("", page), parser=parser)
    except (etree.ParserError, etree.XMLSyntaxError, ValueError) as error:
        raise CallerError(
            "survey-html-damaged",
            _("{path} is a damaged HTML page: it cannot be parsed."),
            hint=_("Save the page again, or save its text in UTF-8."),
            path=path,
        ) from error


@cache
def _furniture() -> _Furniture:
    told = tomllib.loads((resources.files("poju.survey") / "data" / "page_furniture.toml").read_text(encoding="utf-8"))
    return _Furniture(
        frozenset(told["elements"]),
        frozenset(told["roles"]),
        frozenset(told["names"]),
        re.compile("|".join(f"(?:{line})" for line in told["lines"]), re.IGNORECASE),
    )


def _blocks(tree: Any, total: int) -> Iterator[_Block]:  # noqa: ANN401 - lxml has no type hints
    """Yield the blocks of ``tree`` in order, walking without recursion: a hostile page nests deeply."""
    block = _Block()
    links = 0
    stack: list[tuple[str, Any]] = [("enter", tree)]
    while stack:
        step, node = stack.pop()
        if step == "text":
            block.pieces.append(node)
            block.linked += len("".join(node.split())) if links else 0
            continue
        if step == "leave":
            links -= node.tag == "a"
            if node.tag in _BLOCKS:
                yield block
                block = _Block()
            elif node.tag in _CELLS:
                block.pieces.append(_CELL_MARK)
            continue
        if node.tail:
            stack.append(("text", node.tail))
        if not isinstance(node.tag, str) or _is_furniture(node, total):
            continue
        if node.tag in _BLOCKS:
            yield block
            block = _Block(heading=node.tag in _HEADINGS)
        links += node.tag == "a"
        stack.append(("leave", node))
        stack += [("enter", child) for child in reversed(node)]
        if node.text:
            stack.append(("text", node.text))
    yield block


def _is_furniture(node: Any, total: int) -> bool:  # noqa: ANN401 - lxml has no type hints
    """Return whether ``node`` is a part of the page around the text, and not most of the page itself."""
    told = _furniture()
    if node.tag in told.elements:
        return not (node.tag == "form" and _share(node, total) > _MOST_DROPPED)
    if node.tag in _WHOLE:
        return False
    if "hidden" in node.attrib or node.get("aria-hidden") == "true" or _HIDDEN.search(node.get("style", "")):
        return True
    named = f"{node.get('class', '')} {node.get('id', '')}"
    words = {word.lower() for word in _NAME.findall(named)}
    site_head = node.tag == "header" and not any(
        above.tag in _WHOLE - {"html", "body"} for above in node.iterancestors()
    )
    if node.get("role") in told.roles or site_head or words & told.names:
        return _share(node, total) <= _MOST_DROPPED
    return False


def _share(node: Any, total: int) -> float:  # noqa: ANN401 - lxml has no type hints
    return len("".join(node.itertext())) / total


def _is_links(block: _Block) -> bool:
    """Return whether ``block`` is a list of links: mostly linked, no sentence, no heading."""
    text = block.text()
    solid = len("".join(text.split()))
    return not block.heading and solid > 0 and block.linked > _MOST_LINKED * solid and not _ENDS_SENTENCE.search(text)
