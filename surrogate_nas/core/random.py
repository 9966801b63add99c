"""Random streams are arguments: no function of this package touches global random state."""

from typing import Any

import numpy as np

from surrogate_nas.core.errors import InvalidInputError

RandomState = int | np.random.Generator | None


def as_generator(random_state: RandomState) -> np.random.Generator:
    """Turn a seed, a generator or None into a generator.

    Args:
        random_state: An int gives a reproducible stream, a ``Generator`` is used as it is (and
            advances), None gives a fresh unpredictable stream.
    """
    if isinstance(random_state, np.random.Generator):
        return random_state
    return np.random.default_rng(_checked(random_state))


def spawn_seeds(random_state: RandomState, n: int) -> list[int]:
    """Draw ``n`` independent 32-bit seeds, for workers and libraries that take plain ints.

    Args:
        random_state: Seed or generator the seeds derive from.
        n: How many seeds.
    """
    if isinstance(random_state, np.random.Generator):
        return [int(s) for s in random_state.integers(0, 2**31 - 1, size=n)]
    state = np.random.SeedSequence(_checked(random_state)).generate_state(n, dtype=np.uint32)
    return [int(s) >> 1 for s in state]  # xgboost and scikit-learn want non-negative int32


def _checked(seed: Any) -> Any:
    if seed is not None and not (isinstance(seed, int | np.integer) and seed >= 0):
        raise InvalidInputError(
            f"seed: expected a whole number of at least 0, a numpy Generator or None, got {seed!r}; take 0"
        )
    return seed
