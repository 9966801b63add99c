"""Strategies that begin with what other tasks have shown, as compositions.

All take ``sources``, the other tasks as in ``MetaPredictor.fit``, never the one that is searched; what is learned from
them is learned once for all seeds where they are handed over as one object, as :func:`compare` does.
"""

from collections.abc import Mapping
from typing import Annotated, Any

from surrogate_nas.core.random import RandomState, spawn_seeds
from surrogate_nas.experiments.presets.learned import learned
from surrogate_nas.experiments.presets.library import ArchitectureLibrary
from surrogate_nas.predictors import SourceEnsemble, SourceModels
from surrogate_nas.spaces.base import SearchSpace
from surrogate_nas.strategies import LocalSearch, ModelBased, RegularizedEvolution, Strategy, WarmStart


def library_search(
    space: SearchSpace,
    *,
    random_state: RandomState = None,
    sources: Mapping[str, Any] | None = None,
    n_warm: int = 10,
    **options: Annotated[Any, LocalSearch],
) -> WarmStart:
    """What was good on the other tasks, refined by local steps from the best of it on; options of LocalSearch."""
    settings: dict[str, Any] = {"initial_size": 1, "restart": "best"} | options
    return _warm(LocalSearch(space, random_state=random_state, **settings), sources, n_warm)


def warm_evolution(
    space: SearchSpace,
    *,
    random_state: RandomState = None,
    sources: Mapping[str, Any] | None = None,
    n_warm: int = 10,
    **options: Annotated[Any, RegularizedEvolution],
) -> WarmStart:
    """Aging evolution that has what was good on the other tasks among its founders."""
    return _warm(RegularizedEvolution(space, random_state=random_state, **options), sources, n_warm)


def source_ensemble(
    space: SearchSpace,
    *,
    random_state: RandomState = None,
    sources: Mapping[str, Any] | None = None,
    n_warm: int = 10,
    **options: Annotated[Any, ModelBased],
) -> WarmStart:
    """The same beginning, then Bayesian optimisation with a ranking-weighted ensemble; see :class:`SourceEnsemble`."""
    (seed,) = spawn_seeds(random_state, 1)
    predictor = SourceEnsemble(learned(SourceModels, space, sources), random_state=seed)
    settings: dict[str, Any] = {"n_initial": 0, "growth": 0.1, "pool_size": WHOLE} | options
    return _warm(ModelBased(space, predictor=predictor, random_state=random_state, **settings), sources, n_warm)


#: Spaces with no more rows than this are ranked whole.
WHOLE = 30_000


def _warm(strategy: Strategy, sources: Mapping[str, Any] | None, n_warm: int) -> WarmStart:
    library = learned(ArchitectureLibrary, strategy.space, sources)
    return WarmStart(strategy, library.retrieve(k=n_warm))
