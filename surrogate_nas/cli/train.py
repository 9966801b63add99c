"""``surrogate-nas train``: real trainings into a table."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from surrogate_nas.cli.console import AddressOption, ExecutorOption, JsonFlag, console_progress, percent, show_json

if TYPE_CHECKING:
    from surrogate_nas.spaces.base import SearchSpace
    from surrogate_nas.tables import Table

NAME = "train"
EXAMPLE = "surrogate-nas train --task wine --sample 20 --seeds 1 --run-dir runs/wine-20"

#: What is trained on where nothing is named.
TASK = "digits"


def command(
    run_dir: Annotated[Path, typer.Option(help="Folder of the trainings; the same folder continues.")],
    task: Annotated[
        list[str] | None,
        typer.Option(help="Data set to train on: a name, or a .toml file. May be repeated. Default: digits."),
    ] = None,
    space: Annotated[
        str, typer.Option(help="Search space: a name, or a .toml file that defines it.")
    ] = "nas-bench-graph",
    architecture: Annotated[
        list[str] | None, typer.Option(help="An architecture to train, in text form; may be repeated.")
    ] = None,
    sample: Annotated[int, typer.Option(help="Or so many random ones.")] = 20,
    seeds: Annotated[int, typer.Option(help="Trainings of each, with seeds 0, 1, ...")] = 1,
    seed: Annotated[int, typer.Option(help="Seed of the random sample.")] = 0,
    epochs: Annotated[int | None, typer.Option(help="Length of each training; default: the trainer's own.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:1.")] = "auto",
    jobs: Annotated[int | None, typer.Option(help="Workers at once; default: one per processor.")] = None,
    together: Annotated[
        int | None,
        typer.Option(help="Networks that each worker trains at a time, as one; default: 1 on a CPU, 32 on a GPU."),
    ] = None,
    executor: ExecutorOption = None,
    address: AddressOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Train architectures for real and keep every result; writes RUN_DIR/table.parquet and table.csv.

    The folder only grows: other architectures, seeds and tasks are added to what is there.
    """
    from surrogate_nas.core import InvalidInputError, as_generator
    from surrogate_nas.execution import executor_named
    from surrogate_nas.experiments import collect_tasks
    from surrogate_nas.spaces import get_space
    from surrogate_nas.training import Trainer

    for option, value in (
        ("--sample", sample),
        ("--seeds", seeds),
        ("--together", 1 if together is None else together),
    ):
        if value < 1:
            raise InvalidInputError(f"{option}: expected at least 1, got {value}")
    chosen = get_space(space)
    rows = chosen.parse(architecture) if architecture else chosen.sample(sample, as_generator(seed), unique=True)
    trainers = [Trainer(space=chosen, dataset=name, epochs=epochs, device=device) for name in task or [TASK]]
    place, jobs = executor_named(executor, address, jobs)
    with console_progress(silent=as_json) as progress:
        table = collect_tasks(
            trainers,
            rows,
            range(seeds),
            run_dir=run_dir,
            jobs=jobs,
            executor=place,
            progress=progress,
            together=together,
        )
    path = run_dir / "table.parquet"
    table.to_parquet(path)
    table.to_pandas().to_csv(run_dir / "table.csv", index=False)
    names = [trainer.data.name for trainer in trainers]
    found = {name: _best(table, name) for name in names}
    if as_json:
        best, val = found[names[0]]
        tasks = {name: {"best": best, "val": val} for name, (best, val) in found.items()}
        show_json(
            {"table": path, "architectures": len(table), "seeds": seeds, "best": best, "val": val, "tasks": tasks}
        )
        return
    typer.echo(f"{len(table)} architectures, {len(table.tasks)} task(s) in {path}")
    for trainer, name in zip(trainers, names, strict=True):
        best, val = found[name]
        if best is not None and val is not None:
            typer.echo(f"Best validation {trainer.metric} on {name}: {percent(val)}  {best}")
    which = f" --task {shlex.quote(names[0])}" if len(table.tasks) > 1 else ""
    typer.echo(f"Next: {_next(chosen, path, which)} --save {run_dir / 'predictor'}")


def _best(table: "Table", task: str) -> tuple[str | None, float | None]:
    """The architecture of the best mean over seeds, and that mean."""
    from surrogate_nas.experiments import mean_over_seeds

    X, y = mean_over_seeds(table, task=task)
    if not len(y):
        return None, None
    return table.space.format(X[y.argmax()])[0], float(y.max())


def _next(space: "SearchSpace", path: Path, which: str) -> str:
    """What to do with the table: start from earlier tasks where there are any, else from it alone."""
    from surrogate_nas.cli.rank import DEFAULT_TABLE
    from surrogate_nas.tables import load_table

    if load_table(DEFAULT_TABLE).space.name == space.name:
        return f"surrogate-nas rank --measured {path}{which}"
    return f"surrogate-nas fit {path}{which} --report {path.with_name('predictor.html')}"
