"""``surrogate-nas proxies``: zero-cost proxies of a sample of a space, or of all of it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from surrogate_nas.cli.console import AddressOption, ExecutorOption, JsonFlag, console_progress, show_json, show_table
from surrogate_nas.core import InvalidInputError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd

    from surrogate_nas.spaces.base import Rows, SearchSpace
    from surrogate_nas.training.proxies import ProxyBatch

NAME = "proxies"
EXAMPLE = "surrogate-nas proxies --space nas-bench-201 --task digits --sample 20 --run-dir runs/proxies-20"

#: The task that needs no data.
RANDOM = "random"

#: Column of the scores of --measured.
SCORE = "score"


def command(
    run_dir: Annotated[Path, typer.Option(help="Folder of the results; the same folder continues.")],
    space: Annotated[str, typer.Option(help="Search space: a name, or a TOML file that defines it.")] = "nas-bench-201",
    task: Annotated[
        str,
        typer.Option(
            help=f"Data set whose samples the networks read: a name or a .toml file; {RANDOM!r} needs no data."
        ),
    ] = "digits",
    architecture: Annotated[
        list[str] | None, typer.Option(help="An architecture, in text form; may be repeated.")
    ] = None,
    sample: Annotated[int | None, typer.Option(help="So many random ones. Default: 200, if none are named.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="The whole space, a listed one.")] = False,
    measured: Annotated[
        Path | None,
        typer.Option(help="Your own trainings (CSV, Parquet, or a table as of `train`): their scores go beside."),
    ] = None,
    arch_column: Annotated[str | None, typer.Option(help="Column of the architectures in --measured.")] = None,
    score_column: Annotated[str | None, typer.Option(help="Column of the scores in --measured.")] = None,
    names: Annotated[str | None, typer.Option("--proxies", help="Which, between commas. Default: all 13.")] = None,
    input_shape: Annotated[
        str, typer.Option(help=f"Shape of a sample with --task {RANDOM}: 3,32,32 for images.")
    ] = "3,32,32",
    classes: Annotated[int, typer.Option(help=f"Classes with --task {RANDOM}.")] = 10,
    batch_size: Annotated[int, typer.Option(help="Samples that the networks read.")] = 64,
    seed: Annotated[int, typer.Option(help="Seed of the samples, of the weights and of --sample.")] = 0,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:1.")] = "cpu",
    jobs: Annotated[int | None, typer.Option(help="Workers at once; default: one per processor.")] = None,
    executor: ExecutorOption = None,
    address: AddressOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Score networks before any training; writes RUN_DIR/proxies.csv and .parquet, for `fit --extra-columns`."""
    from surrogate_nas.cli.learning import names_of
    from surrogate_nas.core.atomic import write_atomically
    from surrogate_nas.execution import executor_named
    from surrogate_nas.experiments.proxies import proxy_table
    from surrogate_nas.spaces import get_space

    opened = get_space(space)
    rows, scores = _rows(opened, architecture, sample, everything, measured, (arch_column, score_column, task), seed)
    data = _random(input_shape, classes, batch_size, seed) if task == RANDOM else task
    place, jobs = executor_named(executor, address, jobs)
    with console_progress(silent=as_json) as progress:
        table = proxy_table(
            opened, rows, data, names=names_of(names) or None, batch_size=batch_size, seed=seed, run_dir=run_dir,
            jobs=jobs, executor=place, device=device, progress=progress,
        )  # fmt: skip
    columns = list(table.columns)
    usable = [name for name in columns if table[name].notna().any()]
    if scores is not None:
        table.insert(0, SCORE, scores)
    frame, path = table.reset_index(), run_dir / "proxies.parquet"
    write_atomically(path, lambda target: frame.to_parquet(target, index=False))
    write_atomically(run_dir / "proxies.csv", lambda target: frame.to_csv(target, index=False))
    known = 0 if scores is None else int(table[SCORE].notna().sum())
    if as_json:
        missing = {name: int(table[name].isna().sum()) for name in columns}
        show_json({"table": path, "architectures": len(table), "measured": known, "proxies": columns, "nan": missing})
        return
    typer.echo(f"{len(table):,} architecture(s){f', {known:,} with a score' if known else ''}, in {path}")
    show_table(("proxy", "least", "median", "most", "not defined"), _summary(table[columns]), right=(1, 2, 3, 4))
    if known:
        options = f"--score-column {SCORE} --extra-columns {','.join(usable)} --save {run_dir / 'predictor'}"
        typer.echo(f"Next: surrogate-nas fit {path} --space {space} {options}")
    else:
        typer.echo("Next: the same with --measured FILE puts scores of your own beside them, for surrogate-nas fit")


def _rows(
    space: "SearchSpace",
    architecture: list[str] | None,
    sample: int | None,
    everything: bool,
    measured: Path | None,
    source: tuple[str | None, str | None, str],
    seed: int,
) -> "tuple[Rows, npt.NDArray[np.float64] | None]":
    """The architectures meant, each once, with the scores of those that were measured."""
    import numpy as np

    from surrogate_nas.core import as_generator

    if sample is not None and sample < 1:
        raise InvalidInputError(f"--sample: expected at least 1, got {sample}")
    if everything and (sample is not None or architecture):
        raise InvalidInputError("--all: expected it alone, got --sample or --architecture too; drop one")
    parts, scores = [], None
    if measured is not None:
        X, scores = _measured(space, measured, *source)
        parts.append(X)
    if architecture:
        parts.append(space.parse(architecture))
    if everything:
        parts.append(space.enumerate())
    elif sample is not None or not parts:
        parts.append(space.sample(200 if sample is None else sample, as_generator(seed), unique=True))
    rows = np.concatenate(parts)
    _, first = np.unique(space.keys(rows), return_index=True)
    rows = rows[np.sort(first)]
    if scores is None:
        return rows, None
    beside = np.full(len(rows), np.nan)
    beside[: len(scores)] = scores
    return rows, beside


def _measured(
    space: "SearchSpace", path: Path, arch_column: str | None, score_column: str | None, task: str
) -> "tuple[Rows, npt.NDArray[np.float64]]":
    """Architectures with a score, each once."""
    from surrogate_nas.cli.measurements import is_table, read_measurements

    if not is_table(path):
        read = read_measurements(path, space, arch_column=arch_column, score_column=score_column)
        return read.X, read.y
    from surrogate_nas.experiments import mean_over_seeds
    from surrogate_nas.tables import load_table

    own = load_table(str(path))
    if own.space.name != space.name:
        raise InvalidInputError(f"--measured: expected architectures of space {space.name!r}, got {own.space.name!r}")
    if len(own.tasks) > 1 and task not in own.tasks:
        raise InvalidInputError(f"--measured: expected a table of one task or of {task!r}, got {', '.join(own.tasks)}")
    return mean_over_seeds(own, task=task if task in own.tasks else own.tasks[0])


def _random(input_shape: str, classes: int, batch_size: int, seed: int) -> "ProxyBatch":
    from surrogate_nas.training.proxies import random_batch

    try:
        shape = [int(part) for part in input_shape.split(",")]
    except ValueError:
        raise InvalidInputError(f"--input-shape: expected sizes such as 3,32,32, got {input_shape!r}") from None
    return random_batch(shape, classes, size=batch_size, random_state=seed)


def _summary(table: "pd.DataFrame") -> list[list[str]]:
    rows: list[list[str]] = []
    for name in table.columns:
        values: Any = table[name].dropna()
        numbers = (values.min(), values.median(), values.max()) if len(values) else ()
        cells = [f"{value:.4g}" for value in numbers] or ["", "", ""]
        rows.append([str(name), *cells, f"{len(table) - len(values):,}"])
    return rows
