"""The program ``surrogate-nas``: its verbs, and what an error or Ctrl-C looks like."""

import sys
from collections.abc import Sequence

import typer

from surrogate_nas.cli import confirm, rank, report, run, tables, train
from surrogate_nas.core import SurrogateNASError

#: Exit codes: wrong input, and the shell's own for a program ended by Ctrl-C.
WRONG_INPUT, INTERRUPTED = 2, 130

app = typer.Typer(
    name="surrogate-nas",
    help="Learn from networks that were already trained; predict, search, and confirm by real training.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
for verb in (run, tables, rank, train, confirm, report):
    app.command(name=verb.NAME, epilog=f"Example:  {verb.EXAMPLE}")(verb.command)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the program and exit: 0 done, 2 wrong input, 130 interrupted."""
    sys.exit(execute(list(sys.argv[1:] if arguments is None else arguments)))


def execute(arguments: list[str]) -> int:
    """Run one command line and return the exit code."""
    try:
        app(arguments, standalone_mode=False, prog_name="surrogate-nas")
    except SurrogateNASError as error:
        typer.echo(f"surrogate-nas: {error}", err=True)
        return WRONG_INPUT
    except typer.Exit as stop:
        return int(stop.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        typer.echo(f"surrogate-nas: interrupted; {_how_to_continue(arguments)}", err=True)
        return INTERRUPTED
    except Exception as error:
        if not hasattr(error, "format_message"):  # click's own errors: unknown options, missing arguments
            raise
        typer.echo(f"surrogate-nas: {' '.join(error.format_message().split())}; see --help", err=True)
        return WRONG_INPUT
    return 0


def _how_to_continue(arguments: list[str]) -> str:
    verb = arguments[0] if arguments else ""
    if verb in {v.NAME for v in (run, train, confirm)}:
        return f"what was finished is kept; to continue: surrogate-nas {' '.join(arguments)}"
    return "nothing was changed"
