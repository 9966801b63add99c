"""Where an axis begins and ends, so that one network that learned nothing does not flatten all others."""

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import pandas as pd


def fence(values: npt.ArrayLike) -> float:
    """Lowest value that is no outlier; what lies below is named in a figure, not drawn to scale.

    Args:
        values: Any shape; NaN does not count. An outlier lies more than one and a half times the width of the
            middle half below it (Tukey's rule).

    Returns:
        That value; 0 where there is none.
    """
    given = np.asarray(values, dtype=np.float64)
    known = given[np.isfinite(given)]
    if not known.size:
        return 0.0
    lower, upper = np.quantile(known, [0.25, 0.75])
    return float(known[known >= lower - 1.5 * (upper - lower)].min())


def curve_limits(curves: "pd.DataFrame") -> tuple[float, float, list[str]]:
    """Limits for learning curves that show how the best ones end rather than how all of them begin.

    Args:
        curves: As :func:`surrogate_nas.reports.findings.curves` gives them; at least one row.

    Returns:
        Lowest and highest accuracy of the axis, fractions, and the labels of networks that stay below it.
    """
    best = curves.groupby("label", sort=False)["mean"].max()
    # The two arms decide: of what people build by hand, some learns little on any task.
    arms = curves[curves["kind"] != "hand"].groupby("label")["mean"].max()
    lowest, highest = fence(arms if len(arms) else best), float(best.max())
    # Two thirds of the picture for the way up, one for the differences at the end; at least six points in all.
    low = max(lowest - 2 * max(highest - lowest, 0.02), float(curves["mean"].min()) - 0.01)
    band = float((curves["mean"] + curves["std"].fillna(0)).max())
    return low, band + 0.03 * (band - low), [str(label) for label in best.index[best < low]]
