"""The search, training by training."""

from typing import TYPE_CHECKING

from surrogate_nas.reports import figures, findings
from surrogate_nas.reports.markup import Html, figure, glyph, html, legend, paragraph
from surrogate_nas.reports.palette import MARKS
from surrogate_nas.reports.run import Run
from surrogate_nas.reports.scales import fence

if TYPE_CHECKING:
    import pandas as pd


def progress(run: Run) -> list[Html]:
    """Write the section.

    Args:
        run: The run.
    """
    frame = findings.best_so_far(run)
    caption = html(
        legend(*((glyph(kind, filled=False), MARKS[kind].words) for kind in ("guided", "random"))),
        paragraph(
            "Lines: the best validation score so far. Small marks: each network, trained once. " + _outside(frame)
        ),
        paragraph(
            "One training is partly luck, and the best of many is luckier than most: that is why finalists are trained "
            "again with fresh seeds."
        ),
    )
    return [figure(figures.best_so_far(frame, run.budget.support), caption)]


def _outside(frame: "pd.DataFrame") -> str:
    words = []
    if (frame["val"] < fence(frame["val"])).any():
        words.append("▾ lies far below.")
    if frame["val"].isna().any():
        words.append("× failed.")
    return " ".join(words)
