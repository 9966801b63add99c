"""``surrogate-nas rank``: which architectures are expected to be good."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from surrogate_nas.cli.console import JsonFlag, console_progress, records, show_json, show_table

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from surrogate_nas.predictors import BasePredictor
    from surrogate_nas.spaces.base import Rows
    from surrogate_nas.tables import Table

NAME = "rank"
EXAMPLE = "surrogate-nas rank --measured runs/wine-20/table.parquet --task wine --top 10"


def command(
    architectures: Annotated[
        list[str] | None, typer.Argument(help="Architectures to rank, in text form; none ranks the whole space.")
    ] = None,
    predictor: Annotated[
        Path | None, typer.Option(help="A saved predictor. Without one, it is learned across the tasks of --table.")
    ] = None,
    table: Annotated[
        str, typer.Option(help="Table of earlier tasks to learn from: a name or a Parquet file.")
    ] = "nas-bench-graph",
    measured: Annotated[
        Path | None, typer.Option(help="Table (Parquet) of your own trainings on the new task, to adapt to.")
    ] = None,
    task: Annotated[str | None, typer.Option(help="Task of --measured; default: the only one in it.")] = None,
    top: Annotated[int, typer.Option(help="How many to show.")] = 10,
    save: Annotated[Path | None, typer.Option(help="Keep the predictor in this folder.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of the predictor.")] = 0,
    as_json: JsonFlag = False,
) -> None:
    """Rank architectures by expected score, with uncertainty; with no measurements, by what earlier tasks say."""
    from surrogate_nas.core import InvalidInputError
    from surrogate_nas.predictors import load_predictor
    from surrogate_nas.tables import load_table

    if top < 1:
        raise InvalidInputError(f"--top: expected at least 1, got {top}")
    if predictor is not None and measured is not None:
        raise InvalidInputError(
            "--predictor and --measured: expected one of them, got both; a saved one is adapted already"
        )
    fitted = None if predictor is None else load_predictor(predictor)
    space = load_table(table).space if fitted is None else fitted.space
    if space is None:
        raise InvalidInputError(f"{predictor}: expected a predictor of architectures, got one of plain features")
    rows = space.parse(architectures) if architectures else None
    if fitted is None:
        with console_progress(silent=as_json) as progress:
            fitted = _learn(table, measured, task, seed, progress.say)
    ranking = fitted.rank(rows, top=top).to_pandas()
    if save is not None:
        fitted.save(save)
    if as_json:
        show_json({"ranking": records(ranking), "predictor": save})
        return
    show_table(
        ["rank", "expected", "± std", "architecture"],
        [
            [str(i), f"{row.mean:.4f}", f"{row.std:.4f}", row.architecture]
            for i, row in enumerate(ranking.itertuples(index=False), 1)
        ],
        right=(0, 1, 2),
    )
    if save is not None:
        typer.echo(f"Predictor: {save}")


def _learn(
    table: str, measured: Path | None, task: str | None, seed: int, say: Callable[[str], None]
) -> "BasePredictor":
    from surrogate_nas.core import InvalidInputError
    from surrogate_nas.experiments import sources_of
    from surrogate_nas.predictors import MetaPredictor
    from surrogate_nas.tables import load_table

    earlier = load_table(table)
    own = None if measured is None else load_table(str(measured))
    if own is not None and own.space.name != earlier.space.name:
        raise InvalidInputError(
            f"--measured: expected architectures of space {earlier.space.name!r}, as in --table, got {own.space.name!r}"
        )
    X, y = (None, None) if own is None else _scores(own, task)
    sources = sources_of(earlier)
    say(f"Learning across {', '.join(sources)} ...")
    meta = MetaPredictor(earlier.space, random_state=seed).fit(sources)
    if y is None:
        say("Nothing measured on the new task yet, so expected scores are relative.")
        return meta.adapt()
    say(f"Adapted to {len(y)} architectures measured on the new task.")
    return meta.adapt(X, y)


def _scores(own: "Table", task: str | None) -> "tuple[Rows, npt.NDArray[np.float64]]":
    """The mean validation scores of the user's own trainings; refuses what nothing can be learned from."""
    from surrogate_nas.core import InvalidInputError
    from surrogate_nas.experiments import mean_over_seeds

    if task is None and len(own.tasks) > 1:
        raise InvalidInputError(f"--task: expected one of {', '.join(own.tasks)}, got none; the table has several")
    X, y = mean_over_seeds(own, task=task or own.tasks[0])
    if not len(y):
        raise InvalidInputError("--measured: expected at least one score, got none that did not fail; train some first")
    if len(y) > 1 and y.min() == y.max():
        raise InvalidInputError(
            f"--measured: expected scores that differ, got {len(y)} equal to {y[0]:g}: nothing to rank by; "
            "measure other architectures, or check the column"
        )
    return X, y
