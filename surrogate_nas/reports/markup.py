"""HTML as values: text is escaped unless it is :class:`Html` already, so that nothing slips through."""

from collections.abc import Iterable, Sequence
from html import escape
from typing import final

from surrogate_nas.reports.palette import MARKS

_VOID = frozenset({"br", "hr", "meta"})


@final
class Html(str):
    """Markup that is complete and safe to write as it is."""

    __slots__ = ()


def html(*parts: object) -> Html:
    """Join parts; whatever is not :class:`Html` is text and gets escaped."""
    return Html("".join(part if isinstance(part, Html) else escape(str(part)) for part in parts))


def tag(name: str, *children: object, **attributes: object) -> Html:
    """An element.

    Args:
        name: Its name.
        children: What it holds, as in :func:`html`.
        attributes: Its attributes; ``class_`` is class, an underscore is a hyphen, None leaves one out.
    """
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(str(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    if name in _VOID:
        return Html(f"<{name}{given}>")
    return Html(f"<{name}{given}>{html(*children)}</{name}>")


def code(text: object) -> Html:
    """Something literal: an architecture, a file name."""
    return tag("code", text)


def paragraph(*children: object, class_: str | None = None, **attributes: object) -> Html:
    """A paragraph."""
    return tag("p", *children, class_=class_, **attributes)


def figure(svg: str, caption: Html) -> Html:
    """A plot with its caption beside it, below it where the page is narrow.

    Args:
        svg: The ``<svg>`` element, made by this package.
        caption: What to see in it.
    """
    return tag("figure", tag("div", Html(svg), class_="plot"), tag("figcaption", caption))


def table(
    headers: Sequence[object], rows: Iterable[Sequence[object]], *, left: Sequence[int] = (0,), label: str,
    classes: Sequence[str | None] | None = None,
) -> Html:  # fmt: skip
    """A table that scrolls sideways by itself where the page is narrow.

    Args:
        headers: One title per column.
        rows: Cells, as in :func:`html`.
        left: Positions of columns of text; the others are numbers.
        label: What it shows, for readers who cannot see it.
        classes: A class per row.
    """
    kinds = [None if i in left else "number" for i in range(len(headers))]
    head = tag("tr", *(tag("th", title, class_=kind, scope="col") for title, kind in zip(headers, kinds, strict=True)))
    lines = [list(row) for row in rows]
    body = [
        tag("tr", *(tag("td", cell, class_=kind) for cell, kind in zip(line, kinds, strict=True)), class_=look)
        for line, look in zip(lines, classes or [None] * len(lines), strict=True)
    ]
    inner = tag("table", tag("thead", head), tag("tbody", *body))
    return tag("div", inner, class_="scroll", role="region", aria_label=label, tabindex=0)


def facts(pairs: Iterable[tuple[object, object]]) -> Html:
    """A list of names with their values."""
    return tag("dl", *(tag("div", tag("dt", name), tag("dd", value)) for name, value in pairs))


def glyph(kind: str, *, filled: bool = True) -> Html:
    """The mark of one kind of network, as in the figures."""
    mark = MARKS[kind]
    fill = f"var(--{mark.role})" if filled else "var(--paper)"
    return _small(f'<path d="{mark.path}" style="fill:{fill};stroke:var(--{mark.role});stroke-width:1.2"/>')


def legend(*entries: tuple[Html, object]) -> Html:
    """What the marks of a figure mean."""
    return tag("ul", *(tag("li", mark, " ", words) for mark, words in entries), class_="legend")


def cross() -> Html:
    """The mark of a measured value among predicted ones."""
    return _small('<path d="M2 2 10 10M10 2 2 10" style="stroke:var(--ink);stroke-width:2"/>')


def badge(text: str) -> Html:
    """A word that sets something apart."""
    return tag("span", text, class_="badge")


def bar(value: float, largest: float) -> Html:
    """A bar as long as ``value``'s share of ``largest``; the number itself stands beside it."""
    share = 100 * value / largest if largest > 0 else 0.0
    return tag("span", class_="bar", style=f"width:{share:.1f}%")


def _small(path: str) -> Html:
    return Html(f'<svg class="glyph" viewBox="-1 -1 14 14" width="14" height="14" aria-hidden="true">{path}</svg>')
