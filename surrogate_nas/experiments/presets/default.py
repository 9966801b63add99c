"""The strategy to take when nothing speaks for another one."""

from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import Annotated, Any, Self, final

import numpy.typing as npt

from surrogate_nas.core import TaskData
from surrogate_nas.core.random import RandomState
from surrogate_nas.experiments.presets.learned import learned
from surrogate_nas.experiments.presets.library import ArchitectureLibrary
from surrogate_nas.experiments.presets.model_based import graph_process
from surrogate_nas.predictors import MetaPredictor
from surrogate_nas.spaces.base import SearchSpace
from surrogate_nas.strategies import Mixture, ModelBased, Strategy, WarmStart
from surrogate_nas.strategies.model_based.model_based import Model


@final
class AdaptedPredictor:
    """What was learned across tasks, as a predictor of one: fitting it is adapting it.

    Args:
        meta: Fitted on other tasks, or a function that makes it: called when it is first needed.
        descriptors: Numbers that describe the task, as in ``MetaPredictor.adapt``.
    """

    def __init__(
        self, meta: MetaPredictor | Callable[[], MetaPredictor], descriptors: Mapping[str, float] | None = None
    ) -> None:
        self.meta = meta
        self.descriptors = descriptors

    def fit(self, X: npt.ArrayLike, y: npt.ArrayLike) -> Self:
        """Adapt to rows (n, d) and scores (n,), higher is better; none at all are fine."""
        meta = self.meta if isinstance(self.meta, MetaPredictor) else self.meta()
        self.adapted_ = meta.adapt(X, y, descriptors=self.descriptors)
        return self

    def predict(self, X: npt.ArrayLike, *, return_std: bool = False) -> Any:
        """Expected scores, shape (m,), with ``return_std`` with their standard deviations."""
        return self.adapted_.predict(X, return_std=return_std)


def default_strategy(
    space: SearchSpace,
    predictor: Model | None = None,
    sources: Mapping[str, Any] | None = None,
    random_state: RandomState = 0,
    **options: Annotated[Any, ModelBased],
) -> Strategy:
    """The best there is for what is known.

    Without sources a Gaussian process on graph features searches from the first few scores on. With sources it begins
    with what was good on them, and goes on with what :class:`MetaPredictor` learned across them and a process that
    knows the target's scores only, believed alike: earlier tasks may mislead.

    Args:
        space: Where the architectures come from.
        predictor: Any predictor to search with in place of these; it learns from the target's scores.
        sources: Other tasks, as in ``MetaPredictor.fit``; never the one that is searched.
        random_state: Seed of every random choice.
        **options: Further options of :class:`ModelBased`.
    """
    settings: dict[str, Any] = {"n_initial": 5, "refit_every": 1, "growth": 0.1}
    if predictor is not None or not sources:
        model = predictor or graph_process(space)
        return ModelBased(space, predictor=model, random_state=random_state, **(settings | options))
    # Learning takes seconds: not before a search has begun, and once for all copies.
    across = AdaptedPredictor(cache(partial(learned, _across_tasks, space, sources)))
    settings |= {"n_initial": 0, "refit_every": 2, "pool_size": WHOLE}
    model = Mixture(across, graph_process(space))
    strategy = ModelBased(space, predictor=model, random_state=random_state, **(settings | options))
    of_this_space = {name: task for name, task in sources.items() if TaskData.of(task).space in (None, space)}
    if not of_this_space:
        return strategy
    return WarmStart(strategy, learned(ArchitectureLibrary, space, sources).retrieve(k=N_WARM))


#: Spaces with no more rows than this are ranked whole.
WHOLE = 30_000

#: How many of what was good on earlier tasks are tried first.
N_WARM = 8


def _across_tasks(space: SearchSpace, sources: Mapping[str, Any]) -> MetaPredictor:
    return MetaPredictor(space, random_state=0).fit(sources)
