"""Limits: which architectures may be proposed at all."""

import math
from collections.abc import Callable
from functools import cached_property
from typing import Any, final

import numpy as np
import numpy.typing as npt

from surrogate_nas.core import InvalidInputError
from surrogate_nas.experiments.objectives.base import Floats, Objective, check_number
from surrogate_nas.experiments.objectives.table import by_code
from surrogate_nas.spaces.base import Rows


@final
class Limit:
    """A condition on architectures: a cost of at most, or a score of at least, so much.

    A predicate for ``search(..., allowed=...)`` and for every strategy's ``allowed=``. What it looks at is known
    before an architecture is trained (parameters, latency on a device), so looking costs no evaluation.

        Limit(TableObjective(table, task="a", metric="params"), at_most=1.5)     # million
        Limit(count_parameters, at_most=1.5e6)                                   # rows (n, d) -> shape (n,)

    Args:
        of: An objective with one metric, or a function of rows. Where it has no value (NaN), nothing is allowed.
        at_most: The highest value that is allowed.
        at_least: The lowest value that is allowed.

    Raises:
        InvalidInputError: Neither bound is given, or no value can meet both.
    """

    def __init__(
        self,
        of: Objective | Callable[[Rows], npt.ArrayLike],
        *,
        at_most: float | None = None,
        at_least: float | None = None,
    ) -> None:
        if not isinstance(of, Objective) and not callable(of):
            raise InvalidInputError(f"limit: expected an objective or a function of rows, got {of!r:.80}")
        if isinstance(of, Objective) and len(of.metrics) > 1:
            raise InvalidInputError(f"limit: expected an objective with one metric, got {', '.join(of.metrics)}")
        for name, bound in (("at_most", at_most), ("at_least", at_least)):
            if bound is not None:
                check_number(name, bound)
                if math.isnan(bound):
                    raise InvalidInputError(f"{name}: expected a number, got nan")
        if at_most is None and at_least is None:
            raise InvalidInputError("limit: expected at_most, at_least or both, got neither")
        self.of = of
        self.at_most = at_most
        self.at_least = at_least
        self._low, self._high = (-np.inf if at_least is None else at_least, np.inf if at_most is None else at_most)
        if not self._low <= self._high:
            raise InvalidInputError(f"limit: expected at_least <= at_most, got {at_least!r} and {at_most!r}")

    def __call__(self, X: Rows) -> npt.NDArray[np.bool_]:
        """Which rows meet the limit, shape (n,)."""
        if isinstance(self.of, Objective) and (known := self._known) is not None:
            return known[self.of.space.codes(X)]
        return self._meets(X)

    def describe(self) -> dict[str, Any]:
        """What it looks at, and the bounds, as JSON-able values."""
        if isinstance(self.of, Objective):
            of: Any = self.of.describe()
        else:
            of = getattr(self.of, "__qualname__", type(self.of).__qualname__)
        return {"of": of, "at_most": self.at_most, "at_least": self.at_least}

    @cached_property
    def _known(self) -> npt.NDArray[np.bool_] | None:
        """The answer for every code of a small space: strategies ask for a handful at a time."""
        if not isinstance(self.of, Objective) or not self.of.recorded:
            return None
        return by_code(self.of.space, self._meets)

    def _meets(self, X: Rows) -> npt.NDArray[np.bool_]:
        found = self.of.evaluate(X).scores if isinstance(self.of, Objective) else self.of(X)
        try:
            values: Floats = np.asarray(found, dtype=np.float64)
        except (TypeError, ValueError):
            raise InvalidInputError(
                f"limit: expected one number per architecture, shape ({len(X)},), got {found!r:.80}"
            ) from None
        if values.shape != (len(X),):
            raise InvalidInputError(
                f"limit: expected one value per architecture, shape ({len(X)},), got {values.shape}"
            )
        return np.asarray((values >= self._low) & (values <= self._high))
