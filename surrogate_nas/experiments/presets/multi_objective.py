"""Search for several objectives, and within limits: which strategies, with which predictors.

References:
    [knowles2006] Knowles: ParEGO. IEEE Transactions on Evolutionary Computation 10(1), 2006.
    [emmerich2006] Emmerich, Giannakoglou, Naujoks. IEEE Transactions on Evolutionary Computation 10(4), 2006.
    [deb2000] Deb: An Efficient Constraint Handling Method for Genetic Algorithms. Computer Methods in Applied Mechanics
    and Engineering 186, 2000.
"""

from collections.abc import Sequence
from typing import Any

from surrogate_nas.core import Direction
from surrogate_nas.core.random import RandomState
from surrogate_nas.experiments.presets.model_based import bayesian_optimization, graph_process
from surrogate_nas.spaces.base import SearchSpace
from surrogate_nas.strategies import Constrained, ExpectedHypervolumeImprovement, RegularizedEvolution, Scalarized
from surrogate_nas.strategies.model_based.model_based import Model


def ehvi(
    space: SearchSpace, *, random_state: RandomState = None, predictor: Model | None = None, **options: Any
) -> ExpectedHypervolumeImprovement:
    """Expected hypervolume improvement, a Gaussian process for each metric [emmerich2006]; also within ``limits``."""
    predictor = predictor or graph_process(space)
    return ExpectedHypervolumeImprovement(space, predictor=predictor, random_state=random_state, **options)


def parego(
    space: SearchSpace,
    *,
    random_state: RandomState = None,
    predictor: Model | None = None,
    weights: Sequence[float] | None = None,
    period: int = 5,
) -> Scalarized:
    """Bayesian optimisation of one weighted score, with new weights again and again [knowles2006]."""
    strategy = bayesian_optimization(space, random_state=random_state, predictor=predictor)
    return Scalarized(strategy, weights=weights, period=period)


def scalarized_evolution(
    space: SearchSpace,
    *,
    random_state: RandomState = None,
    weights: Sequence[float] | None = None,
    period: int = 1,
) -> Scalarized:
    """Regularized evolution of one weighted score, with new weights for each child."""
    return Scalarized(RegularizedEvolution(space, random_state=random_state), weights=weights, period=period)


def constrained_evolution(
    space: SearchSpace,
    *,
    random_state: RandomState = None,
    limits: Sequence[float | None] = (None,),
    directions: Sequence[Direction] | None = None,
) -> Constrained:
    """Regularized evolution in which what keeps the limits wins over what does not [deb2000]."""
    return Constrained(RegularizedEvolution(space, random_state=random_state), limits=limits, directions=directions)
