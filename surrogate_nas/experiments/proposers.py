"""How the next trainings are found with a fitted predictor: try its ranking from the top, or evolve on it."""

from typing import Protocol

import numpy as np

from surrogate_nas.core import SpaceExhaustedError
from surrogate_nas.experiments.objectives import PredictorObjective
from surrogate_nas.experiments.searching import search
from surrogate_nas.predictors import BasePredictor
from surrogate_nas.spaces.base import Rows
from surrogate_nas.strategies import RegularizedEvolution

#: Predictions that evolution may ask for; they cost microseconds each.
EVOLUTION_STEPS = 2_000


class Proposer(Protocol):
    """Finds n architectures that the predictor expects to be good."""

    def __call__(self, predictor: BasePredictor, pool: Rows, seen: Rows, n: int, seed: int) -> Rows:
        """Return at most n rows of ``pool``, none of them in ``seen``, the best expected first."""
        ...


def by_ranking(predictor: BasePredictor, pool: Rows, seen: Rows, n: int, seed: int) -> Rows:
    """Rank all of ``pool`` and take the best that were not seen; for spaces that can be listed."""
    fresh = pool[~_among(predictor, pool, seen)]
    if not len(fresh):
        raise SpaceExhaustedError("every architecture there is was trained already; lower further")
    return predictor.rank(fresh, top=n).rows


def by_evolution(predictor: BasePredictor, pool: Rows, seen: Rows, n: int, seed: int) -> Rows:
    """Evolve on the predictor and take the best it came across; works in spaces of any size."""
    space = predictor.space
    assert space is not None  # noqa: S101 - a predictor of architectures has a space
    allowed = np.sort(space.codes(pool))
    taken = np.sort(space.codes(seen))

    def untried(X: Rows) -> np.ndarray:
        codes = space.codes(X)
        return np.isin(codes, allowed) & ~np.isin(codes, taken)

    strategy = RegularizedEvolution(space, random_state=seed, allowed=untried)
    result = search(
        PredictorObjective(predictor), strategy, budget=min(EVOLUTION_STEPS, len(pool) - len(seen)), batch_size=50
    )
    return space.parse(result.history.sort_values("score", ascending=False)["architecture"].head(n).tolist())


def _among(predictor: BasePredictor, pool: Rows, seen: Rows) -> np.ndarray:
    space = predictor.space
    assert space is not None  # noqa: S101 - a predictor of architectures has a space
    return np.isin(space.codes(pool), space.codes(seen))


#: What ``--strategy`` of the main job chooses from.
PROPOSERS: dict[str, Proposer] = {"ranking": by_ranking, "evolution": by_evolution}
