"""The program ``surrogate-nas``: its verbs, and what an error or Ctrl-C looks like."""

import shlex
import sys
from collections.abc import Sequence
from itertools import pairwise

import typer

from surrogate_nas.cli import compare, confirm, explain, fit, proxies, rank, report, run, search, tables, train
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
for verb in (run, fit, rank, explain, search, compare, train, proxies, confirm, report):
    app.command(name=verb.NAME, epilog=f"Example:  {verb.EXAMPLE}")(verb.command)
app.add_typer(tables.app, name=tables.NAME)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the program and exit: 0 done, 2 wrong input, 130 interrupted."""
    sys.exit(execute(list(sys.argv[1:] if arguments is None else arguments)))


def execute(arguments: list[str]) -> int:
    """Run one command line and return the exit code."""
    try:
        # Depending on its version, typer raises on Ctrl-C or returns the code.
        code = app(arguments, standalone_mode=False, prog_name="surrogate-nas")
    except SurrogateNASError as error:
        typer.echo(f"surrogate-nas: {error}", err=True)
        return WRONG_INPUT
    except typer.Exit as stop:
        return int(stop.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED
    except Exception as error:
        if not hasattr(error, "format_message"):  # typer's own errors: unknown options, missing arguments
            raise
        message = " ".join(error.format_message().split()).rstrip(".")
        typer.echo(f"surrogate-nas: {message}{_got(message, arguments)}; see --help", err=True)
        return WRONG_INPUT
    if code == INTERRUPTED:
        typer.echo(f"surrogate-nas: interrupted; {_how_to_continue(arguments)}", err=True)
    return code if isinstance(code, int) else 0


def _got(message: str, arguments: list[str]) -> str:
    """The value of the option that a message is about, where the message does not show it."""
    for option, value in pairwise(arguments):
        if option.startswith("--") and f"'{option}'" in message and value not in message:
            return f", got {value!r}"
    return ""


def _how_to_continue(arguments: list[str]) -> str:
    if arguments[:1] in ([verb.NAME] for verb in (run, compare, train, proxies, confirm)):
        return f"what was finished is kept; to continue: surrogate-nas {shlex.join(arguments)}"
    if arguments[:1] == [search.NAME] and any(text.split("=")[0] in ("--run-dir", "--config") for text in arguments):
        return f"what was finished is in the run folder; to continue: surrogate-nas {shlex.join(arguments)}"
    return "nothing was changed"
