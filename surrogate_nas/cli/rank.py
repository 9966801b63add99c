"""``surrogate-nas rank``: which architectures are expected to be good."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from surrogate_nas.cli.console import JsonFlag, console_progress, records, show_json
from surrogate_nas.core import InvalidInputError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from surrogate_nas.core import Direction
    from surrogate_nas.predictors import BasePredictor, MetaPredictor
    from surrogate_nas.spaces.base import Rows, SearchSpace

NAME = "rank"
EXAMPLE = "surrogate-nas rank --measured runs/wine-20/table.parquet --task wine --top 10"

#: Earlier tasks to start from where the user names none and works in their space.
DEFAULT_TABLE = "nas-bench-graph"


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
    from surrogate_nas.cli.learning import as_direction, best_of, check_learnable, names_of, show_ranking
    from surrogate_nas.cli.measurements import is_table

    if top < 1:
        raise InvalidInputError(f"--top: expected at least 1, got {top}")
    if seed is not None and seed < 0:
        raise InvalidInputError(f"--seed: expected a whole number of at least 0, got {seed}")
    if architectures and listed is not None:
        raise InvalidInputError("--architectures: expected them on the line or in a file, got both")
    asked = {"--table": table, "--seed": seed}
    loaded = None if predictor is None else _load(predictor, measured, space, as_direction(direction), asked)
    with console_progress(silent=as_json) as progress:
        if measured is None:
            opened, X, y = _space(loaded, space, table), None, None
        elif is_table(measured):
            opened, X, y = _scores(measured, task)
        else:
            opened, X, y = _columns(measured, _space(loaded, space, table), arch_column, score_column, space)
        rows, extra = _to_rank(opened, architectures, listed, arch_column, names_of(extra_columns), progress.say)
        if y is not None:
            check_learnable(y, measured)
        fitted = _fitted(loaded, table, opened, X, y, as_direction(direction), seed, progress.say)
    if fitted.n_extra_ and extra is None:
        raise InvalidInputError(
            f"--extra-columns: expected the {fitted.n_extra_} side features that the predictor was fitted with, got "
            "none; name their columns in the file of --architectures"
        )
    ranking = best_of(fitted, rows, top, extra)
    if save is not None:
        fitted.save(save)
    if as_json:
        show_json({"ranking": records(ranking), "predictor": save})
        return
    show_ranking(ranking)
    if save is not None:
        typer.echo(f"Predictor: {save}")


def _load(
    predictor: str, measured: Path | None, space: str | None, direction: "Direction", asked: Mapping[str, object]
) -> "BasePredictor | MetaPredictor":
    """The saved predictor, which answers as it is; ``asked`` are options that only learning anew could follow."""
    from surrogate_nas.predictors import BasePredictor, load_predictor
    from surrogate_nas.spaces import get_space

    loaded = load_predictor(predictor)
    if isinstance(loaded, BasePredictor) and measured is not None:
        raise InvalidInputError(
            "--predictor and --measured: expected one of them, got both; a saved one is adapted already"
        )
    if loaded.space is None:
        raise InvalidInputError(f"{predictor}: expected a predictor of architectures, got one of plain features")
    if space is not None and (named := get_space(space).name) != loaded.space.name:
        raise InvalidInputError(f"--space: expected {loaded.space.name!r}, as --predictor has it, got {named!r}")
    if isinstance(loaded, BasePredictor) and direction == "min" and loaded.direction == "max":
        raise InvalidInputError(f"--direction: expected max, as {predictor} was fitted with, got min; fit it again")
    for option, value in asked.items():
        if value is not None:
            raise InvalidInputError(f"{option} and --predictor: expected one of them, got both; a saved one is learned")
    return loaded


def _space(loaded: "BasePredictor | MetaPredictor | None", name: str | None, table: str | None) -> "SearchSpace":
    """The space to work in, where no table of the user's says it."""
    from surrogate_nas.spaces import get_space
    from surrogate_nas.tables import load_table

    if loaded is not None and loaded.space is not None:
        return loaded.space
    return load_table(table or DEFAULT_TABLE).space if name is None else get_space(name)


def _columns(
    measured: Path, space: "SearchSpace", arch_column: str | None, score_column: str | None, named: str | None
) -> "tuple[SearchSpace, Rows, npt.NDArray[np.float64]]":
    """Space, rows and scores of a file of columns; ``named`` is the space's name where the user gave it."""
    from surrogate_nas.cli.measurements import read_measurements

    try:
        read = read_measurements(measured, space, arch_column=arch_column, score_column=score_column)
    except InvalidInputError as error:
        raise InvalidInputError(str(error) if named else f"{error}; --space names another space") from None
    return space, read.X, read.y


def _scores(measured: Path, task: str | None) -> "tuple[SearchSpace, Rows, npt.NDArray[np.float64]]":
    """Space, rows and mean validation scores of the user's own trainings."""
    from surrogate_nas.experiments import mean_over_seeds
    from surrogate_nas.tables import load_table

    own = load_table(str(measured))
    if task is None and len(own.tasks) > 1:
        raise InvalidInputError(f"--task: expected one of {', '.join(own.tasks)}, got none; the table has several")
    return own.space, *mean_over_seeds(own, task=task or own.tasks[0])


def _to_rank(
    space: "SearchSpace",
    architectures: list[str] | None,
    listed: Path | None,
    arch_column: str | None,
    extra_columns: list[str],
    say: Callable[[str], None],
) -> "tuple[Rows, npt.NDArray[np.float64] | None]":
    """The architectures that the user named, with their side features, or those of the space."""
    from surrogate_nas.cli.learning import candidates
    from surrogate_nas.cli.measurements import read_architectures, read_measurements

    if architectures:
        return space.parse(architectures), None
    if listed is not None and extra_columns:
        read = read_measurements(listed, space, arch_column=arch_column, extra_columns=extra_columns, scores=False)
        return read.rest, read.rest_extra
    if listed is not None:
        return read_architectures(listed, space, arch_column), None
    rows, about = candidates(space)
    if len(rows) < space.size:
        say(f"Ranked: {about}.")
    return rows, None


def _fitted(
    loaded: "BasePredictor | MetaPredictor | None",
    table: str | None,
    space: "SearchSpace",
    X: "Rows | None",
    y: "npt.NDArray[np.float64] | None",
    direction: "Direction",
    seed: int | None,
    say: Callable[[str], None],
) -> "BasePredictor":
    from surrogate_nas.cli.learning import learn
    from surrogate_nas.predictors import BasePredictor

    if isinstance(loaded, BasePredictor):
        return loaded
    meta = loaded if loaded is not None else _earlier(space, table, seed, say)
    if meta is not None and meta.space.name != space.name:
        raise InvalidInputError(f"--measured: expected architectures of space {meta.space.name!r}, got {space.name!r}")
    if X is not None and y is not None:
        made = learn(space, X, y, meta=meta, direction=direction, seed=seed)
        say(f"Learned from {len(y):,} architecture(s) measured on the new task{' alone' if meta is None else ''}.")
        return made
    if meta is None:
        raise InvalidInputError(
            f"--space: nothing is known about {space.name!r} yet; measure some (--measured FILE), or name a --table"
        )
    say("Nothing measured on the new task yet, so expected scores are relative.")
    return meta.adapt(direction=direction)


def _earlier(
    space: "SearchSpace", table: str | None, seed: int | None, say: Callable[[str], None]
) -> "MetaPredictor | None":
    """What earlier tasks teach; nothing where the default table has another space."""
    from surrogate_nas.cli.learning import across_tasks
    from surrogate_nas.tables import load_table

    earlier = load_table(table or DEFAULT_TABLE).space
    if earlier.name == space.name:
        return across_tasks(table or DEFAULT_TABLE, seed, say)
    if table is None:
        return None
    raise InvalidInputError(
        f"--measured: expected architectures of space {earlier.name!r}, as in --table, got {space.name!r}"
    )
