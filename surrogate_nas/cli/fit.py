"""``surrogate-nas fit``: a predictor from measurements of one's own."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from surrogate_nas.cli.console import JsonFlag, console_progress, records, show_json
from surrogate_nas.core import InvalidInputError

if TYPE_CHECKING:
    from surrogate_nas.cli.measurements import Measurements
    from surrogate_nas.predictors import BasePredictor, LeftOut
    from surrogate_nas.predictors.explaining.space import SpaceExplanation
    from surrogate_nas.spaces.base import SearchSpace

NAME = "fit"
EXAMPLE = "surrogate-nas fit mine.csv --space nas-bench-201 --save mine --report mine.html"

#: Sentences about single operations that are printed.
SENTENCES = 4


def command(
    measurements: Annotated[
        list[Path],
        typer.Argument(
            help="CSV or Parquet file: an architecture and a score per row; or a table, as of `train`. Or several."
        ),
    ],
    save: Annotated[Path, typer.Option(help="Folder for the predictor.")],
    space: Annotated[
        str | None,
        typer.Option(help="Their search space: a name, or a TOML file that defines it. A table of `train` says it."),
    ] = None,
    task: Annotated[str | None, typer.Option(help="Task of a table; default: the only one in it.")] = None,
    arch_column: Annotated[str | None, typer.Option(help="Column of the architectures, in text form.")] = None,
    score_column: Annotated[str | None, typer.Option(help="Column of the scores.")] = None,
    extra_columns: Annotated[
        str | None, typer.Option(help="Columns of side features (parameters, zero-cost proxies), between commas.")
    ] = None,
    direction: Annotated[
        str | None, typer.Option(help="max if a higher score is better, min if a lower one is. Default: max.")
    ] = None,
    unit: Annotated[str, typer.Option(help="Unit of the scores: %, ms ...")] = "",
    table: Annotated[
        str | None, typer.Option(help="Table of earlier tasks in the same space to start from: a name or a file.")
    ] = None,
    report: Annotated[Path | None, typer.Option(help="Write a page on what was learned to this .html file.")] = None,
    top: Annotated[int, typer.Option(help="How many architectures to show.")] = 10,
    seed: Annotated[int | None, typer.Option(help="Seed of the predictor and of the cross-validation.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Learn from your own measurements; say how far to trust it, what it learned, and what looks best."""
    from surrogate_nas.cli.joined import read_joined
    from surrogate_nas.cli.learning import across_tasks, as_direction, check_learnable, learn, names_of
    from surrogate_nas.spaces import get_space

    asked, extra = as_direction(direction or "max"), names_of(extra_columns)
    _check_options(top, seed, save, report)
    named = None if space is None else get_space(space)
    if named is not None:
        _check_table(table, named, extra)
    joined = read_joined(
        measurements, space=named, task=task, arch_column=arch_column, score_column=score_column, extra_columns=extra
    )
    read, opened, better = joined.read, joined.read.space, joined.direction or asked
    if direction is not None and asked != better:
        raise InvalidInputError(f"--direction: expected {better}, as the table has it, got {direction}")
    _check_table(table, opened, extra)
    check_learnable(read.y, measurements[0])
    with console_progress(silent=as_json) as progress:
        meta = None if table is None else across_tasks(table, seed, progress.say)
        fitted = learn(opened, read.X, read.y, extra=read.extra, meta=meta, direction=better, seed=seed)
        progress.say(read.told())
    found, left_out, learned = _look(fitted, opened, read, top, unit, seed or 0)
    fitted.save(save)
    page = None
    if report is not None:
        from surrogate_nas.reports import write_predictor_report

        page = write_predictor_report(
            fitted, report, read.X, read.y, extra=read.extra, title=joined.title, unit=unit,
            random_state=seed or 0, left_out=left_out, learned=learned,
        )  # fmt: skip
    if as_json:
        counts = {"measured": len(read.y), "without_score": len(read.rest), "repeats": read.repeats}
        columns = {"arch_column": read.arch_column, "score_column": read.score_column}
        ranking = records(found.pop("ranking"))
        show_json({**counts, **columns, **found, "ranking": ranking, "predictor": save, "report": page})
        return
    _tell(found, unit)
    typer.echo(f"Predictor: {save}")
    if page is not None:
        typer.echo(f"Report: {page}")
    typer.echo(f"Next: surrogate-nas rank --predictor {save}")


def _check_options(top: int, seed: int | None, save: Path, report: Path | None) -> None:
    """Say what cannot work before anything is computed."""
    if top < 1:
        raise InvalidInputError(f"--top: expected at least 1, got {top}")
    if seed is not None and seed < 0:
        raise InvalidInputError(f"--seed: expected a whole number of at least 0, got {seed}")
    if report is None:
        return
    if report.suffix.lower() != ".html" or report.is_dir():
        raise InvalidInputError(f"--report: expected a file that ends with .html, got {report}")
    if report.parent != save and not report.parent.is_dir():
        raise InvalidInputError(f"--report: expected a folder that exists, got {report.parent}")


def _check_table(table: str | None, space: "SearchSpace", extra: list[str]) -> None:
    from surrogate_nas.tables import load_table

    if table is None:
        return
    earlier = load_table(table).space
    if earlier.name != space.name:
        raise InvalidInputError(f"--table: expected one of space {space.name!r}, got one of {earlier.name!r}")
    if extra:
        raise InvalidInputError("--extra-columns: expected none with --table, for earlier tasks have none; drop one")


def _look(
    fitted: "BasePredictor", space: "SearchSpace", read: "Measurements", top: int, unit: str, seed: int
) -> "tuple[dict[str, Any], LeftOut | None, SpaceExplanation]":
    """How good the predictor is on rows left out, what it learned, and what it likes best."""
    import numpy as np

    from surrogate_nas.cli.learning import best_of, candidates
    from surrogate_nas.predictors import explain, leave_out
    from surrogate_nas.predictors.explaining.held_out import ENOUGH

    left_out: LeftOut | None = None
    if len(read.y) >= ENOUGH:
        left_out = leave_out(fitted, read.X, read.y, extra=read.extra, random_state=seed)
    if read.extra is None or read.rest_extra is None:
        best = np.argsort(-read.y if fitted.direction == "max" else read.y, kind="stable")
        rows, among = candidates(space, read.X[best])
        extra = None
    else:  # nobody knows the side features of others
        rows, extra = np.concatenate([read.X, read.rest]), np.concatenate([read.extra, read.rest_extra])
        among = f"the {len(rows):,} architectures of the file"
    learned = explain(
        fitted,
        X=None if extra is None else rows,
        extra=extra,
        left_out=[] if left_out is None else left_out.predictors,
        unit=unit,
    )
    agreement = None
    if left_out is not None:
        agreement = {"kendall": left_out.kendall, "spearman": left_out.spearman, "mean_error": left_out.error}
        agreement |= {f"inside_{level:.0%}": share for level, share in left_out.inside.items()}
    found = {
        "cross_validation": agreement,
        "learned": learned.sentences(SENTENCES),
        "ranked": among,
        "ranking": best_of(fitted, rows, top, extra),
    }
    return found, left_out, learned


def _tell(found: dict[str, Any], unit: str) -> None:
    from surrogate_nas.cli.learning import show_ranking
    from surrogate_nas.predictors.explaining.held_out import ENOUGH

    agreement = found["cross_validation"]
    if agreement is None:
        typer.echo(f"Too few measurements to say how good it is and what it learned: that takes {ENOUGH}.")
    else:
        typer.echo(
            f"On measurements left out (five parts in turn): Kendall's tau {agreement['kendall']:.2f}, Spearman "
            f"{agreement['spearman']:.2f}, mean error {agreement['mean_error']:.3g}{f' {unit}' if unit else ''}; "
            f"80% intervals held {agreement['inside_80%']:.0%}."
        )
        typer.echo("")
        for sentence in found["learned"]:
            typer.echo(sentence)
    typer.echo("")
    typer.echo(f"Best expected of {found['ranked']}:")
    show_ranking(found["ranking"], unit)
    typer.echo("")
