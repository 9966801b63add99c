"""``surrogate-nas explain``: which operation at which place moves the score, and by how much."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from surrogate_nas.cli.console import JsonFlag, console_progress, records, show_json, show_table

if TYPE_CHECKING:
    import pandas as pd

    from surrogate_nas.cli.measurements import Measurements
    from surrogate_nas.predictors import BasePredictor
    from surrogate_nas.predictors.explaining.architecture import ArchitectureExplanation
    from surrogate_nas.predictors.explaining.space import SpaceExplanation
    from surrogate_nas.predictors.explaining.wording import Wording

NAME = "explain"
EXAMPLE = "surrogate-nas explain --predictor runs/wine-20/predictor --top 5 --report explained.html"


def command(
    architectures: Annotated[
        list[str] | None, typer.Argument(help="Architectures to explain, in text form; none explains the whole space.")
    ] = None,
    predictor: Annotated[str, typer.Option(help="A saved predictor: its folder, or the name of a shipped one.")] = "",
    measured: Annotated[
        Path | None,
        typer.Option(help="CSV or Parquet file of the measurements it was fitted to: the standard errors come of it."),
    ] = None,
    score_column: Annotated[
        str | None, typer.Option(help="Column of --measured with the scores; default: the only one.")
    ] = None,
    unit: Annotated[str, typer.Option(help="Unit of the score: %, ms ...")] = "",
    top: Annotated[int, typer.Option(help="How many effects to show.")] = 10,
    report: Annotated[Path | None, typer.Option(help="Also write one HTML page on the predictor to this file.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Say what a predictor has learned: for single architectures, change by change, or for the whole space."""
    from surrogate_nas.core import InvalidInputError
    from surrogate_nas.predictors import explain, leave_out

    if top < 1:
        raise InvalidInputError(f"--top: expected at least 1, got {top}")
    fitted = _load(predictor)
    assert fitted.space is not None  # noqa: S101 - _load saw one
    rows = fitted.space.parse(architectures) if architectures else None
    with console_progress(silent=as_json) as progress:
        known = None if measured is None else _read(fitted, measured, score_column)
        checked = None
        if known is not None and len(known.y) > 1:
            progress.say(known.told())
            checked = leave_out(fitted, known.X, known.y)
        others = [] if checked is None else checked.predictors
        if rows is None:
            found: list[Any] = [explain(fitted, left_out=others, unit=unit)]
        else:
            found = [explain(fitted, row, left_out=others, unit=unit) for row in rows]
        if report is not None:
            from surrogate_nas.predictors.explaining.held_out import ENOUGH
            from surrogate_nas.reports import write_predictor_report

            X, y = (None, None) if known is None else (known.X, known.y)
            checked = checked if X is not None and len(X) >= ENOUGH else None
            learned = found[0] if rows is None else None
            write_predictor_report(fitted, report, X, y, unit=unit, left_out=checked, learned=learned)
    if as_json:
        show_json({"explanations": [_as_json(one, top) for one in found], "report": report})
        return
    for one in found:
        for sentence in one.sentences(min(top, 5)):
            typer.echo(sentence)
        typer.echo("")
        (_show_space if rows is None else _show_architecture)(one, top)
    if report is not None:
        typer.echo(f"\nReport: {report}")


def _load(predictor: str) -> "BasePredictor":
    """The predictor, adapted to nothing where it was learned across tasks."""
    from surrogate_nas.core import InvalidInputError
    from surrogate_nas.predictors import MetaPredictor, load_predictor

    if not predictor:
        raise InvalidInputError(
            "--predictor: expected the folder of a saved predictor, got none; surrogate-nas fit --help"
        )
    loaded = load_predictor(predictor)
    fitted: BasePredictor = loaded.adapt() if isinstance(loaded, MetaPredictor) else loaded
    if fitted.space is None:
        raise InvalidInputError(f"{predictor}: expected a predictor of architectures, got one of plain features")
    if fitted.n_extra_:
        raise InvalidInputError(
            f"{predictor}: expected a predictor of architectures alone, got one with {fitted.n_extra_} side features; "
            "explain it from Python: explain(predictor, X=rows, extra=their_side_features)"
        )
    return fitted


def _read(fitted: "BasePredictor", path: Path, score_column: str | None) -> "Measurements":
    from surrogate_nas.cli.measurements import read_measurements

    assert fitted.space is not None  # noqa: S101 - _load saw one
    return read_measurements(path, fitted.space, score_column=score_column)


def _show_space(found: "SpaceExplanation", top: int) -> None:
    from surrogate_nas.predictors.explaining.wording import lines

    words = found.wording
    show_table(
        ["decision", "share", "best", "effect", "worst", "effect"],
        [
            [row.decision, f"{row.share:.1%}", row.best, words.change(row.best_effect), row.worst,
             words.change(row.worst_effect)]
            for row in lines(found.decisions.head(top))
        ],
        right=(1, 3, 5),
    )  # fmt: skip
    typer.echo("")
    _show_changes(found.strongest(top), words, ["decision", "option"])


def _show_architecture(found: "ArchitectureExplanation", top: int) -> None:
    _show_changes(found.effects.head(top), found.wording, ["decision", "now", "option"])
    typer.echo("")


def _show_changes(frame: "pd.DataFrame", words: "Wording", names: list[str]) -> None:
    from surrogate_nas.predictors.explaining.wording import lines

    body = [[*row[:-2], words.change(*row[-2:])] for row in lines(frame[[*names, "effect", "std"]])]
    show_table([*names, "effect"], body, right=(len(names),))


def _as_json(found: "SpaceExplanation | ArchitectureExplanation", top: int) -> dict[str, Any]:
    frames = {name: records(frame) for name, frame in vars(found).items() if name in ("effects", "decisions")}
    return {
        "sentences": found.sentences(min(top, 5)),
        **frames,
        "features": records(found.features.head(top)),
    }
