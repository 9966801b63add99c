"""One architecture as a picture: SVG for eyes, Mermaid for text documents. No plotting library."""

import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple
from xml.sax.saxutils import escape

import numpy.typing as npt

from surrogate_nas.spaces.graph_batch import GraphBatch
from surrogate_nas.spaces.layout import Layout, layout
from surrogate_nas.spaces.operations import Operation

if TYPE_CHECKING:
    from surrogate_nas.spaces.base import SearchSpace

#: Fill, border and text of each kind of operation; dark enough to read on white and in print.
COLOURS = {
    "input": ("#334155", "#334155", "#ffffff"),
    "output": ("#334155", "#334155", "#ffffff"),
    "identity": ("#ffffff", "#94a3b8", "#475569"),
    "none": ("#ffffff", "#cbd5e1", "#94a3b8"),
    "convolution": ("#dbeafe", "#3b82f6", "#1e3a8a"),
    "graph": ("#dbeafe", "#3b82f6", "#1e3a8a"),
    "pooling": ("#dcfce7", "#22c55e", "#14532d"),
    "linear": ("#fef3c7", "#f59e0b", "#78350f"),
    "activation": ("#fce7f3", "#ec4899", "#831843"),
    "normalisation": ("#ede9fe", "#8b5cf6", "#4c1d95"),
    "dropout": ("#f1f5f9", "#64748b", "#1e293b"),
    "state": ("#f1f5f9", "#64748b", "#334155"),
}
ENDS = ("input", "output")

SANS = "system-ui, -apple-system, Segoe UI, Helvetica, Arial, sans-serif"
MONO = "ui-monospace, SFMono-Regular, Menlo, Consolas, monospace"

# Pixels. Widths of characters are estimates for the usual fonts, on the safe side.
_NAME_CHAR, _NOTE_CHAR, _TEXT_CHAR, _PADDING = 8.6, 6.0, 6.8, 22
_HEIGHT, _ROW, _GAP, _MARGIN, _FOOT, _ARROW, _LINE = 40, 54, 44, 18, 34, 7.0, 15
_WIDEST = 800  # a text up to here stays on one line


@dataclass(frozen=True)
class Drawing:
    """A picture of one architecture; notebooks show it by themselves.

    Attributes:
        text: The architecture in its space's text form.
        svg: A complete SVG document, to be written to a file or put into HTML as it is.
        mermaid: A Mermaid flowchart, for Markdown.
    """

    text: str
    svg: str
    mermaid: str

    def _repr_svg_(self) -> str:
        return self.svg

    def __repr__(self) -> str:
        return f"<Drawing of {self.text}>"


def draw(space: "SearchSpace", x: npt.ArrayLike) -> Drawing:
    """Draw one architecture.

    Args:
        space: The space it belongs to.
        x: Its row, shape (d,) or (1, d).
    """
    return Drawing(space.format(x)[0], svg(space, x), mermaid(space, x))


def mermaid(space: "SearchSpace", x: npt.ArrayLike) -> str:
    """Write one architecture as a Mermaid flowchart.

    Args:
        space: The space it belongs to.
        x: Its row, shape (d,) or (1, d).
    """
    graph = space.graphs(x)
    nodes = _nodes(graph)
    lines = ["flowchart LR"]
    for v, op in nodes.items():
        name = op.name.replace('"', "'")
        box = f'(["{name}"])' if op.kind in ENDS else f'["{name}"]'
        lines.append(f"  n{v}{box}:::kind_{op.kind}")
    lines += [f"  n{a} --> n{b}" for a, b in zip(*graph.adjacency[0].nonzero(), strict=True)]
    for kind in dict.fromkeys(op.kind for op in nodes.values()):
        fill, border, ink = COLOURS[kind]
        lines.append(f"  classDef kind_{kind} fill:{fill},stroke:{border},color:{ink}")
    return "\n".join(lines) + "\n"


def svg(space: "SearchSpace", x: npt.ArrayLike) -> str:
    """Write one architecture as an SVG document.

    Args:
        space: The space it belongs to.
        x: Its row, shape (d,) or (1, d).
    """
    graph, text = space.graphs(x), space.format(x)[0]
    plan = layout(graph.adjacency[0], graph.mask[0])
    boxes = _boxes(_nodes(graph), plan)
    if graph.adjacency[0, :, -1].sum() > 1:  # several results meet: say how
        last = max(boxes)
        boxes[last] = boxes[last]._replace(note=space.skeleton.output_merge)
    caption = text if plan.routes else f"{text} (nothing reaches the output)"
    graph_width = max(box.right for box in boxes.values()) + _MARGIN
    # A long text goes on below rather than make the picture wider than its graph.
    longest = int(max(graph_width, _WIDEST) - 2 * _MARGIN) // _TEXT_CHAR
    captions = textwrap.wrap(caption, int(longest), break_on_hyphens=False) or [""]
    width = max(graph_width, max(map(len, captions)) * _TEXT_CHAR + 2 * _MARGIN)
    lowest = max([h for _, h in plan.places.values()] + [h for lanes in plan.routes.values() for h in lanes])
    foot = 2 * _MARGIN + _HEIGHT + lowest * _ROW + _FOOT - 18
    height = foot + 18 + _LINE * (len(captions) - 1)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" role="img" style="max-width:100%;height:auto" font-family="{SANS}">',
        f"<title>{escape(text)}</title>",
        f'<rect x="0.5" y="0.5" width="{width - 1:.0f}" height="{height - 1:.0f}" rx="10" fill="#ffffff" '
        'stroke="#e2e8f0"/>',
        f'<g transform="translate({(width - graph_width) / 2:.1f} 0)">',
        *(_edge(a, b, boxes, plan) for a, b in plan.routes),
        *(box.draw() for box in boxes.values()),
        "</g>",
        *(
            f'<text x="{width / 2:.1f}" y="{foot + i * _LINE:.1f}" font-size="11" fill="#64748b" text-anchor="middle" '
            f'font-family="{MONO}">{escape(line)}</text>'
            for i, line in enumerate(captions)
        ),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


class _Box(NamedTuple):
    """One node of the picture, in pixels."""

    op: Operation
    note: str
    column: int
    left: float
    right: float
    y: float

    def draw(self) -> str:
        fill, border, ink = COLOURS[self.op.kind]
        dashes = ' stroke-dasharray="5 3"' if self.op.kind == "identity" else ""
        radius = _HEIGHT / 2 if self.op.kind in ENDS else 8
        out = (
            f'<rect x="{self.left:.1f}" y="{self.y - _HEIGHT / 2:.1f}" width="{self.right - self.left:.1f}" '
            f'height="{_HEIGHT}" rx="{radius:g}" fill="{fill}" stroke="{border}" stroke-width="1.4"{dashes}/>'
        )
        middle = (self.left + self.right) / 2
        texts = [(self.op.name, -2 if self.note else 5, 'font-size="14" font-weight="600"')]
        if self.note:
            texts.append((self.note, 13, 'font-size="10.5" fill-opacity="0.8"'))
        for text, down, look in texts:
            out += (
                f'<text x="{middle:.1f}" y="{self.y + down:.1f}" {look} fill="{ink}" text-anchor="middle">'
                f"{escape(text)}</text>"
            )
        return out


def _boxes(nodes: dict[int, Operation], plan: Layout) -> dict[int, _Box]:
    """Columns as wide as their widest box."""
    notes = {v: _note(op) for v, op in nodes.items()}
    # The output's box leaves room for the word that says how its inputs meet.
    needed = {
        v: _PADDING + max(len(op.name) * _NAME_CHAR, len(notes[v]) * _NOTE_CHAR, 70 if op.kind == "output" else 0)
        for v, op in nodes.items()
    }
    widths: dict[int, float] = {}
    for v, (column, _) in plan.places.items():
        widths[column] = max(widths.get(column, 0.0), needed[v])
    lefts, at = {}, float(_MARGIN)
    for column in sorted(widths):
        lefts[column] = at
        at += widths[column] + _GAP
    return {
        v: _Box(op, notes[v], c, lefts[c], lefts[c] + widths[c], _y(h))
        for (v, op), (c, h) in zip(nodes.items(), (plan.places[v] for v in nodes), strict=True)
    }


def _y(height: float) -> float:
    return _MARGIN + _HEIGHT / 2 + height * _ROW


def _nodes(graph: GraphBatch) -> dict[int, Operation]:
    return {int(v): graph.vocabulary[graph.ops[0, v]] for v in graph.mask[0].nonzero()[0]}


def _note(op: Operation) -> str:
    """Second line of a box: what kind of operation, and how heavy."""
    if op.kind in ENDS:
        return ""
    return f"{op.kind}, {op.cost:g}\u00d7 weights" if op.has_weights else op.kind


def _edge(a: int, b: int, boxes: dict[int, _Box], plan: Layout) -> str:
    """A smooth line through the lanes of an edge, with an arrow head."""
    spans = {box.column: (box.left, box.right) for box in boxes.values()}
    x, y, end = boxes[a].right, boxes[a].y, boxes[b]
    path = [f"M{x:.1f} {y:.1f}"]
    for column, height in enumerate(plan.routes[a, b], start=boxes[a].column + 1):
        left, right = spans[column]
        path.append(f"{_bend(x, y, left, _y(height))} H{right:.1f}")
        x, y = right, _y(height)
    base = end.left - 1 - _ARROW
    path.append(_bend(x, y, base + 1, end.y))
    return (
        f'<path d="{" ".join(path)}" fill="none" stroke="#94a3b8" stroke-width="1.6"/>'
        f'<path d="M{end.left - 1:.1f} {end.y:.1f} L{base:.1f} {end.y - 4:.1f} V{end.y + 4:.1f} Z" fill="#94a3b8"/>'
    )


def _bend(x: float, y: float, to_x: float, to_y: float) -> str:
    half = (x + to_x) / 2
    return f"C{half:.1f} {y:.1f} {half:.1f} {to_y:.1f} {to_x:.1f} {to_y:.1f}"
