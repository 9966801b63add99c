"""``surrogate-nas run``: the main job."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from surrogate_nas.cli.console import (
    AddressOption,
    ExecutorOption,
    JsonFlag,
    console_progress,
    percent,
    records,
    show_json,
    show_table,
)

if TYPE_CHECKING:
    from surrogate_nas.experiments.main_job import MainJobResult

NAME = "run"
EXAMPLE = "surrogate-nas run --task digits --run-dir runs/digits"


def command(
    task: Annotated[
        str,
        typer.Option(help="The new task, a data set: digits, wine ... (see the README), or a .toml file of your own."),
    ] = "digits",
    space: Annotated[
        str | None, typer.Option(help="Search space, a name or a .toml file; default: that of the earlier tasks.")
    ] = None,
    table: Annotated[
        str | None,
        typer.Option(help="Table of earlier tasks to learn from: a name or a Parquet file; default: one that fits."),
    ] = None,
    support: Annotated[int, typer.Option(help="Random architectures trained first; 0 asks earlier tasks alone.")] = 20,
    further: Annotated[
        int, typer.Option(help="Further trainings, chosen by the predictor (and as many at random, to compare).")
    ] = 12,
    rounds: Annotated[int, typer.Option(help="Adapt again this many times while the further trainings are spent.")] = 6,
    finalists: Annotated[int, typer.Option(help="Architectures confirmed with fresh seeds.")] = 3,
    seeds: Annotated[int, typer.Option(help="Fresh seeds of each confirmation.")] = 3,
    strategy: Annotated[
        str, typer.Option(help="How proposals are found on the predictor: ranking or evolution.")
    ] = "ranking",
    seed: Annotated[int, typer.Option(help="Seed of every random choice.")] = 0,
    epochs: Annotated[int | None, typer.Option(help="Length of each training; default: the trainer's own.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:1.")] = "auto",
    jobs: Annotated[int | None, typer.Option(help="Workers at once; default: one per processor.")] = None,
    executor: ExecutorOption = None,
    address: AddressOption = None,
    run_dir: Annotated[
        Path | None, typer.Option(help="Folder of the run; the same folder continues it. Default: runs/<task>-<seed>.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Learn across real tasks, train a few networks on a new one, and confirm the best against random search."""
    from surrogate_nas.execution import executor_named
    from surrogate_nas.experiments.arms import Budget
    from surrogate_nas.experiments.main_job import Settings, run_main_job
    from surrogate_nas.reports import write_report
    from surrogate_nas.training import load_dataset
    from surrogate_nas.training.datasets.described import is_described

    budget = Budget(support=support, further=further, rounds=rounds, finalists=finalists, seeds=seeds)
    place, jobs = executor_named(executor, address, jobs)
    settings = Settings(task, table, budget, strategy, seed, epochs, device, jobs, place, space)
    name = load_dataset(task).name if is_described(task) else task
    folder = run_dir or Path("runs") / "-".join(filter(None, (name, space and Path(space).stem, str(seed))))
    with console_progress(silent=as_json) as progress:
        result = run_main_job(settings, run_dir=folder, progress=progress)
    report = write_report(folder)
    if as_json:
        show_json(
            {"run_dir": folder, "report": report, "comparison": records(result.comparison), "seconds": result.seconds}
        )
    else:
        _tell(name, result, report)


#: Hand-made networks shown on the terminal, the best validated; the report has all.
SHOWN = 5

#: Answers before them: ours and random search's.
ARMS = 2


def _tell(task: str, result: "MainJobResult", report: Path) -> None:
    from surrogate_nas.experiments.main_job import METRIC_WORDS

    seeds, answers = result.budget.seeds, records(result.answers)
    metric = METRIC_WORDS[result.metric].capitalize()
    spread = f"mean ± standard deviation over {seeds} fresh seeds"
    typer.echo(f"\n{metric} on {task}, {spread}; each arm chose on validation:")
    show_table(
        ["", "validation", "test", "trainings", "architecture"],
        [
            [answer["name"] or answer["arm"], percent(answer["val"], answer["val_std"]),
             percent(answer["test"], answer["test_std"]), str(answer["trainings"]), answer["architecture"]]
            for answer in answers[: ARMS + SHOWN]
        ],
        right=(1, 2, 3),
    )  # fmt: skip
    if len(answers) > ARMS + SHOWN:
        typer.echo(f"  ... and {len(answers) - ARMS - SHOWN} more hand-made networks in the report")
    folder = report.parent
    typer.echo(f"\n{result.verdict()}\n")
    typer.echo(f"Report:   {report}")
    typer.echo(f"Network:  {folder / 'best'} (architecture, drawing, weights)")
    typer.echo(f"Next:     surrogate-nas rank --predictor {folder / 'predictor'} --top 10")
