"""``surrogate-nas report``: the page of a run, made again."""

from pathlib import Path
from typing import Annotated

import typer

from surrogate_nas.cli.console import JsonFlag, show_json

NAME = "report"
EXAMPLE = "surrogate-nas report runs/digits-0"


def command(
    run_dir: Annotated[Path, typer.Argument(help="Folder of a finished run.")],
    as_json: JsonFlag = False,
) -> None:
    """Write RUN_DIR/report.html: one page that needs nothing else."""
    from surrogate_nas.core import InvalidInputError

    if not run_dir.is_dir():  # said before anything heavy is loaded
        raise InvalidInputError(f"{run_dir}: expected the folder of a finished run, there is none; see run --help")
    from surrogate_nas.reports import write_report

    path = write_report(run_dir)
    if as_json:
        show_json({"report": path})
    else:
        typer.echo(f"Report: {path}")
