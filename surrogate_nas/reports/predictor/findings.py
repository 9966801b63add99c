"""What there is to say about a fitted predictor: numbers alone, drawn by nobody here."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, final

import numpy as np
import numpy.typing as npt

from surrogate_nas.core import InvalidInputError
from surrogate_nas.core.statistics import kendall_tau, spearman
from surrogate_nas.core.validation import check_scores
from surrogate_nas.encodings import OneHotEncoder
from surrogate_nas.predictors import BasePredictor, BoostedTrees, Predictor, explain, leave_out
from surrogate_nas.predictors.explaining.architecture import ArchitectureExplanation
from surrogate_nas.predictors.explaining.held_out import ENOUGH, LeftOut
from surrogate_nas.predictors.explaining.space import SpaceExplanation, rows_to_explain
from surrogate_nas.predictors.explaining.wording import Wording
from surrogate_nas.spaces.base import Rows, SearchSpace

if TYPE_CHECKING:
    import pandas as pd

Floats = npt.NDArray[np.float64]

#: Architectures at the top that are listed, and the level of their intervals.
TOP, LEVEL = 10, 0.9


class Yardstick(NamedTuple):
    """How well one way to predict orders rows that it has not seen.

    Attributes:
        name: What it is.
        kendall: Kendall's tau-b with the measured scores.
        spearman: Spearman's correlation with them.
        error: Mean absolute error; NaN where it predicts an order alone.
    """

    name: str
    kendall: float
    spearman: float
    error: float


@final
@dataclass(frozen=True)
class PredictorFindings:
    """Everything the page of a predictor shows.

    Attributes:
        predictor: The fitted predictor.
        space: Its space.
        X: Measured rows, shape (n, d).
        y: Their scores, shape (n,).
        seed: Seed of the division into parts.
        left_out: Predictions of rows by predictors that had not seen them; None where there are too few rows.
        yardsticks: The predictor and trivial ways to predict, by the same parts; empty where there are too few rows.
        learned: What it has learned about the space.
        best: The best predicted: architecture, mean, low, high, probability (of being the best of these), measured.
        first: The best predicted one, change by change.
        candidates: Architectures that were ranked.
        unit: Unit of the scores.
        wording: How scores are written.
    """

    predictor: BasePredictor
    space: SearchSpace
    X: Rows
    y: Floats
    seed: int
    left_out: LeftOut | None
    yardsticks: list[Yardstick]
    learned: SpaceExplanation
    best: "pd.DataFrame"
    first: ArchitectureExplanation
    candidates: int
    unit: str
    wording: Wording


def find(
    predictor: BasePredictor,
    X: npt.ArrayLike | None = None,
    y: npt.ArrayLike | None = None,
    *,
    extra: npt.ArrayLike | None = None,
    unit: str = "",
    random_state: int = 0,
    left_out: LeftOut | None = None,
    learned: SpaceExplanation | None = None,
) -> PredictorFindings:
    """Compute all numbers of the page.

    Args:
        predictor: A predictor of architectures, fitted to X and y.
        X: Measured rows, shape (n, d); None where they are not at hand, and y is None too.
        y: Their scores, shape (n,).
        extra: Their side features, if the predictor was fitted with some; then the page speaks of these rows alone.
        unit: Unit of the scores.
        random_state: Seed of the division into parts.
        left_out: What ``leave_out`` gave for these rows and this seed, where it is at hand already.
        learned: What ``explain`` gave for the space, likewise.

    Raises:
        InvalidInputError: The predictor has no space or is not fitted, or arrays do not fit together.
    """
    space = predictor.space
    if space is None:
        raise InvalidInputError("predictor: expected one of a space's architectures, got one of plain features")
    if (X is None) != (y is None):
        raise InvalidInputError("X and y: expected both or neither, got one of them")
    rows, side = predictor._check_inputs(np.empty((0, space.n_genes), dtype=np.int16) if X is None else X, extra)
    scores = np.empty(0) if y is None else check_scores(y, len(rows))
    if left_out is None and len(rows) >= ENOUGH:
        left_out = leave_out(predictor, rows, scores, extra=side, random_state=random_state)
    yardsticks = [] if left_out is None else _yardsticks(predictor, space, rows, left_out, random_state)
    candidates = rows_to_explain(space) if side is None else rows
    others = [] if left_out is None else left_out.predictors
    best = _best(predictor, space, candidates, side, rows, scores)
    x = space.parse([best["architecture"].iloc[0]])
    own = None if side is None else side[(rows == x).all(axis=1)][:1]
    if learned is None:
        learned = explain(predictor, X=candidates, extra=side, left_out=others, unit=unit)
    return PredictorFindings(
        predictor=predictor, space=space, X=rows, y=scores, seed=random_state, left_out=left_out,
        yardsticks=yardsticks, learned=learned, best=best, candidates=len(candidates), unit=unit,
        first=explain(predictor, x, extra=own, left_out=others, unit=unit),
        wording=Wording.of(unit, predictor.direction, scores) if len(scores) > 1 else learned.wording,
    )  # fmt: skip


def _yardsticks(predictor: BasePredictor, space: SearchSpace, X: Rows, left_out: LeftOut, seed: int) -> list[Yardstick]:
    y = left_out.y
    trees = Predictor(space, OneHotEncoder(space), BoostedTrees(n_models=1), direction=predictor.direction)
    plain = leave_out(trees, X, y, random_state=seed)
    graphs = space.graphs(X)
    cost = np.append([op.cost for op in graphs.vocabulary], 0.0)[graphs.ops].sum(axis=1)
    return [
        Yardstick(type(predictor).__name__, left_out.kendall, left_out.spearman, left_out.error),
        Yardstick("XGBoost on one-hot genes", plain.kendall, plain.spearman, plain.error),
        Yardstick("weights of the operations, summed", kendall_tau(cost, y), spearman(cost, y), float("nan")),
        Yardstick("the same score for all", 0.0, 0.0, float(np.abs(y - np.median(y)).mean())),
    ]


def _best(
    predictor: BasePredictor, space: SearchSpace, candidates: Rows, side: Floats | None, X: Rows, y: Floats
) -> "pd.DataFrame":
    """The best predicted of the candidates, with what was measured of each."""
    import pandas as pd

    mean = predictor.predict(candidates, extra=side)
    order = np.argsort(-mean if predictor.direction == "max" else mean, kind="stable")[:TOP]
    some = None if side is None else side[order]
    low, high = predictor.predict_interval(candidates[order], level=LEVEL, extra=some)
    texts = space.format(candidates[order])
    measured = pd.Series(y, index=space.format(X)).groupby(level=0).mean()
    return pd.DataFrame(
        {
            "architecture": texts,
            "mean": mean[order],
            "low": low,
            "high": high,
            "probability": predictor.probability_best(candidates[order], extra=some),
            "measured": measured.reindex(texts).to_numpy(),
        }
    )
