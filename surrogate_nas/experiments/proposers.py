"""How the next trainings are found with a fitted predictor: try its ranking from the top, or evolve on it."""

from typing import Protocol

import numpy as np
import numpy.typing as npt

from surrogate_nas.experiments.objectives import PredictorObjective
from surrogate_nas.experiments.searching.search import search
from surrogate_nas.predictors import BasePredictor
from surrogate_nas.spaces.base import Rows, SearchSpace
from surrogate_nas.strategies import RegularizedEvolution

#: Predictions that evolution may ask for, and how many at once; they cost microseconds each.
EVOLUTION_STEPS, BATCH = 2_000, 50


class Proposer(Protocol):
    """Finds architectures that a predictor expects to be good."""

    def __call__(self, predictor: BasePredictor, space: SearchSpace, fresh: Rows, n: int, seed: int) -> Rows:
        """Return at most ``n`` rows of ``fresh``, the best expected first."""
        ...


def by_ranking(predictor: BasePredictor, space: SearchSpace, fresh: Rows, n: int, seed: int) -> Rows:
    """Rank all of ``fresh``; for spaces that can be listed."""
    return np.asarray(predictor.rank(fresh, top=n).rows)


def by_evolution(predictor: BasePredictor, space: SearchSpace, fresh: Rows, n: int, seed: int) -> Rows:
    """Evolve on the predictor and take the best it came across; works in spaces of any size."""
    known = np.sort(space.keys(fresh))

    def allowed(X: npt.ArrayLike) -> npt.NDArray[np.bool_]:
        return np.isin(space.keys(X), known)

    strategy = RegularizedEvolution(space, random_state=seed, allowed=allowed)
    result = search(PredictorObjective(predictor), strategy, budget=min(EVOLUTION_STEPS, len(fresh)), batch_size=BATCH)
    merit = result.scores if predictor.direction == "max" else -result.scores
    return result.X[np.argsort(-merit, kind="stable")[:n]]


#: What ``--strategy`` of the main job chooses from.
PROPOSERS: dict[str, Proposer] = {"ranking": by_ranking, "evolution": by_evolution}
