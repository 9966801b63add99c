"""What all verbs share: progress on the terminal, tables of text, JSON for scripts."""

import json
import math
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any, final

import typer

from surrogate_nas.experiments.run_log import plain

if TYPE_CHECKING:
    import pandas as pd
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID

ExecutorOption = Annotated[
    str | None,
    typer.Option(
        "--executor", help="Where work is done: local (this process), processes or ray. Default: processes if several."
    ),
]
AddressOption = Annotated[
    str | None,
    typer.Option(
        "--address",
        help="Ray cluster, as host:port or auto. Default: one on this machine, for as long as it is needed.",
    ),
]
JsonFlag = Annotated[bool, typer.Option("--json", help="Print one JSON object for scripts, and nothing else.")]


@final
class ConsoleProgress:
    """Draws progress on standard error, so that standard output stays clean for results.

    On a terminal each piece of work is a bar; in a file or a pipe it is a line when it ends.

    Args:
        bars: Where bars are drawn; None writes plain lines.
        silent: Write nothing at all.
    """

    def __init__(self, bars: "RichProgress | None", *, silent: bool = False) -> None:
        self.bars = bars
        self.silent = silent
        self._tasks: dict[str, TaskID] = {}

    def say(self, text: str) -> None:
        """Print one line."""
        if self.bars is not None:
            self.bars.console.print(text, highlight=False, markup=False, soft_wrap=True)
        elif not self.silent:
            typer.echo(text, err=True)

    def track(self, label: str, done: int, total: int, note: str = "") -> None:
        """Move the bar of ``label``; a finished one gives way to a line. ``note`` stands beside the count."""
        if not total:
            return
        finished = done == total
        if self.bars is not None:
            if label not in self._tasks:
                self._tasks[label] = self.bars.add_task(label, total=total, note="")
            self.bars.update(self._tasks[label], completed=done, note=note)
            if finished:
                self.bars.remove_task(self._tasks.pop(label))
        if finished:
            self.say(f"  {label}: {total} of {total}{', ' * bool(note)}{note}")


@contextmanager
def console_progress(*, silent: bool = False) -> Iterator[ConsoleProgress]:
    """Progress for the length of a command.

    Args:
        silent: Write nothing unless standard error is a terminal.
    """
    if not sys.stderr.isatty():
        yield ConsoleProgress(None, silent=silent)
        return
    from rich import progress as rich
    from rich.console import Console

    columns = (
        rich.TextColumn("  {task.description}"),
        rich.BarColumn(),
        rich.MofNCompleteColumn(),
        rich.TimeElapsedColumn(),
        rich.TextColumn("{task.fields[note]}"),
    )
    with rich.Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        yield ConsoleProgress(bars)


def show_json(value: Any) -> None:
    """Print one JSON object; NaN becomes null."""
    typer.echo(json.dumps(plain(value), indent=2))


def show_table(headers: Sequence[str], rows: Iterable[Sequence[str]], *, right: Sequence[int] = ()) -> None:
    """Print aligned columns that survive a pipe.

    Args:
        headers: One title per column.
        rows: Cells as text.
        right: Positions of columns that are aligned to the right.
    """
    lines = [list(headers), *[list(row) for row in rows]]
    widths = [max(len(line[i]) for line in lines) for i in range(len(headers))]
    for line in lines:
        cells = (
            cell.rjust(w) if i in right else cell.ljust(w) for i, (cell, w) in enumerate(zip(line, widths, strict=True))
        )
        typer.echo("  " + "  ".join(cells).rstrip())


def records(frame: "pd.DataFrame") -> list[Mapping[str, Any]]:
    """The rows of a frame as plain dicts."""
    return [{str(k): v for k, v in row.items()} for row in frame.to_dict(orient="records")]


def percent(mean: float, std: float = math.nan) -> str:
    """A share as text in percent, with its standard deviation where there is one."""
    if math.isnan(mean):
        return "failed"
    return f"{100 * mean:.2f} %" + ("" if math.isnan(std) else f" ± {100 * std:.2f}")
