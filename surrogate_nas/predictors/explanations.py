"""Why a predictor says what it says: for one architecture, and for a whole space."""

from collections.abc import Sequence
from typing import overload

import numpy as np
import numpy.typing as npt

from surrogate_nas.core import InvalidInputError
from surrogate_nas.predictors.base import BasePredictor
from surrogate_nas.predictors.explaining.architecture import ArchitectureExplanation, explain_architecture
from surrogate_nas.predictors.explaining.space import SpaceExplanation, explain_space, rows_to_explain


@overload
def explain(
    predictor: BasePredictor, x: None = None, *, X: npt.ArrayLike | None = None, extra: npt.ArrayLike | None = None,
    left_out: Sequence[BasePredictor] = (), unit: str = "",
) -> SpaceExplanation: ...  # fmt: skip
@overload
def explain(
    predictor: BasePredictor, x: npt.ArrayLike, *, X: None = None, extra: npt.ArrayLike | None = None,
    left_out: Sequence[BasePredictor] = (), unit: str = "",
) -> ArchitectureExplanation: ...  # fmt: skip


def explain(
    predictor: BasePredictor,
    x: npt.ArrayLike | None = None,
    *,
    X: npt.ArrayLike | None = None,
    extra: npt.ArrayLike | None = None,
    left_out: Sequence[BasePredictor] = (),
    unit: str = "",
) -> SpaceExplanation | ArchitectureExplanation:
    """Which operation at which place moves the predicted score, and by how much.

    ``explain(p)`` looks at the whole space (a fixed sample of a large one), ``explain(p, x)`` at one architecture and
    everything one change away from it; ``.sentences()`` says it in words, the frames hold all numbers.

    Args:
        predictor: A fitted predictor of architectures.
        x: One row, shape (d,) or (1, d); None for the space.
        X: Rows to look at in place of the whole space, shape (n, d).
        extra: Side features of X, or of x, where the predictor was fitted with some; a space has none, so pass X too.
        left_out: Predictors fitted like this one, each without one part of the data
            (:func:`surrogate_nas.predictors.leave_out` makes them); they give standard errors.
        unit: Unit of the score for the sentences: "%", "ms" ...

    Raises:
        InvalidInputError: The predictor is not fitted or has no space, or rows do not fit.
    """
    space = predictor.space
    if space is None:
        raise InvalidInputError("explain: expected a predictor of a space's architectures, got one of plain features")
    others = list(left_out)
    if x is not None:
        if X is not None:
            raise InvalidInputError("explain: expected one architecture x or rows X, got both; ask one after the other")
        rows, side = predictor._check_inputs(space.row(x)[None], extra)
        return explain_architecture(predictor, space, rows[0], extra=side, left_out=others, unit=unit)
    rows, side = predictor._check_inputs(rows_to_explain(space) if X is None else X, extra)
    if not len(rows):
        raise InvalidInputError("X: expected at least one row, got none; None takes the whole space")
    return explain_space(predictor, space, np.asarray(rows), extra=side, left_out=others, unit=unit)
