"""``surrogate-nas search``: the best architecture for the fewest evaluations, on a table or by real training."""

from collections.abc import Mapping, Sequence
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from surrogate_nas.cli.console import AddressOption, ExecutorOption, JsonFlag, console_progress, show_json, show_table
from surrogate_nas.core import InvalidInputError

if TYPE_CHECKING:
    from surrogate_nas.experiments import Objective, SearchResult, TableObjective
    from surrogate_nas.strategies import Predicate, Strategy
    from surrogate_nas.tables import Table

NAME = "search"
EXAMPLE = "surrogate-nas search --task cora --strategy default --budget 100 --run-dir runs/cora"

#: What a file of --config may hold; flags of the same names override it. "set" and "limit" are tables there:
#: [set] population_size = 50
KEYS: dict[str, type] = {
    "table": str,
    "task": str,
    "metric": str,
    "split": str,
    "epochs": int,
    "training-seed": str,
    "cost": str,
    "space": str,
    "arch-column": str,
    "score-column": str,
    "direction": str,
    "dataset": str,
    "strategy": str,
    "set": dict,
    "sources": str,
    "limit": dict,
    "budget": int,
    "budget-s": float,
    "patience": int,
    "target": float,
    "seed": int,
    "batch-size": int,
    "workers": int,
    "executor": str,
    "address": str,
    "run-dir": str,
    "top": int,
}

DEFAULTS: dict[str, Any] = {"table": "nas-bench-graph", "seed": 0, "batch-size": 1, "workers": 1, "top": 5}

#: Who searches where nobody is named: for one metric, and for several.
STRATEGY, STRATEGY_OF_SEVERAL = "default", "nsga2"

#: The file of a run folder with what was evaluated.
SCORES = "scores.csv"

#: Evaluations where no budget is named.
BUDGET = 150


def command(
    config: Annotated[
        Path | None, typer.Option(help="TOML file with any of these settings; flags override it.")
    ] = None,
    table: Annotated[
        str | None,
        typer.Option(help="Table: a name or a file, also your own CSV or Parquet. Default: nas-bench-graph."),
    ] = None,
    task: Annotated[str | None, typer.Option(help="Task of the table. Default: the only one there is.")] = None,
    metric: Annotated[
        str | None, typer.Option(help="What is searched for; several with commas between. Default: the task's own.")
    ] = None,
    split: Annotated[str | None, typer.Option(help="The split that is searched on. Default: val.")] = None,
    epochs: Annotated[int | None, typer.Option(help="Length of the training. Default: the only one there is.")] = None,
    training_seed: Annotated[str | None, typer.Option(help="Seed of the recorded trainings, if several.")] = None,
    cost: Annotated[
        str | None, typer.Option(help="Metric with the seconds of a training, or a number of seconds per epoch.")
    ] = None,
    space: Annotated[str | None, typer.Option(help="Space of a CSV or Parquet file, or of --dataset.")] = None,
    arch_column: Annotated[str | None, typer.Option(help="Column of the architectures in CSV and Parquet.")] = None,
    score_column: Annotated[str | None, typer.Option(help="Column of the scores in CSV and Parquet.")] = None,
    direction: Annotated[str | None, typer.Option(help="Of the scores in CSV and Parquet: max or min.")] = None,
    dataset: Annotated[
        str | None,
        typer.Option(
            help="Train for real on this data set (a name or a .toml file), instead of looking up in a table."
        ),
    ] = None,
    strategy: Annotated[
        str | None, typer.Option(help="Who searches. Default: default, or nsga2 for several metrics.")
    ] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="Option of the strategy: population_size=50. May be repeated.")
    ] = None,
    sources: Annotated[
        str | None,
        typer.Option(
            help="Table of earlier tasks, or of trainings on this one, to learn from before. Default: that of --table."
        ),
    ] = None,
    limit: Annotated[
        list[str] | None,
        typer.Option(help="Only what keeps a limit: params=1.5 is at most that, a score at least. May be repeated."),
    ] = None,
    budget: Annotated[int | None, typer.Option(help="Evaluations. Default: 150.")] = None,
    budget_s: Annotated[
        float | None, typer.Option("--budget-s", "--budget-seconds", help="Or seconds of evaluation, or both.")
    ] = None,
    patience: Annotated[int | None, typer.Option(help="End after so many evaluations without a better one.")] = None,
    target: Annotated[float | None, typer.Option(help="End once a score is as good as this.")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of the strategy. Default: 0.")] = None,
    batch_size: Annotated[
        int | None, typer.Option(help="Architectures asked for and told together. Default: 1.")
    ] = None,
    workers: Annotated[int | None, typer.Option(help="Evaluations at once; on a table in recorded time.")] = None,
    executor: ExecutorOption = None,
    address: AddressOption = None,
    run_dir: Annotated[
        Path | None, typer.Option(help="Folder to keep every evaluation in; the same folder continues.")
    ] = None,
    top: Annotated[int | None, typer.Option(help="How many architectures to show. Default: 5.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Search a table of real trainings, or train for real, and show the best architectures found."""
    from surrogate_nas.cli.config import assignments, settings

    flags = {
        "table": table, "task": task, "metric": metric, "split": split, "epochs": epochs, "cost": cost,
        "training-seed": training_seed, "space": space, "arch-column": arch_column, "score-column": score_column,
        "direction": direction, "dataset": dataset, "strategy": strategy, "sources": sources, "budget": budget,
        "budget-s": budget_s, "patience": patience, "target": target, "seed": seed, "batch-size": batch_size,
        "workers": workers, "executor": executor, "address": address, "top": top,
        "run-dir": None if run_dir is None else str(run_dir),
        "set": assignments("--set", set_ or ()), "limit": assignments("--limit", limit or ()),
    }  # fmt: skip
    given = _with_dataset(DEFAULTS | settings(config, KEYS, flags))
    if given["top"] < 1:
        raise InvalidInputError(f"--top: expected at least 1, got {given['top']}")
    objective, searching, result = _search(given, silent=as_json)
    folder = given.get("run-dir")
    if folder is not None:
        _write_scores(result, Path(folder) / SCORES)
    found = _best(result, given["top"])
    if as_json:
        show_json(
            {
                "strategy": repr(searching),
                "evaluations": len(result.X),
                "seconds": float(result.elapsed_s[-1]) if objective.timed else None,
                "best": found,
                "regret": _regret(result),
                "run_dir": folder,
            }
        )
        return
    _tell(objective, _strategy_name(given, objective), result, found)
    if folder is not None:
        typer.echo(f"Log:    {Path(folder) / 'search.jsonl'} (one line per evaluation; the same command continues)")
        typer.echo(f"Scores: {Path(folder) / SCORES}")
        if "dataset" in given:
            typer.echo(f"Next:   {_next(given, objective, Path(folder))}")


def _next(given: Mapping[str, Any], objective: "Objective", folder: Path) -> str:
    """What to do with trainings that a search did: a predictor learns from them, and from those before."""
    from surrogate_nas.tables import load_table

    earlier = ""
    if Path(given.get("sources", "")).suffix:
        table = load_table(given["sources"])
        earlier = f"{given['sources']} " if table.space.name == objective.space.name and len(table.tasks) == 1 else ""
    space = "" if earlier else f"--space {given.get('space', objective.space.name)} "
    return f"surrogate-nas fit {earlier}{folder / SCORES} {space}--save {folder / 'predictor'}"


def _with_dataset(given: dict[str, Any]) -> dict[str, Any]:
    """A file that describes data is trained on, whichever option names it: no table has such a task."""
    from surrogate_nas.training.datasets.described import is_described

    if "dataset" not in given and is_described(given.get("task")):
        return {**{key: value for key, value in given.items() if key != "task"}, "dataset": given["task"]}
    return given


def _search(given: Mapping[str, Any], *, silent: bool) -> "tuple[Objective, Strategy, SearchResult]":
    from surrogate_nas.execution import executor_named
    from surrogate_nas.experiments import search

    objective, limits = _objective(given)
    strategy = _strategy(given, objective)
    how = {key.replace("-", "_"): given[key] for key in ("budget", "budget-s", "patience", "target") if key in given}
    if not how.keys() & {"budget", "budget_s"}:
        how["budget"] = BUDGET
    if given.keys() & {"executor", "address"}:
        how["executor"], _ = executor_named(given.get("executor"), given.get("address"), given["workers"])
    with console_progress(silent=silent) as progress:
        result = search(
            objective, strategy, batch_size=given["batch-size"], workers=given["workers"], allowed=limits,
            run_dir=given.get("run-dir"), progress=progress, **how,
        )  # fmt: skip
    return objective, strategy, result


def _objective(given: Mapping[str, Any]) -> "tuple[Objective, Sequence[Predicate]]":
    """What is searched on, and what keeps to the limits."""
    from surrogate_nas.experiments import Limit, MultiObjective

    if "dataset" in given:
        return _training(given)
    table = _table(given)
    check_lengths(table, given)
    task = given.get("task")
    if task is None and len(table.tasks) > 1:
        raise InvalidInputError(f"--task: expected one of {', '.join(table.tasks)}, got none; the table has several")
    task = task or table.tasks[0]
    metrics = [name.strip() for name in given.get("metric", "").split(",") if name.strip()]
    limits = []
    for metric, value in given.get("limit", {}).items():
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise InvalidInputError(f"--limit: expected metric=number, got {metric}={value!r}")
        of = table_objective(table, task, metric, given)
        limits.append(Limit(of, at_most=value) if of.direction == "min" else Limit(of, at_least=value))
    columns = [table_objective(table, task, metric, given) for metric in metrics or [table.default_metric(task)]]
    return (columns[0] if len(columns) == 1 else MultiObjective(columns)), limits


def check_lengths(table: "Table", given: Mapping[str, Any]) -> None:
    """Raise an error for a length of training where the table tells none: it would be ignored.

    Args:
        table: The table.
        given: Settings by key: epochs.
    """
    if "epochs" in given and all(c.epochs is None for c in table.columns):
        raise InvalidInputError(
            f"--epochs: expected none, as table {table.name!r} has one length of training only, got {given['epochs']}"
        )


def table_objective(table: "Table", task: str, metric: str, given: Mapping[str, Any]) -> "TableObjective":
    """A metric of the task; schedule, seed and cost go to those metrics that have several.

    Args:
        table: The table.
        task: Its task.
        metric: Its metric.
        given: Settings by key: split, epochs, training-seed, cost.
    """
    from surrogate_nas.experiments import TableObjective

    columns = [c for c in table.columns if (c.task, c.metric) == (task, metric)]
    which: dict[str, Any] = {"split": given["split"]} if "split" in given else {}
    if "epochs" in given and any(c.epochs is not None for c in columns):
        which["epochs"] = given["epochs"]
    if "training-seed" in given and any(c.seed is not None for c in columns):
        text = given["training-seed"]
        which["seed"] = int(text) if text.isdecimal() else text
    if "cost" in given and any(c.split for c in columns):
        which["cost"] = _number(given["cost"])
    return TableObjective(table, task=task, metric=metric, **which)


def _table(given: Mapping[str, Any]) -> "Table":
    """A table of this package, or one made of the columns of the user's own file."""
    from surrogate_nas.cli.learning import as_direction
    from surrogate_nas.cli.measurements import is_table, read_measurements
    from surrogate_nas.core import Column
    from surrogate_nas.spaces import get_space
    from surrogate_nas.tables import Table, load_table

    path = Path(given["table"])
    if is_table(path):
        return load_table(given["table"])
    if "space" not in given:
        raise InvalidInputError(f"--space: expected the space of the architectures in {path}, got none")
    read = read_measurements(
        path, get_space(given["space"]), arch_column=given.get("arch-column"), score_column=given.get("score-column")
    )
    if not len(read.y):
        raise InvalidInputError(f"{path}: expected at least one architecture with a score, got none")
    direction = as_direction(given.get("direction", "max"))
    column = Column(path.stem, read.score_column, given.get("split", "val"), direction=direction)
    return Table(read.space, read.X, {column: read.y}, name=path.stem)


def _training(given: Mapping[str, Any]) -> "tuple[Objective, Sequence[Predicate]]":
    """Real training, and the condition that nothing is trained which the sources have of the same task."""
    for key in ("task", "limit", "cost", "split"):
        if key in given:
            raise InvalidInputError(f"--{key} and --dataset: expected one of them, got both; --{key} is of a table")
    seed = given.get("training-seed", "0")
    if not seed.isdecimal():
        raise InvalidInputError(f"--training-seed: expected a whole number of at least 0, got {seed!r}")

    from surrogate_nas.cli.known import unknown_to
    from surrogate_nas.experiments import TrainingObjective  # only now: torch takes seconds to load
    from surrogate_nas.spaces import get_space
    from surrogate_nas.tables import load_table
    from surrogate_nas.training import Trainer

    space = get_space(given["space"]) if "space" in given else load_table(given["table"]).space
    trainer = Trainer(space=space, dataset=given["dataset"], epochs=given.get("epochs"))
    earlier = None
    if "sources" in given:
        earlier = unknown_to(load_table(given["sources"]), trainer.data.name, space)
    return TrainingObjective(trainer, metric=given.get("metric"), seed=int(seed)), [earlier] if earlier else []


def _strategy(given: Mapping[str, Any], objective: "Objective") -> "Strategy":
    from surrogate_nas.core import TaskData
    from surrogate_nas.experiments import TableObjective
    from surrogate_nas.experiments.catalogue import factory_of, make_strategy
    from surrogate_nas.experiments.comparing.sources import sources_for, tables_behind
    from surrogate_nas.tables import load_table

    earlier = None
    if "sources" in given:
        table = load_table(given["sources"])
        other = None if table.space.name == objective.space.name else table.space
        earlier = {task: TaskData(*table.data(task=task, split="val"), space=other) for task in table.tasks}
    # Of a table the target's scores must not be known beforehand; who trains for real may know all that was trained.
    target = next((o.task for o in tables_behind(objective)), "")
    name = _strategy_name(given, objective)
    options = dict(given.get("set", {}))
    if "levels" in signature(factory_of(name, options)).parameters and isinstance(objective, TableObjective):
        options.setdefault("levels", objective.schedules)  # the lengths of training that there are
    sources = sources_for(target, {target: objective}, earlier)
    return make_strategy(name, objective.space, random_state=given["seed"], sources=sources, **options)


def _number(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


def _write_scores(result: "SearchResult", path: Path) -> None:
    """Architectures with one column per metric, which is what ``fit`` takes; a failure is left empty."""
    import pandas as pd

    from surrogate_nas.core.atomic import write_atomically

    scores = result.scores.reshape(len(result.X), -1)
    columns = dict(zip(result.objective.metrics, scores.T, strict=True))
    frame = pd.DataFrame({"architecture": result.objective.space.format(result.X), **columns})
    write_atomically(path, lambda target: frame.to_csv(target, index=False))


def _best(result: "SearchResult", top: int) -> list[dict[str, Any]]:
    """The best evaluations, or the best compromises of several metrics, as plain values."""
    import numpy as np

    metrics = result.objective.metrics
    scores = result.scores.reshape(len(result.X), -1)
    order = np.argsort(-result.objective.signs[0] * scores[:, 0], kind="stable")  # failures come last
    chosen = order[~np.isnan(scores[order]).any(axis=1)] if len(metrics) == 1 else order[np.isin(order, result.pareto)]
    epochs = result.epochs
    if epochs is not None and len(chosen) and len(metrics) == 1:
        chosen = chosen[np.argsort(-epochs[chosen], kind="stable")]  # the longest trainings say most
    texts = result.objective.space.format(result.X[chosen[:top]])
    return [
        {
            "architecture": text,
            **dict(zip(metrics, scores[i].tolist(), strict=True)),
            "step": int(i) + 1,
            **({} if epochs is None else {"epochs": int(epochs[i])}),
        }
        for text, i in zip(texts, chosen[:top], strict=True)
    ]


def _regret(result: "SearchResult") -> dict[str, float]:
    """What the best one still lacks, by split, where that is known."""
    found = {}
    splits = [*(o.column.split for o in _searched(result.objective)), "test"]
    for split in splits if len(result.objective.metrics) == 1 else ():
        try:
            found[split] = float(result.regret(split)[-1]) + 0.0  # no -0
        except (InvalidInputError, LookupError):  # not a table, or one without this split
            continue
    return found


def _searched(objective: "Objective") -> "tuple[TableObjective, ...]":
    from surrogate_nas.experiments.comparing.sources import tables_behind

    return tables_behind(objective)[:1]


def _strategy_name(given: Mapping[str, Any], objective: "Objective") -> str:
    name: str = given.get("strategy", STRATEGY if len(objective.metrics) == 1 else STRATEGY_OF_SEVERAL)
    return name


def _tell(objective: "Objective", strategy: str, result: "SearchResult", found: list[dict[str, Any]]) -> None:
    failed = len(result.X) - int((result.scores == result.scores).reshape(len(result.X), -1).all(axis=1).sum())
    typer.echo(
        f"{len(result.X):,} evaluations by {strategy}{f', {failed} of them failed' if failed else ''}"
        f"{f', {result.elapsed_s[-1]:,.0f} s' if objective.timed and result.elapsed_s[-1] >= 1 else ''}:"
    )
    if not found:
        raise InvalidInputError("search: expected at least one evaluation that succeeded, got none")
    names = [name for name in found[0] if name != "architecture"]
    show_table(
        [*names, "architecture"],
        [[*(f"{row[name]:.6g}" for name in names), row["architecture"]] for row in found],
        right=tuple(range(len(names))),
    )
    for split, regret in _regret(result).items():
        where = "test: chosen without it" if split == "test" else split or objective.metrics[0]
        typer.echo(f"Regret: {regret:.4g} ({where}; best known - the best found)")
