"""One matplotlib figure as SVG that can stand in a page: the page's fonts, its colours, no clashing names.

matplotlib's global state is left as it was: the figure is an object of its own, and settings hold inside
the context alone.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from io import StringIO
from typing import Any, final

import matplotlib
from matplotlib.artist import Artist
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from surrogate_nas.reports.palette import LIGHT

#: SVG units per inch; a figure 420 units wide is set in text of 10 units, so it reads on a phone too.
_DPI = 72

_STYLE: dict[str, Any] = {
    "axes.axisbelow": True,
    "axes.edgecolor": LIGHT["line"],
    "axes.labelcolor": LIGHT["muted"],
    "axes.labelpad": 6.0,
    "axes.linewidth": 1.0,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "figure.dpi": _DPI,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "font.family": ["DejaVu Sans"],
    "font.size": 10.0,
    "grid.color": LIGHT["line"],
    "grid.linewidth": 0.7,
    "svg.fonttype": "none",
    "text.parse_math": False,
    "text.color": LIGHT["ink"],
    "xtick.color": LIGHT["muted"],
    "xtick.major.size": 3.0,
    "ytick.color": LIGHT["muted"],
    "ytick.major.size": 3.0,
}

_ROLE = {colour: role for role, colour in LIGHT.items()}
_COLOUR = re.compile(r"#[0-9a-f]{6}\b")
_FAMILY = re.compile(r"'DejaVu Sans'(?:, [^;\"]*)?")
_NAME = re.compile(r' id="([^"]*)"')
_USED = re.compile(r'(?:href="#|url\(#)([^")]+)')


@final
class Sheet:
    """A figure of one pair of axes, while it is being drawn.

    Attributes:
        axes: Where to draw.
    """

    def __init__(self, name: str, width: float, height: float) -> None:
        self._name = name
        self._figure = Figure(figsize=(width / _DPI, height / _DPI), layout="constrained")
        FigureCanvasSVG(self._figure)
        self.axes = self._figure.add_subplot()
        self._tips: dict[str, str] = {}

    def tip(self, artist: Artist, text: str) -> None:
        """Show ``text`` when the pointer rests on ``artist``."""
        name = f"tip{len(self._tips)}"
        artist.set_gid(name)
        self._tips[name] = text

    def svg(self, label: str) -> str:
        """The figure as an ``<svg>`` element.

        Args:
            label: What it shows, for readers who cannot see it.
        """
        text = StringIO()
        nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))  # a report made twice is the same report
        self._figure.savefig(text, format="svg", metadata=nothing)
        return self._for_page(text.getvalue(), label)

    def _for_page(self, document: str, label: str) -> str:
        svg = document[document.index("<svg") :].strip()
        for name, text in self._tips.items():
            svg = svg.replace(f'<g id="{name}">', f'<g id="{name}"><title>{escape(text)}</title>', 1)
        used = set(_USED.findall(svg))
        # Names that nothing refers to would clash with those of the next figure in the page.
        svg = _NAME.sub(lambda m: m[0] if m[1] in used else "", svg)
        svg = _COLOUR.sub(lambda m: f"var(--{_ROLE[m[0]]})" if m[0] in _ROLE else m[0], svg)
        svg = _FAMILY.sub("inherit", svg)
        return svg.replace("<svg ", f'<svg role="img" aria-label="{escape(label)}" ', 1)


@contextmanager
def sheet(name: str, width: float, height: float) -> Iterator[Sheet]:
    """Draw one figure in the report's style.

    Args:
        name: Salt of the names inside the SVG: another one for each figure of a page.
        width: Width in SVG units, 72 to the inch.
        height: Height in SVG units.
    """
    with matplotlib.rc_context():
        matplotlib.rcdefaults()  # a user's matplotlibrc does not change a report
        settings: Any = _STYLE | {"svg.hashsalt": name}
        matplotlib.rcParams.update(settings)
        yield Sheet(name, width, height)
