"""TreeSHAP: what each feature contributes to the prediction of boosted trees, exactly, through xgboost.

References:
    S. Lundberg et al., From local explanations to global understanding with explainable AI for trees, Nature Machine
    Intelligence 2020, arXiv:1905.04610.
"""

import re
from collections.abc import Callable, Sequence
from functools import partial, singledispatch
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt
import xgboost
from scipy.stats import rankdata

from surrogate_nas.predictors.auto import AutoPredictor
from surrogate_nas.predictors.base import BasePredictor, Predictor
from surrogate_nas.predictors.boosted import BoostedTrees
from surrogate_nas.predictors.inputs import Floats
from surrogate_nas.predictors.normal_scores import NormalScores
from surrogate_nas.spaces.base import SearchSpace

if TYPE_CHECKING:
    import pandas as pd

#: Rows over which contributions are averaged; they cost far more than predictions.
ROWS = 256

#: What separates operations in the names of features.
_SEPARATORS = re.compile(r" -> |[ +]")


class Trees(NamedTuple):
    """Boosted trees inside a predictor.

    Attributes:
        model: The fitted regressor.
        width: Number of columns it reads, the first ones.
        weight: Its share of the mean over all trees of the predictor.
        to_score: From what it predicts to the score's own unit, increasing.
    """

    model: BoostedTrees
    width: int
    weight: float
    to_score: Callable[[Floats], Floats]


class TreeView(NamedTuple):
    """All boosted trees inside a predictor and what they see of some rows.

    Attributes:
        trees: The trees; weights add up to one.
        floats: Their input, shape (n, f).
        names: Name of each column.
    """

    trees: list[Trees]
    floats: npt.NDArray[np.floating]
    names: list[str]


@singledispatch
def tree_view(
    predictor: BasePredictor, X: npt.NDArray[np.int16], extra: npt.NDArray[np.float64] | None
) -> TreeView | None:
    """The boosted trees inside a fitted predictor and their input; None where there are none.

    Args:
        predictor: Any fitted predictor.
        X: Rows, shape (n, d).
        extra: Their side features.
    """
    return None


@tree_view.register
def _(predictor: Predictor, X: npt.NDArray[np.int16], extra: npt.NDArray[np.float64] | None) -> TreeView | None:
    if not isinstance(predictor.regressor_, BoostedTrees):
        return None
    floats = predictor._floats(X, extra)
    width = floats.shape[1]
    encoders = [] if predictor.encoder_ is None else [predictor.encoder_]
    return TreeView([Trees(predictor.regressor_, width, 1.0, _unchanged)], floats, _names(encoders, width))


@tree_view.register
def _(predictor: AutoPredictor, X: npt.NDArray[np.int16], extra: npt.NDArray[np.float64] | None) -> TreeView | None:
    floats = predictor._floats(X, extra)
    found = [
        Trees(member.model, member.width, weight, partial(_back, member.back, predictor.scores_))
        for member, weight in zip(predictor.members_, predictor.weights_, strict=True)
        if isinstance(member.model, BoostedTrees)
    ]
    total = sum(trees.weight for trees in found)
    return TreeView(
        [trees._replace(weight=trees.weight / total) for trees in found],
        floats,
        _names(predictor.encoders_, floats.shape[1]),
    )


def contributions(view: TreeView) -> tuple[Floats, float]:
    """Contribution of each feature to the trees' prediction of each row, in the score's own unit.

    Trees that learn the score on another scale are explained on that scale; their contributions are stretched so that
    they lead from the expected score to the predicted one.

    Args:
        view: The trees and what they see.

    Returns:
        Shape (n, f), and the expected prediction; ``contributions.sum(axis=1) + expected`` is the trees' mean
        prediction up to rounding.
    """
    out, expected = np.zeros(view.floats.shape), 0.0
    for trees in view.trees:
        found, base = _contributions(trees.model, view.floats[:, : trees.width])
        ends = base + found.sum(axis=1)
        start, end = trees.to_score(np.full(1, base)), trees.to_score(ends)
        step = ends - base
        stretch = np.divide(end - start, step, out=np.ones(len(step)), where=np.abs(step) > 1e-9)
        out[:, : trees.width] += trees.weight * found * stretch[:, None]
        expected += trees.weight * float(start[0])
    return out, expected


def _contributions(trees: BoostedTrees, floats: npt.NDArray[np.floating]) -> tuple[Floats, float]:
    """TreeSHAP averaged over the models of one regressor, in the unit of its y, and the expected prediction."""
    data = xgboost.DMatrix(np.asarray(floats, dtype=np.float32), nthread=trees.n_jobs)
    each = np.mean([b.predict(data, pred_contribs=True).astype(np.float64) for b in trees.boosters_], axis=0)
    return each[:, :-1] * trees.scale_, float(each[0, -1] * trees.scale_ + trees.center_)


def _unchanged(values: Floats) -> Floats:
    return values


def _back(back: NormalScores, scores: NormalScores, values: Floats) -> Floats:
    """From a member's own scale over normal scores to the score."""
    return scores.inverse(back.transform(values))


def feature_contributions(
    predictor: BasePredictor, x: npt.NDArray[np.int16], extra: npt.NDArray[np.float64] | None
) -> "tuple[pd.DataFrame, float]":
    """Contributions to the trees' prediction of one row, the largest first, and the expected prediction.

    Args:
        predictor: Any fitted predictor.
        x: One row, shape (1, d).
        extra: Its side features.

    Returns:
        Columns feature, about, value, contribution; without rows, and NaN, where there are no trees.
    """
    import pandas as pd

    view = tree_view(predictor, x, extra)
    if view is None:
        return pd.DataFrame(columns=["feature", "about", "value", "contribution"]), float("nan")
    found, expected = contributions(view)
    about = _about(predictor.space, view.names)
    frame = pd.DataFrame({"feature": view.names, "about": about, "value": view.floats[0], "contribution": found[0]})
    order = frame["contribution"].abs().sort_values(ascending=False, kind="stable").index
    return frame.loc[order].reset_index(drop=True), expected


def feature_importance(
    predictor: BasePredictor, X: npt.NDArray[np.int16], extra: npt.NDArray[np.float64] | None
) -> "pd.DataFrame | None":
    """Mean absolute contribution of each feature over some of the rows, the largest first.

    Args:
        predictor: Any fitted predictor.
        X: Rows, shape (n, d).
        extra: Their side features.

    Returns:
        Columns feature, about, importance, trend; None where there are no trees.
    """
    import pandas as pd

    some = np.linspace(0, len(X) - 1, min(len(X), ROWS)).round().astype(np.int64)
    view = tree_view(predictor, X[some], None if extra is None else extra[some])
    if view is None:
        return None
    found, _ = contributions(view)
    frame = pd.DataFrame(
        {
            "feature": view.names,
            "about": _about(predictor.space, view.names),
            "importance": np.abs(found).mean(axis=0),
            "trend": _trend(np.asarray(view.floats, dtype=np.float64), found),
        }
    )
    return frame.sort_values("importance", ascending=False, kind="stable", ignore_index=True)


def _trend(values: Floats, found: Floats) -> Floats:
    """Rank correlation of each feature's value with its contribution; 0 where either never varies."""
    a, b = (rankdata(block, axis=0) for block in (np.nan_to_num(values), found))
    a, b = a - a.mean(axis=0), b - b.mean(axis=0)
    norm = np.sqrt((a**2).sum(axis=0) * (b**2).sum(axis=0))
    return np.divide((a * b).sum(axis=0), norm, out=np.zeros(len(norm)), where=norm > 0)


def _names(encoders: Sequence[Any], width: int) -> list[str]:
    names = [str(name) for encoder in encoders for name in encoder.get_feature_names_out()]
    what = "side feature" if encoders else "feature"
    return names + [f"{what} {k + 1}" for k in range(width - len(names))]


def _about(space: SearchSpace | None, names: list[str]) -> list[str]:
    """Which operations each feature speaks of, for reading many features in a few groups."""
    if space is None:
        return ["" for _ in names]
    vocabulary = space.graphs(space.sample(1, np.random.default_rng(0))).vocabulary
    known = {op.name for op in vocabulary if op.kind not in ("input", "output")}
    return ["+".join(part for part in _SEPARATORS.split(name) if part in known) for name in names]
