"""Colours and shapes of the page and its figures, in one place.

Guided, random and hand-made differ in hue, in lightness and in shape, so that they stay apart for
colour-blind eyes and on a grey printer. Figures are drawn in the light colours; each of those stands
for a role, and becomes a CSS variable of that name in the page, which is how figures follow dark mode.
"""

from typing import NamedTuple

#: Role -> colour on a light page. No colour twice: a figure's colours are told apart by value.
LIGHT = {
    "paper": "#ffffff",
    "card": "#f5f7f9",
    "ink": "#17202b",
    "muted": "#56616f",
    "line": "#d4dae1",
    "guided": "#0a5fb4",
    "random": "#b8470b",
    "hand": "#6b7683",
}

#: The same roles on a dark page.
DARK = {
    "paper": "#12161b",
    "card": "#1b2129",
    "ink": "#e8ecf1",
    "muted": "#a3aebb",
    "line": "#37414d",
    "guided": "#6db6ff",
    "random": "#ff9d57",
    "hand": "#a9b3bf",
}


class Mark(NamedTuple):
    """How one kind of network looks.

    Attributes:
        role: Its colour, a key of :data:`LIGHT`.
        marker: Its shape in matplotlib.
        path: The same shape as an SVG path in a 12 x 12 box.
        scale: Size that makes it weigh as much as the others.
        line: Its line style in matplotlib.
        words: What it is called in a legend.
    """

    role: str
    marker: str
    path: str
    scale: float
    line: str | tuple[float, tuple[float, float]]
    words: str

    @property
    def colour(self) -> str:
        """The colour that figures are drawn in."""
        return LIGHT[self.role]


#: Kind of network -> its look; the order of legends.
MARKS = {
    "guided": Mark("guided", "o", "M6 1.2a4.8 4.8 0 1 0 .01 0z", 1.0, "-", "guided by prediction"),
    "random": Mark("random", "^", "M6 1 11.4 10.6H.6z", 1.15, (0, (4, 1.6)), "random search"),
    "hand": Mark("hand", "D", "M6 .4 11.6 6 6 11.6.4 6z", 0.85, ":", "hand-made"),
}

#: The random start that both arms share.
START = Mark("muted", "o", MARKS["guided"].path, 1.0, "-", "shared random start")


class Series(NamedTuple):
    """How one of many lines looks.

    Attributes:
        light: Its colour on a light page.
        dark: Its colour on a dark page.
        dash: Lengths of its dashes and gaps, in line widths; none = solid.
    """

    light: str
    dark: str
    dash: tuple[float, ...]


#: Colours that stay apart for colour-blind eyes (Okabe and Ito 2008, without the yellow that white paper swallows;
#: orange and sky blue a little darker on it); then the same ones dashed, and so on.
_HUES = (
    ("#0072b2", "#56a8e8"),
    ("#d55e00", "#ff8d45"),
    ("#009e73", "#35c99b"),
    ("#c2629a", "#e59ac6"),
    ("#c98a00", "#f0b93a"),
    ("#3b9bd1", "#9bd7fa"),
    ("#3a4450", "#d3dae2"),
)
_DASHES: tuple[tuple[float, ...], ...] = ((), (4.0, 1.6), (1.2, 1.4), (5.0, 1.4, 1.2, 1.4))


def series(i: int) -> Series:
    """The look of the i-th of many lines; more than 28 begin again."""
    light, dark = _HUES[i % len(_HUES)]
    return Series(light, dark, _DASHES[i // len(_HUES) % len(_DASHES)])
