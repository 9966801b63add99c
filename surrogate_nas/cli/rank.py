"""``surrogate-nas rank``: which architectures are expected to be good."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from surrogate_nas.cli.console import JsonFlag, console_progress, records, show_json
from surrogate_nas.core import InvalidInputError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from surrogate_nas.predictors import BasePredictor, MetaPredictor
    from surrogate_nas.spaces.base import Rows, SearchSpace

NAME = "rank"
EXAMPLE = "surrogate-nas rank --measured runs/wine-20/table.parquet --task wine --top 10"

#: Earlier tasks to start from where the user names none and works in their space.
DEFAULT_TABLE = "nas-bench-graph"


@dataclass(frozen=True)
class Own:
    """What the user measured, and how to read it.

    Attributes:
        path: CSV or Parquet file, or a table; None where nothing was measured.
        space: Space of a CSV or Parquet file, by name or TOML file.
        task: Task of a table.
        arch_column: Column of the architectures.
        score_column: Column of the scores.
        direction: "max" or "min".
    """

    path: Path | None
    space: str | None
    task: str | None
    arch_column: str | None
    score_column: str | None
    direction: str


def command(
    architectures: Annotated[
        list[str] | None, typer.Argument(help="Architectures to rank, in text form; none ranks the whole space.")
    ] = None,
    listed: Annotated[
        Path | None, typer.Option("--architectures", help="File of them: one per line, or a CSV or Parquet file.")
    ] = None,
    predictor: Annotated[
        str | None,
        typer.Option(help="A saved predictor: folder, name, or hf://organisation/name. Default: see --table."),
    ] = None,
    table: Annotated[
        str | None,
        typer.Option(help=f"Table of earlier tasks to learn from: a name or a file. Default: {DEFAULT_TABLE}."),
    ] = None,
    measured: Annotated[
        Path | None,
        typer.Option(help="Your own trainings on the new task: CSV, or Parquet, or a table, as of `train`."),
    ] = None,
    space: Annotated[
        str | None,
        typer.Option(help="Space of a CSV or Parquet file; in another one than the table's, it has to do alone."),
    ] = None,
    task: Annotated[str | None, typer.Option(help="Task of a --measured table; default: the only one in it.")] = None,
    arch_column: Annotated[str | None, typer.Option(help="Column of the architectures in CSV and Parquet.")] = None,
    score_column: Annotated[str | None, typer.Option(help="Column of the scores in --measured.")] = None,
    extra_columns: Annotated[
        str | None,
        typer.Option(help="Side features in --architectures, as the predictor was fitted with; commas between."),
    ] = None,
    direction: Annotated[str, typer.Option(help="Of the scores in --measured: max or min is better.")] = "max",
    top: Annotated[int, typer.Option(help="How many to show.")] = 10,
    save: Annotated[Path | None, typer.Option(help="Keep the predictor in this folder.")] = None,
    seed: Annotated[int | None, typer.Option(help="Learn anew with this seed, also where a predictor ships.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Rank architectures by expected score, with uncertainty; with no measurements, by what earlier tasks say."""
    from surrogate_nas.cli.learning import best_of, show_ranking

    if top < 1:
        raise InvalidInputError(f"--top: expected at least 1, got {top}")
    if seed is not None and seed < 0:
        raise InvalidInputError(f"--seed: expected a whole number of at least 0, got {seed}")
    if architectures and listed is not None:
        raise InvalidInputError("--architectures: expected them on the line or in a file, got both")
    own = Own(measured, space, task, arch_column, score_column, direction)
    with console_progress(silent=as_json) as progress:
        fitted, rows, extra = _prepare(own, predictor, table, seed, architectures, listed, extra_columns, progress.say)
    ranking = best_of(fitted, rows, top, extra)
    if save is not None:
        fitted.save(save)
    if as_json:
        show_json({"ranking": records(ranking), "predictor": save})
        return
    show_ranking(ranking)
    if save is not None:
        typer.echo(f"Predictor: {save}")


def _prepare(
    own: Own,
    predictor: str | None,
    table: str | None,
    seed: int | None,
    architectures: list[str] | None,
    listed: Path | None,
    extra_columns: str | None,
    say: Callable[[str], None],
) -> "tuple[BasePredictor, Rows, npt.NDArray[np.float64] | None]":
    """The predictor and what it shall rank; architectures are read before anything is learned."""
    from surrogate_nas.cli.learning import candidates, names_of
    from surrogate_nas.cli.measurements import read_architectures, read_measurements

    loaded = None if predictor is None else _load(predictor, own)
    space, X, y = _measured(own, table, loaded)
    extra = None
    if architectures:
        rows = space.parse(architectures)
    elif listed is not None and extra_columns:
        read = read_measurements(
            listed, space, arch_column=own.arch_column, extra_columns=names_of(extra_columns), scores=False
        )
        rows, extra = read.rest, read.rest_extra
    elif listed is not None:
        rows = read_architectures(listed, space, own.arch_column if own.path is None else None)
    else:
        rows, about = candidates(space)
        if len(rows) < space.size:
            say(f"Ranked: {about}.")
    return _fitted(own, loaded, table, space, X, y, seed, say), rows, extra


def _load(predictor: str, own: Own) -> "BasePredictor | MetaPredictor":
    from surrogate_nas.predictors import BasePredictor, load_predictor

    loaded = load_predictor(predictor)
    if isinstance(loaded, BasePredictor) and own.path is not None:
        raise InvalidInputError(
            "--predictor and --measured: expected one of them, got both; a saved one is adapted already"
        )
    if loaded.space is None:
        raise InvalidInputError(f"{predictor}: expected a predictor of architectures, got one of plain features")
    return loaded


def _measured(
    own: Own, table: str | None, loaded: Any
) -> "tuple[SearchSpace, Rows | None, npt.NDArray[np.float64] | None]":
    """The space to work in, and the user's rows and scores in it."""
    from surrogate_nas.cli.measurements import is_table, read_measurements
    from surrogate_nas.spaces import get_space
    from surrogate_nas.tables import load_table

    if own.path is not None and is_table(own.path):
        opened = load_table(str(own.path))
        if loaded is not None and loaded.space.name != opened.space.name:
            raise InvalidInputError(
                f"--measured: expected architectures of space {loaded.space.name!r}, as of --predictor, got "
                f"{opened.space.name!r}"
            )
        return opened.space, *_scores(opened, own.task)
    if loaded is not None:
        space = loaded.space
    else:
        space = load_table(table or DEFAULT_TABLE).space if own.space is None else get_space(own.space)
    if own.path is None:
        return space, None, None
    read = read_measurements(own.path, space, arch_column=own.arch_column, score_column=own.score_column)
    return space, read.X, read.y


def _fitted(
    own: Own, loaded: Any, table: str | None, space: "SearchSpace", X: Any, y: Any, seed: int | None,
    say: Callable[[str], None],
) -> "BasePredictor":  # fmt: skip
    from surrogate_nas.cli.learning import across_tasks, as_direction, learn
    from surrogate_nas.predictors import BasePredictor
    from surrogate_nas.tables import load_table

    if isinstance(loaded, BasePredictor):
        return loaded
    direction = as_direction(own.direction)
    meta = loaded
    if meta is None:
        earlier = load_table(table or DEFAULT_TABLE).space
        if earlier.name == space.name:
            meta = across_tasks(table or DEFAULT_TABLE, seed, say)
        elif table is not None:
            raise InvalidInputError(
                f"--measured: expected architectures of space {earlier.name!r}, as in --table, got {space.name!r}"
            )
        elif y is None:
            raise InvalidInputError(
                f"--space: nothing is known about {space.name!r} yet; measure some (--measured FILE), or name a --table"
            )
    if y is None:
        say("Nothing measured on the new task yet, so expected scores are relative.")
        return meta.adapt(direction=direction)
    made = learn(space, X, y, meta=meta, direction=direction, seed=seed, option="--measured")
    say(f"Learned from {len(y):,} architecture(s) measured on the new task{'' if meta else ' alone'}.")
    return made


def _scores(own: Any, task: str | None) -> "tuple[Rows, npt.NDArray[np.float64]]":
    """The mean validation scores of the user's own trainings."""
    from surrogate_nas.experiments import mean_over_seeds

    if task is None and len(own.tasks) > 1:
        raise InvalidInputError(f"--task: expected one of {', '.join(own.tasks)}, got none; the table has several")
    return mean_over_seeds(own, task=task or own.tasks[0])
