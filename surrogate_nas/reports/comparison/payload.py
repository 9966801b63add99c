"""What the page's script needs of a comparison: thinned out, curves in single precision, a megabyte or two."""

import base64
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from surrogate_nas.experiments.statistics import Runs, critical_difference, first_hits, has_target
from surrogate_nas.reports.markup import Html
from surrogate_nas.reports.palette import series

if TYPE_CHECKING:
    import pandas as pd

#: Points of a curve: more would not be seen.
POINTS = 150

#: Budgets that can be chosen for the tables: round numbers, and the last.
BUDGETS = (10, 25, 50, 100, 150, 300, 1000, 3000, 10_000)


def payload(splits: dict[str, Runs], tasks: "pd.DataFrame") -> dict[str, Any]:
    """Everything that is drawn and computed in the browser, as JSON-able values.

    Args:
        splits: Runs by the words for what their regret was measured on; the first is the split that was searched on.
            All have the same strategies; tasks may be fewer.
        tasks: Indexed by task: unit, best, target.
    """
    own = next(iter(splits.values()))
    k = len(own.strategies)
    return {
        "strategies": [_strategy(i, name) for i, name in enumerate(own.strategies)],
        "tasks": [{"name": task, "unit": _unit(tasks, task), "target": has_target(tasks, task)} for task in own.tasks],
        "seeds": len(own.seeds),
        "budgets": budgets(own.budget),
        "splits": [{"name": name, **_split(runs, own.tasks)} for name, runs in splits.items()],
        "hits": _packed(first_hits(own, tasks)),
        # Nemenyi's critical difference of k strategies on one task; it shrinks with the root of the number of tasks.
        "cd": {size: critical_difference(size, 1) for size in range(2, k + 1)},
    }


def budgets(last: int) -> list[int]:
    """Numbers of evaluations to choose from."""
    return [*(n for n in BUDGETS if n < last), last]


def json_in_html(values: dict[str, Any]) -> Html:
    """JSON that can stand inside a script element: nothing in it ends the element or begins another."""
    text = json.dumps(values, allow_nan=False, separators=(",", ":"))
    return Html(text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e"))


def _strategy(i: int, name: str) -> dict[str, str]:
    look = series(i)
    dash = ",".join(f"{2.2 * length:g}px" for length in look.dash) or "solid"
    return {"name": name, "light": look.light, "dark": look.dark, "dash": dash}


def _unit(tasks: "pd.DataFrame", task: str) -> str:
    unit = str(tasks.loc[task, "unit"]) if task in tasks.index else ""
    return "" if unit == "1" else unit


def _split(runs: Runs, tasks: Sequence[str]) -> dict[str, Any]:
    """Curves and values at the budgets, over all tasks: NaN where this split has none of a task."""
    steps = np.unique(np.geomspace(1, runs.budget, POINTS).round().astype(int)) if runs.budget > POINTS else None
    steps = np.arange(1, runs.budget + 1) if steps is None else steps
    there = [task in runs.tasks for task in tasks]
    at = [n - 1 for n in budgets(runs.budget)]
    count = np.maximum((runs.length > 0).sum(axis=2), 1)[..., None]
    known = np.isfinite(runs.regret[..., :1])
    values = np.where(known, runs.regret[..., steps - 1], 0.0)
    mean = values.sum(axis=2) / count
    spread = np.where(known, (values - mean[:, :, None]) ** 2, 0.0).sum(axis=2) / np.maximum(count - 1, 1)
    missing = ~known.any(axis=2)
    area = np.where(known, np.cumsum(np.where(known, runs.regret, 0.0), axis=3), 0.0)[..., at].sum(axis=2)
    parts = {
        "mean": np.where(missing, np.nan, mean).astype("<f4"),
        "error": np.where(missing, np.nan, np.sqrt(spread / count)).astype("<f4"),
        "area": np.where(missing, np.nan, area / count / (np.array(at) + 1)),
        "final": runs.regret[..., at],  # in full, so that ties are ties, and ranks those of the library
    }
    scale = np.ones(len(tasks))
    scale[there] = runs.scale
    packed = {name: _packed(_spread(part, there)) for name, part in parts.items()}
    return {"steps": steps.tolist(), "scale": scale.tolist(), **packed}


def _spread(values: npt.NDArray[np.floating], there: list[bool]) -> npt.NDArray[np.floating]:
    """Put tasks (the second axis) in their places among all."""
    full = np.full((values.shape[0], len(there), *values.shape[2:]), np.nan, dtype=values.dtype)
    full[:, there] = values
    return full


def _packed(values: npt.NDArray[np.floating]) -> str:
    """The numbers' bytes, little-endian, as text."""
    kind = values.dtype.newbyteorder("<")
    return base64.b64encode(values.astype(kind).tobytes()).decode("ascii")
