"""``surrogate-nas compare``: which strategy is better, on how many tasks, and how sure that is."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from surrogate_nas.cli.console import (
    AddressOption,
    ExecutorOption,
    JsonFlag,
    console_progress,
    records,
    show_json,
    show_table,
)
from surrogate_nas.core import InvalidInputError

if TYPE_CHECKING:
    import pandas as pd

    from surrogate_nas.experiments import Comparison, TableObjective

NAME = "compare"
EXAMPLE = (
    "surrogate-nas compare --strategies random,regularized-evolution --budget 100 --seeds 10 --run-dir runs/compare"
)

#: What a file of --config may hold; flags of the same names override it. "strategy" has one table per competitor with
#: options: [strategy.small-population] name = "regularized-evolution", population_size = 10.
KEYS: dict[str, type] = {
    "table": str,
    "tasks": list,
    "metric": str,
    "split": str,
    "epochs": int,
    "training-seed": str,
    "cost": str,
    "strategies": list,
    "strategy": dict,
    "budget": int,
    "budget-s": float,
    "seeds": int,
    "batch-size": int,
    "workers": int,
    "jobs": int,
    "executor": str,
    "address": str,
    "run-dir": str,
    "report": str,
}

DEFAULTS: dict[str, Any] = {"table": "nas-bench-graph", "seeds": 30, "jobs": 1, "run-dir": "runs/comparison"}

#: Who competes where nobody is named.
BASELINES = ("random", "regularized-evolution")

#: Evaluations of a run where no budget is named.
BUDGET = 150

#: All tasks of the table.
ALL = "all"


def command(
    config: Annotated[
        Path | None, typer.Option(help="TOML file with any of these settings; flags override it.")
    ] = None,
    table: Annotated[str | None, typer.Option(help="Table: a name or a file. Default: nas-bench-graph.")] = None,
    tasks: Annotated[str | None, typer.Option(help="Tasks, with commas between. Default: all.")] = None,
    metric: Annotated[str | None, typer.Option(help="What is searched for. Default: each task's own.")] = None,
    split: Annotated[str | None, typer.Option(help="The split that is searched on. Default: val.")] = None,
    epochs: Annotated[int | None, typer.Option(help="Length of the schedule. Default: the only one there is.")] = None,
    training_seed: Annotated[str | None, typer.Option(help="Seed of the recorded trainings, if several.")] = None,
    cost: Annotated[
        str | None, typer.Option(help="Metric with the seconds of a training, or a number of seconds per epoch.")
    ] = None,
    strategies: Annotated[
        str | None, typer.Option(help="Names, with commas between. Default: random,regularized-evolution.")
    ] = None,
    budget: Annotated[int | None, typer.Option(help="Evaluations per run. Default: 150.")] = None,
    budget_s: Annotated[float | None, typer.Option(help="Or seconds of evaluation per run.")] = None,
    seeds: Annotated[int | None, typer.Option(help="Runs of each strategy on each task. Default: 30.")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Architectures per question. Default: 1.")] = None,
    workers: Annotated[int | None, typer.Option(help="Evaluations of a run at once, in recorded time.")] = None,
    jobs: Annotated[int | None, typer.Option(help="Workers at once. Default: 1.")] = None,
    executor: ExecutorOption = None,
    address: AddressOption = None,
    run_dir: Annotated[
        Path | None, typer.Option(help="Folder to keep runs in; the same folder continues. Default: runs/comparison.")
    ] = None,
    report: Annotated[
        Path | None, typer.Option(help="Where the page goes. Default: report.html in the folder.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Run strategies on the tasks of a table, from many seeds each, and say which is better."""
    from surrogate_nas.cli.config import settings

    flags = {
        "table": table, "tasks": _names(tasks), "metric": metric, "split": split, "epochs": epochs,
        "training-seed": training_seed, "cost": cost, "strategies": _names(strategies), "budget": budget,
        "budget-s": budget_s, "seeds": seeds, "batch-size": batch_size, "workers": workers, "jobs": jobs,
        "executor": executor, "address": address, "run-dir": run_dir, "report": report,
    }  # fmt: skip
    given = DEFAULTS | settings(config, KEYS, flags)
    comparison = _compare(given, silent=as_json)
    folder = Path(given["run-dir"])
    page = _report(comparison, Path(given.get("report", folder / "report.html")))
    summary = comparison.summary()
    if as_json:
        content = {"run_dir": folder, "report": page, "summary": records(summary.reset_index())}
        show_json({**content, "failures": records(comparison.failures)})
        return
    _show(comparison, summary)
    if page is not None:
        typer.echo(f"Report:  {page}")
    typer.echo(f"Numbers: {folder / 'comparison.parquet'} (one row per evaluation)")


def _compare(given: Mapping[str, Any], *, silent: bool) -> "Comparison":
    from surrogate_nas.execution import executor_named
    from surrogate_nas.experiments import compare

    objectives, strategies = _objectives(given), _strategies(given)
    how = {key.replace("-", "_"): given[key] for key in ("budget", "budget-s", "batch-size", "workers") if key in given}
    if not how.keys() & {"budget", "budget_s"}:
        how["budget"] = BUDGET
    place, jobs = executor_named(given.get("executor"), given.get("address"), given["jobs"])
    with console_progress(silent=silent) as progress:
        return compare(
            strategies,
            objectives,
            seeds=given["seeds"],
            n_jobs=jobs,
            executor=place,
            run_dir=given["run-dir"],
            progress=progress,
            **how,
        )


def _objectives(given: Mapping[str, Any]) -> "dict[str, TableObjective]":
    from surrogate_nas.cli.search import check_lengths, table_objective
    from surrogate_nas.tables import load_table

    table = load_table(given["table"])
    check_lengths(table, given)
    tasks = given.get("tasks", [ALL])
    tasks = list(table.tasks) if tasks == [ALL] else tasks
    metrics = {task: given.get("metric") or table.default_metric(task) for task in tasks}
    return {task: table_objective(table, task, metric, given) for task, metric in metrics.items()}


def _strategies(given: Mapping[str, Any]) -> dict[str, Any]:
    """Factories by name: the named ones with their defaults, and those that have a table of options."""
    from surrogate_nas.experiments.catalogue import factory_of, make_strategy

    found: dict[str, Any] = {name: {} for name in given.get("strategies", ())}
    found |= given.get("strategy", {})
    factories = {}
    for name, options in (found or dict.fromkeys(BASELINES, {})).items():
        if not isinstance(options, dict):
            raise InvalidInputError(f"strategy.{name}: expected a table of key = value, got {options!r:.80}")
        kind, rest = options.get("name", name), {key: value for key, value in options.items() if key != "name"}
        factory_of(kind, rest)  # says what is wrong before anything is run
        factories[name] = partial(make_strategy, kind, **rest)
    return factories


def _names(text: str | None) -> list[str]:
    return [name.strip() for name in (text or "").split(",") if name.strip()]


def _report(comparison: "Comparison", page: Path) -> Path | None:
    """Where the page is; the numbers are there without it where an optional package is missing."""
    from surrogate_nas.core.errors import MissingExtraError
    from surrogate_nas.reports import write_comparison_report

    try:
        return write_comparison_report(comparison.frame, comparison.tasks, page, failures=comparison.failures)
    except MissingExtraError as error:
        typer.echo(f"No report: {error}", err=True)
        return None


def _show(comparison: "Comparison", summary: "pd.DataFrame") -> None:
    tasks, seeds = comparison.frame["task"].nunique(), comparison.frame["seed"].nunique()
    typer.echo(
        f"\n{tasks} tasks, {seeds} seeds; regret: 0 = best known, 1 = one random architecture, with 95% intervals:"
    )
    show_table(
        ["strategy", "rank", "regret", "median", "area", "reached", "evaluations"],
        [
            [str(name), f"{row['rank']:.2f}", *(_interval(row, column) for column in ("regret", "median", "area")),
             f"{row['reached']:.0%}", _interval(row, "evaluations", 0)]
            for name, row in summary.iterrows()
        ],
        right=(1, 2, 3, 4, 5, 6),
    )  # fmt: skip
    typer.echo("reached, evaluations: of the best 0.1% of what is measured; a run that misses them counts budget + 1")
    for (strategy, task), failed in comparison.failures.groupby(["strategy", "task"], sort=False):
        typer.echo(f"failed:  {strategy} on {task}, {len(failed)} runs: {failed['message'].iloc[0]}")


def _interval(row: "pd.Series[Any]", column: str, digits: int = 3) -> str:
    mean, low, high = (float(row[name]) for name in (column, f"{column}_low", f"{column}_high"))
    return f"{mean:.{digits}f} ({low:.{digits}f}-{high:.{digits}f})"
