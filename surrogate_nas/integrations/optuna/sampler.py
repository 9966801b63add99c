"""A sampler for Optuna that ranks architectures by a predictor of this package."""

from collections import deque
from typing import Any, final

import numpy as np
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, RandomSampler
from optuna.trial import TrialState

from surrogate_nas.core import InvalidInputError, SpaceExhaustedError, as_generator, spawn_seeds
from surrogate_nas.experiments.presets.model_based import graph_process
from surrogate_nas.integrations.optuna.parameters import distributions
from surrogate_nas.spaces.base import Rows, SearchSpace
from surrogate_nas.strategies import ModelBased
from surrogate_nas.strategies.model_based.acquisition import Acquisition
from surrogate_nas.strategies.model_based.model_based import Model


@final
class SurrogateSampler(BaseSampler):
    """Chooses the architecture of each trial with a predictor; all other parameters are sampled independently.

    Before each trial the predictor learns from all finished ones, also from those of an earlier process that the
    study's storage has kept; the most promising valid architecture without a trial comes next. Trials that failed or
    were pruned count as the worst. Where every architecture had a trial, they come again at random.

    Args:
        space: Where the architectures come from; objectives read theirs with ``suggest(trial, space)``.
        predictor: Any predictor with ``fit(X, y)`` and ``predict(X, return_std=True)``; None takes a Gaussian process
            on graph features.
        acquisition: "ei", "ucb", "pi", "thompson", "greedy", or an object.
        n_startup_trials: Random architectures before the predictor is asked.
        pool_size: Candidates that are ranked; a space with no more rows is ranked whole.
        independent_sampler: Samples all other parameters; None takes a random one.
        seed: Seed of every random choice; with it, trials that run one after the other can be repeated.
    """

    def __init__(
        self,
        space: SearchSpace,
        predictor: Model | None = None,
        *,
        acquisition: str | Acquisition = "ei",
        n_startup_trials: int = 10,
        pool_size: int = 2000,
        independent_sampler: BaseSampler | None = None,
        seed: int | None = None,
    ) -> None:
        self.space = space
        self.predictor = graph_process(space) if predictor is None else predictor
        self.acquisition = acquisition
        self.n_startup_trials = n_startup_trials
        self.pool_size = pool_size
        others, self._seed = spawn_seeds(seed, 2)
        self.independent_sampler = RandomSampler(seed=others) if independent_sampler is None else independent_sampler
        self._distributions = distributions(space)

    def reseed_rng(self) -> None:
        """Take other random choices from here on; Optuna asks for it where trials run at the same time."""
        (self._seed,) = spawn_seeds(None, 1)
        self.independent_sampler.reseed_rng()

    def infer_relative_search_space(self, study: Any, trial: Any) -> dict[str, BaseDistribution]:
        """The genes, which are chosen together."""
        return dict(self._distributions)

    def sample_relative(self, study: Any, trial: Any, search_space: dict[str, BaseDistribution]) -> dict[str, Any]:
        """The architecture of a trial, as a value per gene.

        Raises:
            InvalidInputError: The study has several objectives.
        """
        if len(study.directions) > 1:
            raise InvalidInputError(
                f"SurrogateSampler: expected a study of one objective, got {len(study.directions)}; "
                "weigh them into one, or take optuna.samplers.NSGAIISampler"
            )
        seed = np.random.SeedSequence([self._seed, trial.number]).generate_state(1)[0]
        row = self._choose(study, as_generator(int(seed)))
        return dict(zip(self._distributions, row.tolist(), strict=True))

    def sample_independent(self, study: Any, trial: Any, param_name: str, param_distribution: BaseDistribution) -> Any:
        """A parameter that is no gene."""
        return self.independent_sampler.sample_independent(study, trial, param_name, param_distribution)

    def _choose(self, study: Any, rng: np.random.Generator) -> Any:
        # Made anew for each trial: whatever other processes, enqueued trials and storages do, it is up to date.
        strategy = ModelBased(
            self.space,
            predictor=self.predictor,
            acquisition=self.acquisition,
            n_initial=self.n_startup_trials,
            pool_size=self.pool_size,
            random_state=rng,
        )
        finished = self._trials(study, TrialState.COMPLETE, TrialState.FAIL, TrialState.PRUNED)
        sign = 1.0 if study.direction.name == "MAXIMIZE" else -1.0
        values = [sign * t.value if t.state == TrialState.COMPLETE else np.nan for t in finished]
        strategy.tell(self._rows(finished), values)
        running = strategy.ledger.screen(self._rows(self._trials(study, TrialState.RUNNING)))
        strategy.ledger.claim(deque(running), len(running))
        try:
            return strategy.ask(1).X[0]
        except SpaceExhaustedError:
            return self.space.sample(1, rng)[0]

    def _trials(self, study: Any, *states: TrialState) -> list[Any]:
        """Trials in these states that have a valid architecture."""
        found = study.get_trials(deepcopy=False, states=states)
        found = [t for t in found if t.params.keys() >= self._distributions.keys()]
        valid = self.space.valid(self._rows(found))
        return [t for t, good in zip(found, valid, strict=True) if good]

    def _rows(self, trials: list[Any]) -> Rows:
        rows = [[t.params[name] for name in self._distributions] for t in trials]
        return np.array(rows, dtype=np.int16).reshape(-1, self.space.n_genes)
