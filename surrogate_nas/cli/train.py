"""``surrogate-nas train``: real trainings into a table."""

from pathlib import Path
from typing import Annotated

import typer

from surrogate_nas.cli.console import AddressOption, ExecutorOption, JsonFlag, console_progress, percent, show_json

NAME = "train"
EXAMPLE = "surrogate-nas train --task wine --sample 20 --seeds 1 --run-dir runs/wine-20"


def command(
    run_dir: Annotated[Path, typer.Option(help="Folder of the trainings; the same folder continues.")],
    task: Annotated[str, typer.Option(help="Data set to train on.")] = "digits",
    space: Annotated[str, typer.Option(help="Search space.")] = "nas-bench-graph",
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
    """Train architectures for real and keep every result; writes RUN_DIR/table.parquet and table.csv."""
    from surrogate_nas.core import InvalidInputError, as_generator
    from surrogate_nas.execution import executor_named
    from surrogate_nas.experiments import collect
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
    trainer = Trainer(space=chosen, dataset=task, epochs=epochs, device=device)
    place, jobs = executor_named(executor, address, jobs)
    with console_progress(silent=as_json) as progress:
        table = collect(
            trainer,
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
    X, y = table.top(1, task=trainer.data.name, split="val", seed=0)
    best = chosen.format(X)[0] if len(X) else None
    if as_json:
        show_json(
            {"table": path, "architectures": len(table), "seeds": seeds, "best": best, "val": y[0] if len(y) else None}
        )
        return
    typer.echo(f"{len(table)} architectures × {seeds} seed(s) in {path}")
    if best is not None:
        typer.echo(f"Best validation {trainer.metric}, seed 0: {percent(y[0])}  {best}")
    typer.echo(f"Next: surrogate-nas rank --measured {path} --task {trainer.data.name} --save {run_dir / 'predictor'}")
