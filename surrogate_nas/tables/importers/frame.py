"""Any CSV or Parquet file of architectures and scores.

What a column means is said by the caller, or by the column's name where that has the form that this
package writes itself (``cifar10.accuracy.val.12ep.seed0``). Nothing is guessed from other names.
"""

import csv
import dataclasses
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from typing import Any

from surrogate_nas.core import Column, InvalidInputError
from surrogate_nas.core.progress import Progress, Silent
from surrogate_nas.spaces import get_space
from surrogate_nas.spaces.base import SearchSpace
from surrogate_nas.tables.importers.reading import naming
from surrogate_nas.tables.schema import ARCHITECTURE, TABLE_KEY, Key, check_column
from surrogate_nas.tables.table import Table

#: How a column is described as text; what is left out at the end takes its default.
FORM = "name=task:metric:split:epochs:seed:unit:direction"

_OWN_NAME = re.compile(
    r"(?P<task>[^.]+)\.(?P<metric>[A-Za-z_]\w*)(\.(?P<split>train|val|test))?(\.(?P<epochs>\d{1,9})ep)?"
    r"(\.(seed(?P<seed>\d{1,9})|(?P<mean>mean)))?"
)

_PARQUET = b"PAR1"

Described = Mapping[str, Column | tuple[Any, ...] | str] | Sequence[str]


def read_frame(
    path: "str | PathLike[str]",
    *,
    space: str | SearchSpace | None = None,
    arch_column: str = ARCHITECTURE,
    columns: Described | None = None,
    name: str | None = None,
    source: str = "",
    licence: str = "",
    citation: str = "",
    key: Key = "row",
    progress: Progress | None = None,
) -> Table:
    """Read a CSV or Parquet file with one row per architecture; everything else as in ``Table.from_frame``.

    A Parquet file that ``Table.to_parquet`` wrote says itself what it holds: with neither ``space`` nor ``columns`` it
    is read as that table, and ``name``, ``source``, ``licence`` and ``citation`` replace its own where given;
    ``arch_column`` and ``key`` have no say.

    Args:
        path: The file; its content tells which of the two it is.
        space: Space of the architectures, or its name; all files but this package's own need it.
        arch_column: Column, or index level, with the architectures in the space's text form.
        columns: What the columns of values are: texts ``name=task:metric:split:epochs:seed:unit:direction`` cut
            short at will, or a mapping from names to such texts (without ``name=``), tuples or Columns.
            None = all others, whose names must then have this package's own form.
        name: Name of the table; None takes the file's.
        source: Where the numbers come from.
        licence: Their licence.
        citation: What to cite when using them.
        key: "row" if equivalent rows were measured separately, else "canonical".
        progress: Told that the file was read.

    Raises:
        UnknownNameError: The space or a column does not exist.
        InvalidInputError: Not such a file, no space, columns that are not described, architectures or values that the
            table cannot hold.
    """
    file = Path(path)
    with naming(path), file.open("rb") as opened:
        is_parquet = opened.read(len(_PARQUET)) == _PARQUET
    own = space is None and columns is None and is_parquet and _is_own(file)
    if space is None and not own:
        raise InvalidInputError(
            f"{path}: a file that this package did not write needs the option 'space' (--space): the space of its "
            "architectures"
        )
    about: dict[str, Any] = {"name": name, "source": source, "licence": licence, "citation": citation}
    if space is None:
        table = Table.from_parquet(file)
        table = table.described(dataclasses.replace(table.info, **{k: v for k, v in about.items() if v}))
    else:
        about |= {"name": file.stem if name is None else name, "arch_column": arch_column, "key": key}
        about["space"] = get_space(space) if isinstance(space, str) else space
        table = _read_described(file, columns, about, is_parquet=is_parquet)
    (progress or Silent()).say(f"{file.name}: {len(table):,} architectures, {len(table.columns)} columns")
    return table


def _read_described(file: Path, columns: Described | None, about: dict[str, Any], *, is_parquet: bool) -> Table:
    """A file about which the caller says everything; ``about`` is what ``Table.from_frame`` takes."""
    if is_parquet:
        with naming(file):
            frame = _read_parquet(file)
            there = [str(c) for c in (*frame.columns, *frame.index.names) if c is not None]
            return Table.from_frame(frame, columns=_described(columns, there, about["arch_column"]), **about)
    with naming(file):
        described = _described(columns, _header(file), about["arch_column"])
    return Table.from_csv(file, columns=described, **about)  # names the file in its messages itself


def parse_description(text: str, name: str = "") -> tuple[str, Column]:
    """Read ``name=task:metric:split:epochs:seed:unit:direction``, or without ``name=`` where a name is given.

    Args:
        text: The description.
        name: Name of the column in the file; empty where the text has it.

    Raises:
        InvalidInputError: The text does not follow the form.
    """
    given, separator, rest = (name, "=", text) if name else text.rpartition("=")
    parts = rest.split(":")
    if not separator or not given or not 2 <= len(parts) <= 7:
        raise InvalidInputError(f"column: expected {FORM}, got {text!r:.120}")
    task, metric, split, epochs, seed, unit, direction = parts + [""] * (7 - len(parts))
    if epochs and not epochs.isdecimal():
        raise InvalidInputError(
            f"column {given!r}: expected epochs as a number, got {epochs!r:.40}; the form is {FORM}"
        )
    column = Column(
        task,
        metric,
        split,
        int(epochs) if epochs else None,
        int(seed) if seed.isdecimal() else seed or None,
        unit,
        direction or None,  # type: ignore[arg-type]  # checked by check_column
    )
    return given, check_column(column)


def parse_own_name(name: str) -> Column | None:
    """The column that this package would give such a name, without unit; None where it has another form.

    Args:
        name: ``task.metric[.split][.<n>ep][.seed<n> or .mean]``.
    """
    match = _OWN_NAME.fullmatch(name)
    if not match:
        return None
    part = match.groupdict()
    seed: int | str | None = int(part["seed"]) if part["seed"] else part["mean"]
    epochs = int(part["epochs"]) if part["epochs"] else None
    return check_column(Column(part["task"], part["metric"], part["split"] or "", epochs, seed))


def _described(columns: Described | None, there: list[str], arch_column: str) -> dict[str, Column | tuple[Any, ...]]:
    """What each column of values is, by its name in the file."""
    if columns is None:
        others = [c for c in there if c != arch_column]
        own = {c: column for c in others if (column := parse_own_name(c)) is not None}
        if not own or len(own) < len(others):
            open_ones = [c for c in others if c not in own]
            raise InvalidInputError(
                f"expected a description of every column to read, got none of {', '.join(open_ones) or '(no column)'}; "
                f"name them with columns=[...] (--column), each as {FORM}"
            )
        return dict(own)
    if isinstance(columns, str) or not isinstance(columns, Mapping | Sequence):
        raise InvalidInputError(f"columns: expected a mapping or a list of {FORM}, got {columns!r:.80}")
    if isinstance(columns, Mapping):
        return {n: parse_description(c, n)[1] if isinstance(c, str) else c for n, c in columns.items()}
    described = [parse_description(text) for text in columns]
    names = [n for n, _ in described]
    if len(set(names)) < len(names):
        raise InvalidInputError(f"columns: expected each name once, got {', '.join(names)}")
    return dict(described)


def _header(path: Path) -> list[str]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return next(csv.reader(file), [])
    except (csv.Error, UnicodeDecodeError):
        raise InvalidInputError("expected a CSV file in UTF-8 or a Parquet file, got something else") from None


def _is_own(path: Path) -> bool:
    """Whether a Parquet file has the description that ``Table.to_parquet`` writes."""
    import pyarrow.parquet as pq

    with naming(path), _refusing_damage():
        return TABLE_KEY in (pq.read_schema(path).metadata or {})


def _read_parquet(path: Path) -> Any:
    import pandas as pd

    with _refusing_damage():
        return pd.read_parquet(path)


@contextmanager
def _refusing_damage() -> Iterator[None]:
    import pyarrow as pa

    try:
        yield
    except (pa.ArrowException, OSError, ValueError, KeyError, OverflowError, MemoryError):
        raise InvalidInputError("expected a complete Parquet file, got a damaged one; write it again") from None
