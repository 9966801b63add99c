"""Where an axis begins and ends, so that one network that learned nothing does not flatten all others."""

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import pandas as pd


def fence(values: npt.ArrayLike) -> float:
    """Lowest value that is no outlier; what lies below is named in a figure, not drawn to scale.

    Args:
        values: Any shape; NaN does not count. An outlier lies more than three times the width of the middle
            half below it.

    Returns:
        That value; 0 where there is none.
    """
    given = np.asarray(values, dtype=np.float64)
    known = given[np.isfinite(given)]
    if not known.size:
        return 0.0
    lower, upper = np.quantile(known, [0.25, 0.75])
    return float(known[known >= lower - 3 * (upper - lower)].min())


def curve_limits(curves: "pd.DataFrame") -> tuple[float, float, list[str]]:
    """Limits for learning curves that leave room for where they end rather than where they begin.

    Args:
        curves: As :func:`surrogate_nas.reports.findings.curves` gives them; at least one row.

    Returns:
        Lowest and highest accuracy of the axis, fractions, and the labels of networks that stay below it.
    """
    best = curves.groupby("label", sort=False)["mean"].max()
    lowest, highest = fence(best), float(best.max())
    # Two thirds of the picture for the way up, one for the differences at the end; at least six points in all.
    low = lowest - 2 * max(highest - lowest, 0.02)
    band = float((curves["mean"] + curves["std"].fillna(0)).max())
    return low, band + 0.03 * (band - low), [str(label) for label in best.index[best < low]]
