"""``surrogate-nas confirm``: train the best predicted for real."""

from pathlib import Path
from typing import Annotated

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

NAME = "confirm"
EXAMPLE = "surrogate-nas confirm --predictor runs/wine-20/predictor --task wine --top 5 --run-dir runs/wine-confirmed"


def command(
    predictor: Annotated[Path, typer.Option(help="A saved predictor.")],
    run_dir: Annotated[Path, typer.Option(help="Folder of the trainings; the same folder continues.")],
    task: Annotated[str, typer.Option(help="Data set to train on: a name, or a .toml file.")] = "digits",
    top: Annotated[int, typer.Option(help="How many of the best predicted.")] = 5,
    seeds: Annotated[int, typer.Option(help="Trainings of each.")] = 3,
    epochs: Annotated[int | None, typer.Option(help="Length of each training; default: the trainer's own.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:1.")] = "auto",
    jobs: Annotated[int | None, typer.Option(help="Workers at once; default: one per processor.")] = None,
    executor: ExecutorOption = None,
    address: AddressOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Train the architectures that a predictor likes best, and put predicted beside measured.

    Writes confirmed.csv, and to best/ the weights of the best one and what it gets right, class by class.
    """
    from surrogate_nas.cli.learning import candidates
    from surrogate_nas.core import InvalidInputError
    from surrogate_nas.execution import executor_named
    from surrogate_nas.experiments import confirm
    from surrogate_nas.experiments.answers import BEST
    from surrogate_nas.predictors import load_predictor
    from surrogate_nas.training import Trainer

    for option, value in (("--top", top), ("--seeds", seeds)):
        if value < 1:
            raise InvalidInputError(f"{option}: expected at least 1, got {value}")
    fitted = load_predictor(predictor)
    if fitted.space is None:
        raise InvalidInputError(f"{predictor}: expected a predictor of architectures, got one of plain features")
    trainer = Trainer(space=fitted.space, dataset=task, epochs=epochs, device=device)
    place, jobs = executor_named(executor, address, jobs)
    with console_progress(silent=as_json) as progress:
        frame = confirm(
            fitted,
            trainer,
            top,
            seeds,
            X=candidates(fitted.space)[0],
            jobs=jobs,
            executor=place,
            run_dir=run_dir,
            progress=progress,
        )
    frame.to_csv(run_dir / "confirmed.csv", index=False)
    if as_json:
        show_json({"confirmed": records(frame)})
        return
    name = trainer.metric.capitalize()
    typer.echo(
        f"{name} on {trainer.data.name}, mean ± standard deviation over {seeds} seed(s), the best validated first:"
    )
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
    _show_best(run_dir / BEST)


def _show_best(folder: Path) -> None:
    """The weak and the strong sides of the best network, in one line."""
    import pandas as pd

    from surrogate_nas.experiments.answers import CONFUSION, PER_CLASS, REGRESSION

    if (folder / PER_CLASS).exists():
        classes = pd.read_csv(folder / PER_CLASS, dtype={"class": str}).sort_values("f1")
        worst, best = classes.iloc[0], classes.iloc[-1]
        typer.echo(
            f"The best on the test data: class {worst['class']} is found least well (F1 {percent(worst['f1'])}), class "
            f"{best['class']} best ({percent(best['f1'])}). By class: {folder / PER_CLASS}, {folder / CONFUSION}"
        )
    elif (folder / REGRESSION).exists():
        test = pd.read_csv(folder / REGRESSION).set_index("part").loc["test"]
        typer.echo(
            f"The best on the test data: root mean squared error {test['rmse']:.4g}, R2 {test['r2']:.4f}. "
            f"Written: {folder / REGRESSION}"
        )
