"""``surrogate-nas confirm``: train the best predicted for real."""

from pathlib import Path
from typing import Annotated

import typer

from surrogate_nas.cli.console import JsonFlag, console_progress, percent, records, show_json, show_table

NAME = "confirm"
EXAMPLE = "surrogate-nas confirm --predictor runs/wine-20/predictor --task wine --top 5 --run-dir runs/wine-confirmed"


def command(
    predictor: Annotated[Path, typer.Option(help="A saved predictor.")],
    run_dir: Annotated[Path, typer.Option(help="Folder of the trainings; the same folder continues.")],
    task: Annotated[str, typer.Option(help="Data set to train on.")] = "digits",
    top: Annotated[int, typer.Option(help="How many of the best predicted.")] = 5,
    seeds: Annotated[int, typer.Option(help="Trainings of each.")] = 3,
    epochs: Annotated[int | None, typer.Option(help="Length of each training; default: the trainer's own.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:1.")] = "auto",
    jobs: Annotated[int | None, typer.Option(help="Worker processes; default: one per processor.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Train the architectures that a predictor likes best, and put predicted beside measured; writes confirmed.csv."""
    from surrogate_nas.core import InvalidInputError
    from surrogate_nas.execution import default_jobs
    from surrogate_nas.experiments import confirm
    from surrogate_nas.predictors import load_predictor
    from surrogate_nas.training import Trainer

    for option, value in (("--top", top), ("--seeds", seeds)):
        if value < 1:
            raise InvalidInputError(f"{option}: expected at least 1, got {value}")
    fitted = load_predictor(predictor)
    if fitted.space is None:
        raise InvalidInputError(f"{predictor}: expected a predictor of architectures, got one of plain features")
    given = {} if epochs is None else {"epochs": epochs}
    trainer = Trainer(space=fitted.space, dataset=task, device=device, **given)
    with console_progress(silent=as_json) as progress:
        frame = confirm(
            fitted,
            trainer,
            top,
            seeds,
            jobs=default_jobs() if jobs is None else jobs,
            run_dir=run_dir,
            progress=progress,
        )
    frame.to_csv(run_dir / "confirmed.csv", index=False)
    if as_json:
        show_json({"confirmed": records(frame)})
        return
    typer.echo(f"Accuracy on {task}, mean ± standard deviation over {seeds} seed(s), the best validated first:")
    show_table(
        ["predicted", "validation", "test", "architecture"],
        [
            [f"{row['predicted']:.4f}", percent(row["val"], row["val_std"]), percent(row["test"], row["test_std"]),
             row["architecture"]]
            for row in records(frame)
        ],
        right=(0, 1, 2),
    )  # fmt: skip
    typer.echo(f"Written: {run_dir / 'confirmed.csv'}")
