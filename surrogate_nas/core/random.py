"""Random streams are arguments: no function of this package touches global random state."""

import numpy as np

RandomState = int | np.random.Generator | None


def as_generator(random_state: RandomState) -> np.random.Generator:
    """Turn a seed, a generator or None into a generator.

    Args:
        random_state: An int gives a reproducible stream, a ``Generator`` is used as it is (and
            advances), None gives a fresh unpredictable stream.
    """
    if isinstance(random_state, np.random.Generator):
        return random_state
    return np.random.default_rng(random_state)


def spawn_seeds(random_state: RandomState, n: int) -> list[int]:
    """Draw ``n`` independent 32-bit seeds, for workers and libraries that take plain ints.

    Args:
        random_state: Seed or generator the seeds derive from.
        n: How many seeds.
    """
    if isinstance(random_state, np.random.Generator):
        return [int(s) for s in random_state.integers(0, 2**31 - 1, size=n)]
    state = np.random.SeedSequence(random_state).generate_state(n, dtype=np.uint32)
    return [int(s) >> 1 for s in state]  # xgboost and scikit-learn want non-negative int32
