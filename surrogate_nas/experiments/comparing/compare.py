"""Compare strategies: on the same tasks, from the same seeds, with the same budget, in any number of processes."""

import pickle
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from surrogate_nas.core import InvalidInputError
from surrogate_nas.core.errors import choose
from surrogate_nas.core.progress import Progress, Silent
from surrogate_nas.execution import Executor, WorkerDied, as_executor, run_all
from surrogate_nas.experiments.catalogue import list_strategies, make_strategy
from surrogate_nas.experiments.comparing.cells import Cell, Factory, Plan, Runs, play
from surrogate_nas.experiments.comparing.comparison import FILE_NAME, Comparison, failures_frame, timings_frame
from surrogate_nas.experiments.comparing.frame import assemble, describe_tasks
from surrogate_nas.experiments.comparing.parts import Parts
from surrogate_nas.experiments.comparing.sources import sources_for
from surrogate_nas.experiments.objectives import Objective, TableObjective
from surrogate_nas.experiments.searching.account import Stopping, check_count
from surrogate_nas.experiments.searching.search import check_run_dir, check_workers, describe
from surrogate_nas.tables import Table

#: Runs computed and kept as one piece: what a kill can lose at most, per process.
SEEDS_PER_CELL = 20

#: A process gets at least so many cells, where there are enough runs, so that none waits long for the last one.
CELLS_PER_PROCESS = 4

Failure = tuple[str, str, int, str]


def compare(
    strategies: Mapping[str, str | Factory] | Iterable[str],
    objectives: Mapping[str, Objective] | Iterable[Objective] | Objective | Table,
    *,
    budget: int | None = None,
    budget_s: float | None = None,
    seeds: int | Sequence[int] = 30,
    n_jobs: int = 1,
    executor: Executor | str | None = None,
    run_dir: str | Path | None = None,
    sources: Mapping[str, Any] | None = None,
    batch_size: int = 1,
    workers: int = 1,
    progress: Progress | None = None,
) -> Comparison:
    """Run every strategy on every task from every seed.

    The runs of a task under a seed share one ``random_state`` (see :func:`seed_of`), whatever the strategy: they are
    paired. Each computes on one thread, so that its outcome is the same in any process. An error of one run ends
    that run alone and is told in ``failures``.

    With ``run_dir`` finished runs are kept, a few seeds at a time. Calling again continues there, also after a kill,
    and ends with the very same ``comparison.parquet``; further strategies, tasks or seeds cost only their own runs,
    and failed ones are tried again.

    Args:
        strategies: What competes, by name: a name of ``list_strategies()``, a class, or any factory called with a space
            and those of ``random_state`` and ``sources`` that it takes, which makes a strategy, an object with ``ask``
            and ``tell``, or a generator that yields rows and receives their scores (higher is better). For several
            processes it has to be picklable: a function of a module, or a ``partial`` of one.
        objectives: What they are to search on, by name; a table means all its tasks by their default metric.
        budget: Evaluations per run.
        budget_s: Seconds of evaluation per run; one of the two has to be given.
        seeds: The seeds, or how many, from 0.
        n_jobs: Workers at once.
        executor: Where they work: "local" (this process), "processes", "ray", or an object such as
            ``RayCluster(address)``; None is this process for one job, else processes.
        run_dir: Folder to keep finished runs in; None keeps none.
        sources: Data of earlier tasks, as ``MetaPredictor.fit`` takes them, for factories that take ``sources``; what
            bears the target's name is left out. None = every task of the objectives' tables but the target; {} = none.
        batch_size: Architectures asked for at once and told together.
        workers: Evaluations of a run at once, in the simulated time of a table, as in :func:`search`.
        progress: Told after every finished cell.

    Raises:
        InvalidInputError: A parameter cannot be, no run succeeded, or the run folder cannot be written or belongs to
            another comparison.
        UnknownNameError: There is no strategy of a name.
    """
    for name, value in (("batch_size", batch_size), ("workers", workers), ("n_jobs", n_jobs)):
        check_count(name, value)
    check_run_dir(run_dir)
    settings = {"budget": budget, "budget_s": budget_s, "batch_size": batch_size, "workers": workers}
    plan = make_plan(strategies, objectives, settings, sources=sources)
    for objective in plan.objectives.values():
        Stopping(budget, budget_s, None, None).check(objective)
        check_workers(objective, batch_size, workers)
    wanted = _seeds(seeds)
    place = as_executor(executor, n_jobs, what="n_jobs")
    if place.parallel:
        _check_picklable(plan)
    with Parts(run_dir, settings, _described(plan)) as parts:
        cells = _missing(plan, parts, wanted, n_jobs)
        failures = _play_all(plan, parts, cells, wanted, n_jobs, place, progress or Silent())
        return _finish(plan, parts, wanted, failures)


def make_plan(
    strategies: Mapping[str, str | Factory] | Iterable[str],
    objectives: Mapping[str, Objective] | Iterable[Objective] | Objective | Table,
    settings: Mapping[str, Any],
    *,
    sources: Mapping[str, Any] | None = None,
) -> Plan:
    """Check what is to be compared; arguments and errors as in :func:`compare`, settings those of :func:`search`."""
    named = _strategies(strategies)
    check_sources(sources)
    factories = {name: _factory(name, factory) for name, factory in named.items()}
    tasks = _objectives(objectives)
    learned = {task: sources_for(task, tasks, sources) for task in tasks}
    return Plan(factories, tasks, learned, settings)


def check_sources(sources: Any) -> None:
    """Raise an error unless a value can be data by task, or is None."""
    if sources is not None and not (isinstance(sources, Mapping) and all(isinstance(name, str) for name in sources)):
        raise InvalidInputError(f"sources: expected data by task, {{task: (X, y)}}, got {sources!r:.80}")


def _strategies(given: Mapping[str, str | Factory] | Iterable[str]) -> dict[str, str | Factory]:
    if isinstance(given, str):
        given = [given]
    named = _by_name("strategies: expected names, or factories by name", given)
    for name in named:
        if not isinstance(name, str) or not name or "/" in name:
            raise InvalidInputError(f"strategies: expected names without '/', such as 'evolution', got {name!r}")
    if not named:
        raise InvalidInputError(f"strategies: expected at least one, got none; known: {', '.join(list_strategies())}")
    return named


def _by_name(expected: str, given: Any) -> dict[Any, Any]:
    if not isinstance(given, Iterable):
        raise InvalidInputError(f"{expected}, got {given!r:.80}")
    try:
        return dict(given) if isinstance(given, Mapping) else {name: name for name in given}
    except TypeError:
        raise InvalidInputError(f"{expected}, got {given!r:.80}") from None


def _factory(name: str, given: str | Factory) -> Factory:
    if isinstance(given, str):
        choose("strategy", given, dict.fromkeys(list_strategies()))
        return partial(make_strategy, given)
    if not callable(given):
        raise InvalidInputError(
            f"strategy {name!r}: expected a name or a factory(space, *, random_state, sources), got {given!r:.80}; "
            "every run needs a new one"
        )
    return given


def _objectives(given: Mapping[str, Objective] | Iterable[Objective] | Objective | Table) -> dict[str, Objective]:
    if isinstance(given, Table):
        return {task: TableObjective(given, task=task) for task in given.tasks}
    if isinstance(given, Objective):
        given = [given]
    if isinstance(given, Mapping):
        named = dict(given)
    elif not isinstance(given, Iterable):
        raise InvalidInputError(f"objectives: expected objectives by name, or a table, got {given!r:.80}")
    else:
        listed = list(given)
        named = {o.task if isinstance(o, TableObjective) else f"task-{i}": o for i, o in enumerate(listed)}
        if len(named) < len(listed):
            raise InvalidInputError("objectives: expected different tasks, got one twice; name them: {name: objective}")
    for name, objective in named.items():
        if not isinstance(name, str) or not isinstance(objective, Objective):
            raise InvalidInputError(
                f"objectives: expected objectives by name, or a table, got {objective!r:.80} named {name!r:.40}"
            )
        if len(objective.metrics) > 1:
            raise InvalidInputError(
                f"objective {name!r}: expected one metric, got {', '.join(objective.metrics)}; "
                "weigh them into one with WeightedObjective"
            )
    if not named:
        raise InvalidInputError("objectives: expected at least one, got none")
    return named


def _seeds(given: Any) -> list[int]:
    if isinstance(given, int | np.integer) and not isinstance(given, bool):
        given = range(given)
    found = list(given) if isinstance(given, Iterable) else []
    listed = [int(seed) for seed in found if isinstance(seed, int | np.integer)]
    if not listed or len(set(listed)) < len(found) or not 0 <= min(listed) <= max(listed) < 2**63:
        raise InvalidInputError(
            f"seeds: expected a number of them, or different whole numbers from 0, got {given!r:.80}"
        )
    return listed


def _described(plan: Plan) -> dict[tuple[str, str], Any]:
    """What a run folder has to know again to be continued."""
    described: dict[tuple[str, str], Any] = {
        ("strategy", name): describe(factory) for name, factory in plan.factories.items()
    }
    for task, objective in plan.objectives.items():
        described["task", task] = {**objective.describe(), "sources": list(plan.sources[task] or ())}
    return described


def _missing(plan: Plan, parts: Parts, seeds: Sequence[int], n_jobs: int) -> list[Cell]:
    """The cells that are still to be computed."""
    runs = len(plan.factories) * len(plan.objectives) * len(seeds)
    size = int(np.clip(runs // (CELLS_PER_PROCESS * max(1, n_jobs)), 1, SEEDS_PER_CELL))
    cells = []
    for strategy in plan.factories:
        for task in plan.objectives:
            done = parts.cpu_s(strategy, task)
            left = [seed for seed in seeds if seed not in done]
            cells += [Cell(strategy, task, tuple(left[i : i + size])) for i in range(0, len(left), size)]
    return cells


def _play_all(
    plan: Plan,
    parts: Parts,
    cells: Sequence[Cell],
    seeds: Sequence[int],
    n_jobs: int,
    executor: Executor,
    progress: Progress,
) -> list[Failure]:
    """Compute cells and keep what comes out; returns what failed."""
    total = len(plan.factories) * len(plan.objectives) * len(seeds)
    done = total - sum(len(cell.seeds) for cell in cells)
    failures: list[Failure] = []
    if done:
        progress.say(f"{done:,} of {total:,} runs are finished already.")

    def keep(i: int, result: Runs | WorkerDied) -> None:
        nonlocal done
        cell = cells[i]
        if isinstance(result, WorkerDied):
            failed = dict.fromkeys(cell.seeds, result.reason)
        else:
            parts.add(cell, result.table)
            failed = result.failures
        failures.extend((cell.strategy, cell.task, seed, message) for seed, message in failed.items())
        done += len(cell.seeds)
        progress.track("runs", done, total)

    for _ in run_all(partial(play, plan), cells, jobs=n_jobs, executor=executor, on_result=keep):
        pass
    return failures


def _finish(plan: Plan, parts: Parts, seeds: Sequence[int], failures: list[Failure]) -> Comparison:
    strategies, tasks = list(plan.factories), describe_tasks(plan.objectives)
    order = {name: i for i, name in enumerate([*strategies, *tasks.index])}
    failures = sorted(failures, key=lambda f: (strategies.index(f[0]), order[f[1]], seeds.index(f[2])))
    total = len(strategies) * len(tasks) * len(seeds)
    if len(failures) == total:
        raise InvalidInputError(f"compare: expected at least one run that succeeded, {total} failed: {failures[0][-1]}")
    spent = [
        (strategy, task, seed, cpu_s[seed])
        for strategy in strategies
        for task in tasks.index
        if (cpu_s := parts.cpu_s(strategy, task))
        for seed in seeds
        if seed in cpu_s
    ]
    comparison = Comparison(
        assemble(parts, strategies, tasks, seeds),
        tasks,
        failures_frame(dict(zip(("strategy", "task", "seed", "message"), zip(*failures, strict=True), strict=False))),
        timings_frame(dict(zip(("strategy", "task", "seed", "cpu_s"), zip(*spent, strict=True), strict=True))),
    )
    if parts.path is not None:
        comparison.save(parts.path / FILE_NAME)
    return comparison


def _check_picklable(plan: Plan) -> None:
    """Say which strategy or objective cannot be sent to another process, before any work is done."""
    for kind, named in (("strategy", plan.factories), ("objective", plan.objectives)):
        for name, value in named.items():
            try:
                pickle.dumps(value)
            except (pickle.PicklingError, AttributeError, TypeError) as error:
                raise InvalidInputError(
                    f"{kind} {name!r}: expected one that can be sent to another process, such as a function of a "
                    f"module or a partial of one ({error}); define it there, or take n_jobs=1"
                ) from None
