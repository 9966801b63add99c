"""From finished runs to one tidy frame, the same whatever order and pieces they came in."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from surrogate_nas.core import InvalidInputError
from surrogate_nas.experiments.comparing.cells import column_of
from surrogate_nas.experiments.comparing.comparison import COLUMNS, tasks_frame
from surrogate_nas.experiments.comparing.parts import Parts
from surrogate_nas.experiments.comparing.sources import tables_behind
from surrogate_nas.experiments.objectives import Objective

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

Codes = npt.NDArray[np.int64]

#: Share of what is measured that counts as the best: a search that finds one of them has reached its target.
BEST_SHARE = 1 / 1000


def describe_tasks(objectives: Mapping[str, Objective]) -> "pd.DataFrame":
    """Metric, split, unit, direction, best and target of each task, indexed by it."""
    rows = [{"task": task, **_describe(objective)} for task, objective in objectives.items()]
    return tasks_frame({name: [row[name] for row in rows] for name in rows[0]})


def _describe(objective: Objective) -> dict[str, Any]:
    column, best, target = column_of(objective), np.nan, np.nan
    if column is not None:
        values, best = objective.truth(tables_behind(objective)[0].table.X, column.split)
        ascending = np.sort(objective.signs[0] * values[np.isfinite(values)])
        target = objective.signs[0] * ascending[-math.ceil(len(ascending) * BEST_SHARE)]
    return {
        "metric": objective.metrics[0],
        "split": column.split if column else "",
        "unit": column.unit if column else "",
        "direction": objective.direction,
        "best": float(best),
        "target": float(target),
    }


def assemble(parts: Parts, strategies: Sequence[str], tasks: "pd.DataFrame", seeds: Sequence[int]) -> "pd.DataFrame":
    """The frame of a comparison: by strategy, task and seed in the order given, then by step.

    Args:
        parts: The finished runs; those not asked for here stay out.
        strategies: Names of the strategies.
        tasks: See :func:`describe_tasks`.
        seeds: The seeds.

    Raises:
        InvalidInputError: No run was finished.
    """
    import pyarrow as pa

    position = {seed: i for i, seed in enumerate(seeds)}
    cells = [
        (s, t, runs)
        for s, strategy in enumerate(strategies)
        for t, task in enumerate(tasks.index)
        if (runs := parts.runs(strategy, task, position)) is not None
    ]
    if not cells:
        raise InvalidInputError("compare: expected at least one run that succeeded, got none")
    lengths = [len(runs) for _, _, runs in cells]
    s, t = (np.repeat([cell[i] for cell in cells], lengths) for i in (0, 1))
    table = pa.concat_tables([runs for *_, runs in cells]).unify_dictionaries().combine_chunks()
    return _frame(table, s, t, list(strategies), tasks, seeds)


def _frame(
    table: "pa.Table", s: Codes, t: Codes, strategies: Sequence[str], tasks: "pd.DataFrame", seeds: Sequence[int]
) -> "pd.DataFrame":
    import pandas as pd

    seed = table["seed"].to_numpy()
    order = np.argsort(seeds)
    at = order[np.searchsorted(np.asarray(seeds)[order], seed)]  # position of each row's seed
    shape = len(strategies), len(tasks), len(seeds)
    runs, run = np.unique(np.ravel_multi_index((s, t, at), shape), return_inverse=True)
    names = [
        f"{strategies[i]}/{tasks.index[j]}/{seeds[k]}" for i, j, k in zip(*np.unravel_index(runs, shape), strict=True)
    ]
    columns = {
        "run": pd.Categorical.from_codes(run, pd.Index(names)),
        "strategy": pd.Categorical.from_codes(s, pd.Index(strategies)),
        "task": pd.Categorical.from_codes(t, pd.Index(list(tasks.index))),
        "seed": seed,
        "step": table["step"].to_numpy(),
        "architecture": _sorted_categories(table["architecture"]),
        "epochs": table["epochs"].to_pandas(types_mapper=lambda kind: pd.Int64Dtype()),
        "metric": _by_task(tasks["metric"], t),
        "split": _by_task(tasks["split"], t),
        **{name: table[name].to_numpy() for name in ("worker", "cost_s", "value", "regret", "test_regret")},
    }
    return pd.DataFrame({name: columns[name] for name in COLUMNS})


def _by_task(names: "pd.Series[Any]", t: Codes) -> "pd.Categorical":
    import pandas as pd

    categories, codes = np.unique(names.to_numpy(dtype=str), return_inverse=True)
    return pd.Categorical.from_codes(codes[t], pd.Index(categories.tolist()))


def _sorted_categories(column: "pa.ChunkedArray") -> "pd.Categorical":
    """Text as categories in alphabetical order, and no others than there are: so they tell nothing of the parts."""
    import pandas as pd

    values = column.combine_chunks()
    used, codes = np.unique(values.indices.to_numpy(), return_inverse=True)
    texts = values.dictionary.take(used).to_pylist()
    order = sorted(range(len(texts)), key=texts.__getitem__)
    return pd.Categorical.from_codes(np.argsort(order)[codes], pd.Index([texts[i] for i in order]))
