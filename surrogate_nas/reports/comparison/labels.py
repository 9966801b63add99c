"""Names at the ends of lines, moved apart where they would overlap."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from surrogate_nas.reports.palette import LIGHT

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

#: Where the piece of line beside a name begins and ends, and where the name begins: points from the axes' right edge.
KEY = (9.0, 22.0, 25.0)


def spread(positions: npt.ArrayLike, gap: float, low: float, high: float) -> npt.NDArray[np.float64]:
    """Move positions as little as needed, in their order, until neighbours are ``gap`` apart.

    Args:
        positions: Shape (n,).
        gap: Smallest distance.
        low: Where the first may be at the lowest, and ...
        high: ... the last at the highest; where there is too little room for all, the gap shrinks.

    Returns:
        New positions, in the order of the old ones.
    """
    wanted = np.asarray(positions, dtype=np.float64)
    order = np.argsort(wanted, kind="stable")
    steps = min(gap, (high - low) / max(1, len(wanted) - 1)) * np.arange(len(wanted))
    # Without the steps the gaps are zero, and the nearest ordered positions are a running extreme, taken from both
    # sides and halved: the least that works from below, the most that works from above.
    rest = wanted[order] - steps
    middle = (np.maximum.accumulate(rest) + np.minimum.accumulate(rest[::-1])[::-1]) / 2
    placed = np.empty_like(wanted)
    placed[order] = np.clip(middle, low, high - (steps[-1] if len(steps) else 0.0)) + steps
    return placed


def label_ends(axes: "Axes", lines: Sequence["Line2D"], names: Sequence[str], *, at: int = -1) -> None:
    """Write each line's name beside the right edge, with a piece of the line, joined to where it ends.

    Args:
        axes: Where the lines are; its limits and its place in the figure are final.
        lines: The lines.
        names: One per line.
        at: Which of a line's points stands at the right edge; one outside the axis is joined to the axis' end.
    """
    if not lines:
        return
    size = float(axes.xaxis.get_ticklabels()[0].get_fontsize())
    width, height = (72 * inches / axes.figure.dpi for inches in axes.get_window_extent().size)
    values = np.array([np.asarray(line.get_ydata(), dtype=np.float64)[at] for line in lines])
    low, high = sorted(axes.get_ylim())
    shown = np.clip(values, low, high)
    begins = axes.transAxes.inverted().transform(
        axes.transData.transform(np.column_stack([np.ones_like(shown), shown]))
    )
    places = spread(begins[:, 1], 1.2 * size / height, 0.0, 1.0)
    joint, key, text = (1 + points / width for points in KEY)
    for line, name, begin, place in zip(lines, names, begins[:, 1], places, strict=True):
        look: dict[str, Any] = {"transform": axes.transAxes, "color": line.get_color(), "clip_on": False}
        axes.plot([1.0, joint], [begin, place], lw=0.5, **look)
        axes.plot([joint, key], [place, place], ls=line.get_linestyle(), lw=line.get_linewidth(), **look)
        axes.text(text, place, name, transform=axes.transAxes, color=LIGHT["ink"], size=size, va="center")
