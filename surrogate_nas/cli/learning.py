"""What ``fit`` and ``rank`` share: learning from a user's measurements, and showing which architectures look best."""

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

from surrogate_nas.cli.console import show_table
from surrogate_nas.core import InvalidInputError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd

    from surrogate_nas.core import Direction
    from surrogate_nas.predictors import BasePredictor, MetaPredictor
    from surrogate_nas.spaces.base import Rows, SearchSpace

Say = Callable[[str], None]

#: Spaces up to this size are ranked whole; of larger ones so many rows are drawn.
WHOLE, DRAWN = 50_000, 20_000

#: Of a larger space, the neighbours of so many of the best measured architectures are ranked too.
AROUND = 10

#: Share of next measurements that are to lie within an interval.
LEVEL = 0.9


def as_direction(text: str) -> "Direction":
    """The option --direction."""
    if text == "max":
        return "max"
    if text == "min":
        return "min"
    raise InvalidInputError(f"--direction: expected max (higher is better) or min (lower is better), got {text!r}")


def names_of(text: str | None) -> list[str]:
    """Column names of an option, between commas."""
    return [name.strip() for name in (text or "").split(",") if name.strip()]


def across_tasks(table: str, seed: int | None, say: Say) -> "MetaPredictor":
    """What the tasks of a table teach: as it ships with the package, else learned now.

    Args:
        table: A table's name or file.
        seed: Seed to learn with now; None takes what ships where there is something.
        say: Tells the user what is being done.
    """
    from surrogate_nas.predictors import MetaPredictor
    from surrogate_nas.predictors.pretrained import pretrained_on
    from surrogate_nas.tables import load_table

    shipped = pretrained_on(table) if seed is None else None
    if shipped is not None:
        meta = MetaPredictor.from_pretrained(shipped)
        say(f"Learned across {', '.join(meta.tasks_)} before it was packaged.")
        return meta
    opened = load_table(table)
    sources = {task: opened.data(task=task, split="val") for task in opened.tasks}
    say(f"Learning across {', '.join(sources)} ...")
    return MetaPredictor(opened.space, random_state=seed or 0).fit(sources)


def check_learnable(y: "npt.NDArray[np.float64]", place: object) -> None:
    """Refuse scores that nothing can be learned from.

    Args:
        y: Measured scores.
        place: Where they stood, for the message.
    """
    if not len(y):
        raise InvalidInputError(f"{place}: expected at least one score, got none that did not fail; train some first")
    if len(y) > 1 and y.min() == y.max():
        raise InvalidInputError(
            f"{place}: expected scores that differ, got {len(y)} equal to {y[0]:g}: nothing to rank by; "
            "measure other architectures, or check the column"
        )


def learn(
    space: "SearchSpace",
    X: "Rows",
    y: "npt.NDArray[np.float64]",
    *,
    extra: "npt.NDArray[np.float64] | None" = None,
    meta: "MetaPredictor | None" = None,
    direction: "Direction" = "max",
    seed: int | None = None,
) -> "BasePredictor":
    """A predictor of the user's task: adapted from earlier tasks where there are some, else from the scores alone.

    Args:
        space: Space of the rows.
        X: Measured rows.
        y: Their scores, checked.
        extra: Their side features.
        meta: What earlier tasks taught.
        direction: Whether higher or lower is better.
        seed: Seed of the predictor.
    """
    from surrogate_nas.predictors import AutoPredictor

    if meta is not None:
        return meta.adapt(X, y, direction=direction)
    if len(y) < 2:
        raise InvalidInputError(f"expected at least 2 scores where no earlier tasks help, got {len(y)}; measure more")
    return AutoPredictor(space, random_state=seed or 0, direction=direction).fit(X, y, extra=extra)


def candidates(space: "SearchSpace", best: "Rows | None" = None) -> "tuple[Rows, str]":
    """Architectures to rank where the user named none, and what they are of the space, in words.

    Args:
        space: The space.
        best: Measured rows, the best first.
    """
    import numpy as np

    if space.size <= WHOLE:
        return space.enumerate(), f"all {space.size:,} architectures"
    drawn = [space.sample(DRAWN, np.random.default_rng(0))]
    near = [] if best is None else [best[:AROUND], *(space.neighbors(x) for x in best[:AROUND])]
    rows = np.concatenate([*near, *drawn])
    _, first = np.unique(space.keys(rows), return_index=True)
    about = f"{len(first):,} architectures drawn from {space.size:.3g}"
    return rows[np.sort(first)], about + (" and around the best measured ones" if near else "")


def best_of(
    predictor: "BasePredictor", X: "Rows", top: int, extra: "npt.NDArray[np.float64] | None" = None
) -> "pd.DataFrame":
    """The best of some rows: architecture, mean, std, low, high, and the probability to be the best of those shown."""
    ranking = predictor.rank(X, top=top, extra=extra)
    side = None if extra is None else extra[ranking.index]
    low, high = predictor.predict_interval(ranking.rows, level=LEVEL, extra=side)
    chance = predictor.probability_best(ranking.rows, extra=side)
    return ranking.to_pandas().assign(low=low, high=high, probability_best=chance)


def show_ranking(frame: "pd.DataFrame", unit: str = "") -> None:
    """Print what :func:`best_of` found."""
    from surrogate_nas.predictors.explaining.wording import lines

    spread = float(frame["std"].mean())
    digits = min(max(2 - math.floor(math.log10(spread)), 0), 8) if spread > 0 else 4

    def score(value: float) -> str:
        return f"{value:.{digits}f}"

    show_table(
        ["rank", f"expected{f' {unit}' if unit else ''}", f"{LEVEL:.0%} interval", "best of these", "architecture"],
        [
            [str(i), score(r.mean), f"{score(r.low)} to {score(r.high)}", f"{r.probability_best:.0%}", r.architecture]
            for i, r in enumerate(lines(frame), 1)
        ],
        right=(0, 1, 2, 3),
    )
