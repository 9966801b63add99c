"""Optuna's samplers as strategies, and a sampler for Optuna that asks our predictors.

An architecture is one parameter per gene, by the gene's name; see :func:`distributions`.

    study = optuna.create_study(direction="maximize", sampler=SurrogateSampler(space, seed=0))
    study.optimize(lambda trial: train(suggest(trial, space), lr=trial.suggest_float("lr", 1e-4, 1e-1)), n_trials=50)

    strategy = OptunaStrategy(space, sampler=TPESampler(seed=0), random_state=0)
    result = sn.search(objective, strategy, budget=150)

References:
    Akiba, Sano, Yanase, Ohta, Koyama: Optuna: A Next-generation Hyperparameter Optimization Framework. KDD 2019.
    https://arxiv.org/abs/1907.10902
"""

from surrogate_nas.core import MissingExtraError

try:
    import optuna as _optuna  # noqa: F401
except ImportError:
    raise MissingExtraError.of("optuna", "optuna", "surrogate_nas.integrations.optuna") from None

from surrogate_nas.integrations.optuna.parameters import distributions, suggest
from surrogate_nas.integrations.optuna.sampler import SurrogateSampler
from surrogate_nas.integrations.optuna.strategy import OptunaStrategy

__all__ = ["OptunaStrategy", "SurrogateSampler", "distributions", "suggest"]
