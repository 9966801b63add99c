"""Fair budgets where evaluations differ in length: what counts is training, not how many times it was begun."""

from typing import TYPE_CHECKING

import numpy as np

from surrogate_nas.core import InvalidInputError

if TYPE_CHECKING:
    import pandas as pd


def by_full_trainings(frame: "pd.DataFrame", *, cost: str = "epochs") -> "pd.DataFrame":
    """Count a comparison's budget in full trainings instead of evaluations.

    One step of the new frame is the cost of one full training on the task: its longest schedule, or with
    ``cost="cost_s"`` the median seconds of those. A step's regret is the one known once its budget is spent, so that a
    strategy of many short trainings is compared with one of few long ones at the same price. Every statistic, figure
    and page works on the new frame as on the old one.

    Args:
        frame: The tidy frame of a comparison, with the columns of ``read_runs``, ``epochs``, and ``cost_s`` if used.
        cost: "epochs", or "cost_s" for recorded seconds.

    Returns:
        Rows of ``frame``, the last one of each run within each step, with new steps; a step in which nothing was
        finished has no row.

    Raises:
        InvalidInputError: A cost is missing or not positive.
    """
    missing = [name for name in (cost, "epochs") if name not in frame.columns]
    if missing:
        raise InvalidInputError(f"comparison: expected a frame with the column {missing[0]!r}, got {list(frame)}")
    keys = ["strategy", "task", "seed"]
    ordered = frame.sort_values([*keys, "step"], kind="stable")
    spent = ordered[cost].to_numpy(dtype=np.float64, na_value=np.nan)
    if not (spent > 0).all():
        free = int((~(spent > 0)).sum())
        raise InvalidInputError(
            f"{cost}: expected what each evaluation cost, got {free} of {len(frame)} rows without; count evaluations "
            "instead"
        )
    timed = ordered[keys].assign(spent=spent, epochs=ordered["epochs"].to_numpy(dtype=np.float64, na_value=np.nan))
    full = timed["epochs"] == timed.groupby("task", observed=True)["epochs"].transform("max")
    if cost != "epochs" and timed["epochs"].isna().all():  # a schedule of unknown length is the only one there is
        full[:] = True
    unit = timed[full].groupby("task", observed=True)["spent"].median()
    total = timed.groupby(keys, observed=True, sort=False)["spent"].cumsum()
    units = timed["task"].map(unit).to_numpy(dtype=np.float64)
    # Sums of floats may exceed a whole number of units by less than a billionth.
    steps = np.ceil(total.to_numpy() / units - 1e-9).astype(np.int64)
    counted = ordered.assign(step=np.maximum(steps, 1))
    return counted.drop_duplicates([*keys, "step"], keep="last", ignore_index=True)
