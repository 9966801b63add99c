"""One search: a strategy asks, an objective answers, the budget is charged here and nowhere else."""

import inspect
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from functools import partial
from multiprocessing.reduction import ForkingPickler
from pathlib import Path
from typing import Any

import numpy as np

from surrogate_nas.core import InvalidInputError
from surrogate_nas.core.progress import Progress, Silent
from surrogate_nas.execution import Executor, ThisProcess, as_executor
from surrogate_nas.experiments.adapters import Guest, as_strategy
from surrogate_nas.experiments.objectives import Limit, Objective
from surrogate_nas.experiments.run_log import RunLog
from surrogate_nas.experiments.searching.account import Account, Stopping, check_count
from surrogate_nas.experiments.searching.asynchronous import Asynchronous
from surrogate_nas.experiments.searching.batches import Synchronous
from surrogate_nas.experiments.searching.journal import LOG_NAME, Journal
from surrogate_nas.experiments.searching.result import SearchResult
from surrogate_nas.spaces.base import SearchSpace
from surrogate_nas.strategies import Strategy
from surrogate_nas.strategies.ledger import Predicate

__all__ = ["LOG_NAME", "SearchResult", "describe_strategy", "search"]


#: Most architectures asked for, or evaluated, at once.
MAX_AT_ONCE = 1_000_000


def search(
    objective: Objective,
    strategy: Strategy | Guest,
    *,
    budget: int | None = None,
    budget_s: float | None = None,
    run_dir: str | Path | None = None,
    batch_size: int = 1,
    workers: int = 1,
    executor: Executor | str | None = None,
    patience: int | None = None,
    target: float | None = None,
    allowed: Predicate | Sequence[Predicate] = (),
    progress: Progress | None = None,
) -> SearchResult:
    """Let a strategy search for the best architecture of an objective.

    With ``run_dir`` every finished evaluation is on disk before the next one begins. Calling it again with a
    new strategy of the same settings continues there, also with a larger budget, and ends exactly as if nothing
    had happened; what depends on measured time (a budget in seconds, several workers that do not wait for each
    other) may have gone on differently, but nothing that was finished is lost or done twice.

    With several workers, those that share a batch (``batch_size`` above 1) are told together, in the order asked.
    With a ``batch_size`` of 1 nobody waits: whoever is free gets the next architecture, and the strategy is told
    in the order of finishing; such a run continues with the same budget or a larger one, not with a smaller one.
    Where results are recorded (a table), time is simulated: the order follows the recorded seconds. Elsewhere each
    worker is a process, or what ``executor`` makes of it.

    Args:
        objective: What is good: ``TableObjective(table, task=...)``, ``PredictorObjective(predictor)``,
            ``TrainingObjective(trainer)``, ``CallableObjective(function, space)`` for a function of your own that
            takes one row, or ``MultiObjective((a, b))`` for several metrics.
        strategy: A new strategy; only what the objective can evaluate is proposed, each architecture once. Also an
            object of your own with ``ask`` and ``tell``, or a generator (see ``experiments.adapters``).
        budget: Number of evaluations, failed ones included. The search ends earlier where no architectures
            are left.
        budget_s: Seconds of evaluation, summed over the workers. Nothing begins once they are spent; what is under
            way then is finished.
        run_dir: Folder of the log; None keeps none.
        batch_size: Architectures asked for at once and told together.
        workers: Evaluations at once.
        executor: Where they run: "local" (this process), "processes", "ray", or an object such as
            ``RayCluster(address)``; None is this process for one worker, else processes.
        patience: End after so many evaluations in a row without a better one.
        target: End once a score is as good as this, in the metric's own unit.
        allowed: Conditions on rows, such as ``Limit(...)``, on top of the strategy's own.
        progress: Told after every evaluation.

    Raises:
        InvalidInputError: A parameter cannot be, the strategy was used before, or the run folder cannot be
            written or belongs to another search.
        SpaceExhaustedError: There is not a single architecture to evaluate.
    """
    stopping = Stopping(budget, budget_s, patience, target)
    strategy = _checked(objective, strategy, batch_size, workers)
    stopping.check(objective)
    place = _place(objective, executor, workers)
    conditions = _conditions(allowed)
    check_run_dir(run_dir)
    if progress is not None and not callable(getattr(progress, "track", None)):
        raise InvalidInputError(f"progress: expected an object with say and track, or None, got {progress!r:.80}")
    account = Account(objective, stopping, progress or Silent())
    loop = partial(Synchronous if batch_size > 1 or workers == 1 else Asynchronous, objective, strategy, account)
    if run_dir is None:
        _restrict(strategy, objective, conditions)
        return loop(Journal(objective, None), batch_size, workers, place).result()
    if not isinstance(strategy.random_state, int | np.integer):
        raise InvalidInputError(
            f"search with a run folder: expected a strategy with an integer random_state, so that it can be continued, "
            f"got random_state={strategy.random_state!r}"
        )
    config = {
        "space": objective.space.name,
        "objective": objective.describe(),
        "strategy": describe_strategy(strategy),
        "batch_size": batch_size,
        "workers": workers,
        "allowed": [describe(condition) for condition in conditions],
    }
    with RunLog(Path(run_dir) / LOG_NAME, config, key=("step",)) as log:
        _restrict(strategy, objective, conditions)
        return loop(Journal(objective, log), batch_size, workers, place).result()


def _place(objective: Objective, executor: Executor | str | None, workers: int) -> Executor:
    if objective.recorded:
        if executor is not None:
            raise InvalidInputError(
                f"executor: expected None where results are looked up, got {executor!r:.80}; nothing is computed there"
            )
        return ThisProcess()
    return as_executor(executor, workers, what="workers")


def check_run_dir(run_dir: Any) -> None:
    """Raise an error unless a value can be the path of a folder, or is None."""
    if run_dir is None or (isinstance(run_dir, str | Path) and str(run_dir) and "\0" not in str(run_dir)):
        return
    raise InvalidInputError(f"run_dir: expected the path of a folder, or None, got {run_dir!r:.80}")


def _conditions(allowed: Any) -> tuple[Predicate, ...]:
    conditions = (allowed,) if callable(allowed) or not isinstance(allowed, Iterable) else tuple(allowed)
    for condition in conditions:
        if not callable(condition):
            raise InvalidInputError(
                f"allowed: expected conditions on rows, such as Limit(...) or a function, got {condition!r:.80}"
            )
    return conditions


def _checked(objective: Objective, given: Strategy | Guest, batch_size: int, workers: int) -> Strategy:
    if not isinstance(objective, Objective):
        raise InvalidInputError(
            f"objective: expected a TableObjective, PredictorObjective or CallableObjective(function, space), got "
            f"{type(objective).__name__}"
        )
    for name, value in (("batch_size", batch_size), ("workers", workers)):
        check_count(name, value)
        if value > MAX_AT_ONCE:
            raise InvalidInputError(f"{name}: expected at most {MAX_AT_ONCE:,}, got {value:,}")
    strategy = as_strategy(given, objective.space)
    if not _same_space(objective.space, strategy.space):
        raise InvalidInputError(
            f"search: expected a strategy on the objective's space {objective.space!r}, got one on {strategy.space!r}"
        )
    if len(objective.metrics) > 1 and not strategy.several_objectives:
        raise InvalidInputError(
            f"search: expected a strategy for several objectives ({', '.join(objective.metrics)}), got "
            f"{type(strategy).__name__}; combine them into one (WeightedObjective), or take one for several, nsga2"
        )
    check_workers(objective, batch_size, workers)
    return strategy


def check_workers(objective: Objective, batch_size: int, workers: int) -> None:
    """Raise an error unless several can evaluate the objective at once."""
    if workers > 1 and objective.recorded:
        if not objective.timed and batch_size == 1:
            raise InvalidInputError(
                "workers: expected an objective that says what an evaluation costs, this table has no training times; "
                "name their metric: TableObjective(..., cost='seconds'), or take a batch_size of several"
            )
    elif workers > 1:
        try:
            ForkingPickler.dumps(objective)
        except Exception as error:  # noqa: BLE001 (pickling runs foreign code)
            raise InvalidInputError(
                f"workers: expected an objective that can be sent to other processes, got {type(error).__name__}: "
                f"{error}; define its function at the top of a module, or take workers=1"
            ) from None


def _restrict(strategy: Strategy, objective: Objective, conditions: tuple[Predicate, ...]) -> None:
    strategy.restrict(allowed=objective.measured, key=objective.key, among=objective.measured_rows())
    for condition in conditions:
        strategy.restrict(allowed=condition)


def describe_strategy(strategy: Strategy) -> dict[str, Any]:
    """A strategy's class and parameters as JSON-able values; objects by the name of their class."""
    params = {name: describe(value) for name, value in strategy.get_params().items()}
    return {"name": type(strategy).__qualname__, **params}


def describe(value: Any) -> Any:
    """What a parameter is, as JSON-able values: the class of an object with its own parameters, names in a mapping.

    What a function does is not looked at.
    """
    if value is None or isinstance(value, str | int | float | np.number):
        return value
    if isinstance(value, SearchSpace):
        return value.name
    if isinstance(value, Limit):
        return value.describe()
    if isinstance(value, Strategy):  # inside another one
        return describe_strategy(value)
    if isinstance(value, list | tuple):
        return [describe(item) for item in value]
    if isinstance(value, Mapping):  # of tasks to learn from, say; their data may not even be loaded yet
        return sorted(str(name) for name in value)
    if inspect.isroutine(value) or inspect.isclass(value):
        return value.__qualname__
    if isinstance(value, partial):
        options = {name: describe(option) for name, option in value.keywords.items()}
        return {"factory": describe(value.func), "arguments": [describe(a) for a in value.args], **options}
    if is_dataclass(value):  # an acquisition, say
        values = {field.name: describe(getattr(value, field.name)) for field in fields(value)}
        return {"name": type(value).__qualname__, **values}

    from surrogate_nas.predictors import BasePredictor  # only now: scikit-learn comes with it

    if isinstance(value, BasePredictor):
        params = {name: describe(param) for name, param in value.get_params(deep=False).items()}
        return {"name": type(value).__qualname__, **params}
    return type(value).__qualname__


def _same_space(a: SearchSpace, b: SearchSpace) -> bool:
    return a is b or (a.name == b.name and np.array_equal(a.cardinalities, b.cardinalities))
