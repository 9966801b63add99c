"""The contract of a strategy: it is asked what to try next, and told how good it was.

A strategy sees rows and scores, never a table, a trainer or a clock. Its whole state follows from its
parameters and the sequence of ``ask`` and ``tell``: repeating a logged sequence rebuilds it, and that is
how a run resumes. It always maximises; whoever runs it flips the sign of what is better when lower.
"""

import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from surrogate_nas.core import InvalidInputError, Proposal, SpaceExhaustedError
from surrogate_nas.core.random import RandomState, as_generator
from surrogate_nas.spaces.base import Rows, SearchSpace
from surrogate_nas.strategies.kinds import check_kinds, is_plain
from surrogate_nas.strategies.ledger import Key, Ledger, Predicate

Floats = npt.NDArray[np.float64]


class Strategy(ABC):
    """Decides what to try next, by ``ask`` and ``tell``; what differs is how (``_propose`` and ``_learn``).

    Nothing is proposed twice, and nothing that was told is proposed, unless ``key="nothing"`` restores the behaviour of
    most published methods: nothing counts as the same, and a repeat is proposed and charged like anything else.

    Attributes:
        space: Where the architectures come from.
        random_state: Seed of every random choice; an int makes the sequence repeatable.
        allowed: Condition on rows, (n, d) -> bool (n,); only such rows are proposed.
        key: "row", "canonical" or "nothing", what counts as the same; None leaves it to the run, else "canonical".
        ledger: Which architectures were proposed or told already.
        several_objectives: Whether scores of shape (n, m) may be told.
    """

    several_objectives: ClassVar[bool] = False

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        """Check the kinds of all parameters, so that no strategy has to; ranges are its own affair."""
        if args or kwargs:  # copies come without
            parameters = inspect.signature(cls).parameters
            given = inspect.signature(cls).bind(*args, **kwargs).arguments
            annotations = {name: parameters[name].annotation for name in given}
            plain = {name: value for name, value in given.items() if is_plain(annotations[name])}
            check_kinds(cls.__name__, annotations, plain)
        return super().__new__(cls)

    def __init__(
        self, space: SearchSpace, *, random_state: RandomState, allowed: Predicate | None, key: Key | None
    ) -> None:
        if not isinstance(space, SearchSpace):
            raise InvalidInputError(f"space: expected a search space, got {space!r:.80}; get_space(name) makes one")
        self.space = space
        self.random_state = random_state
        self.allowed = allowed
        self.key = key
        self.ledger = Ledger(space, key=key, allowed=allowed)
        self._rng = as_generator(random_state)

    @abstractmethod
    def _propose(self, n: int) -> Proposal:
        """Up to ``n`` rows from the ledger; see :meth:`ask`."""

    @abstractmethod
    def _learn(self, X: Rows, scores: Floats, epochs: npt.ArrayLike | None, cost_s: npt.ArrayLike | None) -> None:
        """Take in checked results; scores (n,), or (n, m) with ``several_objectives``; see :meth:`tell`."""

    def ask(self, n: int = 1) -> Proposal:
        """Propose up to ``n`` architectures that were never proposed or told before.

        What was asked and not yet told is pending. Fewer rows than ``n``, even none, mean that the
        strategy wants to be told about pending ones first, or that no more are left.

        Raises:
            SpaceExhaustedError: There is nothing left to propose, whatever is told.
        """
        if n < 1:
            raise InvalidInputError(f"ask: expected a number of architectures of at least 1, got {n}")
        return self._propose(n)

    def tell(
        self,
        X: npt.ArrayLike,
        scores: npt.ArrayLike,
        *,
        epochs: npt.ArrayLike | None = None,
        cost_s: npt.ArrayLike | None = None,
    ) -> None:
        """Learn how good architectures are; higher is better.

        Rows need not have been asked for: earlier results are told this way.

        Args:
            X: Rows, shape (n, d).
            scores: Shape (n,), or (n, m) for m objectives; NaN = the evaluation failed.
            epochs: How long each was trained, shape (n,), or None where it was not varied.
            cost_s: What each evaluation cost in seconds, shape (n,).

        Raises:
            InvalidInputError: Shapes do not fit, a score is infinite, or a row is not of the space.
        """
        rows = self.space.rows(X)
        values = self._check_scores(scores, len(rows))
        self.ledger.settle(rows)
        self._learn(rows, values, epochs, cost_s)

    def restrict(self, *, allowed: Predicate | None = None, key: Key | None = None, among: Rows | None = None) -> None:
        """Narrow what may be proposed, on top of the strategy's own parameters, before the first ``ask``.

        A run calls it with what its objective has measured, and with what counts as the same there.

        Args:
            allowed: Further condition, rows (n, d) -> bool (n,).
            key: "row", "canonical" or "nothing"; ignored where the strategy was given its own.
            among: All rows that the objective can evaluate, shape (m, d), where they are a small part of the space.
        """
        self.ledger.restrict(allowed=allowed, key=key, among=among)

    def get_params(self) -> dict[str, Any]:
        """The parameters it was made with, by name."""
        return {name: getattr(self, name) for name in inspect.signature(type(self)).parameters}

    def _fill(self, n: int, more: Callable[[int], list[bytes]], taken: list[bytes] | None = None) -> Proposal:
        """Claim rows until there are ``n``, and propose them; fewer where nothing is left.

        Args:
            n: How many are wanted.
            more: k -> at most k rows that the ledger gave; none where the next ones depend on what is pending.
            taken: Rows that the ledger gave before.
        """
        rows = taken or []
        try:
            while len(rows) < n and (found := more(n - len(rows))):
                rows += found
        except SpaceExhaustedError:
            if not rows:
                raise
        return Proposal(self.ledger.rows(rows))

    def _check_scores(self, scores: npt.ArrayLike, n: int) -> Floats:
        values = np.asarray(scores, dtype=np.float64)
        if values.ndim not in (1, 2) or len(values) != n:
            raise InvalidInputError(f"tell: expected scores of shape ({n},) or ({n}, m), got shape {values.shape}")
        if np.isinf(values).any():
            raise InvalidInputError(
                "tell: expected finite scores, got an infinite one; NaN stands for a failed evaluation"
            )
        if values.ndim == 2 and not self.several_objectives:
            if values.shape[1] != 1:
                raise InvalidInputError(
                    f"{type(self).__name__}: expected one score per architecture, got {values.shape[1]}; "
                    "combine them into one, or take a strategy for several objectives"
                )
            return values[:, 0]
        return values

    def __repr__(self) -> str:
        changed = [  # a dozen defaults would hide what was chosen
            f"{name}={getattr(self, name)!r}"
            for name, parameter in list(inspect.signature(type(self)).parameters.items())[1:]
            if getattr(self, name) is not parameter.default and getattr(self, name) != parameter.default
        ]
        return f"{type(self).__name__}({', '.join([repr(self.space.name), *changed])})"
