"""Measurements of a user's own: a CSV or Parquet file with an architecture and a score in each row."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from surrogate_nas.core import InvalidInputError, UnknownNameError

if TYPE_CHECKING:
    from surrogate_nas.spaces.base import Rows, SearchSpace

Floats = npt.NDArray[np.float64]

#: Cells of a column that are looked at to see whether it holds architectures.
LOOKED_AT = 3

#: Columns that a message names at most.
NAMED = 12

#: Other encodings announce themselves in their first bytes.
UTF_16 = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True)
class Measurements:
    """What a file holds.

    Attributes:
        space: Space of the architectures.
        X: Architectures with a score, each once, (n, d).
        y: Their scores, the mean where one was measured several times, (n,).
        extra: Their side features, (n, e), or None.
        rest: Architectures without a score, (m, d).
        rest_extra: Their side features, (m, e), or None.
        arch_column: Where the architectures stood.
        score_column: Where the scores stood; "" where none were asked for.
        repeats: Rows whose architecture had a score in an earlier row.
    """

    space: "SearchSpace"
    X: "Rows"
    y: Floats
    extra: Floats | None
    rest: "Rows"
    rest_extra: Floats | None
    arch_column: str
    score_column: str
    repeats: int

    def told(self) -> str:
        """What was read and what was left out, in a sentence or two."""
        out = [
            f"{len(self.y):,} architecture(s) measured, from columns {self.arch_column!r} and {self.score_column!r}."
        ]
        if len(self.rest):
            out.append(f"Left out: {len(self.rest):,} row(s) without a score.")
        if self.repeats:
            out.append(f"{self.repeats:,} row(s) repeat an architecture: the mean of its scores counts.")
        return " ".join(out)


def read_measurements(
    path: Path,
    space: "SearchSpace",
    *,
    arch_column: str | None = None,
    score_column: str | None = None,
    extra_columns: Sequence[str] = (),
    scores: bool = True,
) -> Measurements:
    """Read a file with a header; columns that are not named are guessed where only one is possible.

    Args:
        path: A ``.parquet`` file, or a comma-separated one in UTF-8.
        space: Space of the architectures.
        arch_column: Column of the architectures' text.
        score_column: Column of the scores.
        extra_columns: Columns of side features.
        scores: Whether scores are wanted; without, every architecture is among the ``rest``.

    Raises:
        InvalidInputError: The message starts with the path, and names the line where one is at fault.
    """
    from surrogate_nas.tables.text import parse_architectures

    try:
        sheet = _read_parquet(path) if path.suffix.lower() == ".parquet" else _read_csv(path)
        arch = _arch_column(sheet, space, arch_column, taken=[*extra_columns, *filter(None, [score_column])])
        score = _score_column(sheet, score_column, taken=[arch, *extra_columns]) if scores else ""
        y = sheet.numbers(score) if scores else np.full(len(sheet.lines), np.nan)
        extra = np.stack([sheet.numbers(name) for name in extra_columns], axis=1) if extra_columns else None
        rows = parse_architectures(space, sheet.cells(arch), sheet.where)
        bad = np.flatnonzero(~space.valid(rows))
        if len(bad):
            raise InvalidInputError(f"{sheet.where(bad[0])}: not a valid architecture of space {space.name!r}")
    except (InvalidInputError, UnknownNameError) as error:
        raise InvalidInputError(f"{path}: {error}") from None
    known = np.isfinite(y)
    _, first, back = np.unique(space.keys(rows[known]), return_index=True, return_inverse=True)
    order = np.argsort(first)  # as in the file
    mean = np.bincount(back, weights=y[known]) / np.maximum(np.bincount(back), 1)
    return Measurements(
        space,
        rows[known][first[order]],
        mean[order],
        None if extra is None else extra[known][first[order]],
        rows[~known],
        None if extra is None else extra[~known],
        arch,
        score,
        int(known.sum()) - len(first),
    )


def read_architectures(path: Path, space: "SearchSpace", arch_column: str | None = None) -> "Rows":
    """Architectures of a file: one per line, or a column of a ``.csv`` or ``.parquet`` file."""
    from surrogate_nas.tables.text import parse_architectures

    if path.suffix.lower() in (".csv", ".parquet"):
        return read_measurements(path, space, arch_column=arch_column, scores=False).rest
    try:
        lines = [(i, line.strip()) for i, line in enumerate(_text(path).splitlines(), 1) if line.strip()]
        if not lines:
            raise InvalidInputError("expected one architecture per line, got an empty file")
        return parse_architectures(space, [text for _, text in lines], lambda i: f"line {lines[i][0]}")
    except InvalidInputError as error:
        raise InvalidInputError(f"{path}: {error}") from None


def is_table(path: Path) -> bool:
    """Whether a path stands for a table of this package, by name or as a file, rather than for columns of any kind."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    if path.suffix.lower() != ".parquet":
        return not path.suffix and not path.is_file()
    try:
        return any(key.startswith(b"surrogate_nas") for key in pq.read_schema(path).metadata or {})
    except (pa.ArrowException, OSError, ValueError):
        return True  # missing or damaged: opening it says so


@dataclass(frozen=True)
class _Sheet:
    """Text of all cells; ``lines`` says where each row ends in the file."""

    columns: dict[str, list[str]]
    lines: list[int]
    unit: str

    def where(self, i: int) -> str:
        return f"{self.unit} {self.lines[i]}"

    def cells(self, name: str) -> list[str]:
        if name not in self.columns:
            raise UnknownNameError.of("column", name, _few(list(self.columns)))
        return self.columns[name]

    def numbers(self, name: str) -> Floats:
        """The column as numbers; NaN where nothing is written."""
        cells = self.cells(name)
        values = np.full(len(cells), np.nan)
        for i, cell in enumerate(cells):
            value = _number(cell)
            if value is None or np.isinf(value):
                raise InvalidInputError(
                    f"{self.where(i)}, column {name!r:.80}: expected a finite number, or nothing where there is no "
                    f"score, got {cell!r:.60}"
                )
            values[i] = value
        return values


def _arch_column(sheet: _Sheet, space: "SearchSpace", given: str | None, taken: list[str]) -> str:
    if given is not None:
        sheet.cells(given)
        return given
    if any(_parses(space, name) for name in sheet.columns):
        raise InvalidInputError(f"line 1: expected a header, got an architecture of space {space.name!r}")
    names = [name for name in sheet.columns if name not in taken]
    found = [name for name in names if any(_parses(space, cell) for cell in _first_cells(sheet.columns[name]))]
    if not found:  # the first ones may be mistyped: the only column of text is meant, and its cells are complained of
        found = [name for name in names if any(_number(cell) is None for cell in _first_cells(sheet.columns[name]))]
    if len(found) != 1:
        example = space.format(space.sample(1, np.random.default_rng(0)))[0]
        which = "several could be" if found else "none is"
        raise InvalidInputError(
            f"--arch-column: expected the column with architectures of space {space.name!r} such as {example!r}, "
            f"{which} it: {', '.join(_few(found or names))}"
        )
    return found[0]


def _score_column(sheet: _Sheet, given: str | None, taken: list[str]) -> str:
    if given is not None:
        return given
    left = [name for name in sheet.columns if name not in taken and name.strip() and not name.startswith("Unnamed:")]
    found = [name for name in left if all(_number(cell) is not None for cell in sheet.columns[name])] or left
    if len(found) != 1:
        raise InvalidInputError(
            f"--score-column: expected one of {', '.join(_few(found))}, got none; it cannot be told which one is meant"
            if found
            else "--score-column: expected a column with scores beside the architectures, found no other column"
        )
    return found[0]


def _few(names: list[str]) -> list[str]:
    more = [f"and {len(names) - NAMED:,} more"] if len(names) > NAMED else []
    return [f"{name!r:.60}" for name in names[:NAMED]] + more


def _first_cells(cells: list[str]) -> list[str]:
    return [cell for cell in cells[:100] if cell][:LOOKED_AT]


def _parses(space: "SearchSpace", text: str) -> bool:
    try:
        return len(space.parse([text])) == 1
    except InvalidInputError:
        return False


def _number(cell: str) -> float | None:
    """The number that a cell holds: NaN for an empty one, None for other text."""
    from surrogate_nas.tables.frames import MISSING

    if cell.lower() in MISSING:
        return float("nan")
    try:
        return float(cell) if "_" not in cell else None  # Python's own digit grouping is no number elsewhere
    except ValueError:
        return None


def _read_csv(path: Path) -> _Sheet:
    reader = csv.reader(_text(path).splitlines(keepends=True), strict=True)
    try:
        header = [name.strip() for name in next(reader, [])]
        if not any(header):
            raise InvalidInputError("expected a header and one line per architecture, got an empty file")
        if len(header) == 1 and any(sign in header[0] for sign in ";\t"):
            raise InvalidInputError(f"line 1: expected commas between the columns, got {header[0]!r:.80}")
        rows, lines = [], []
        for row in reader:
            if not any(cell.strip() for cell in row):
                continue
            if len(row) != len(header):
                raise InvalidInputError(
                    f"line {reader.line_num}: expected {len(header)} fields as in the header, got {len(row)}"
                )
            rows.append(row)
            lines.append(reader.line_num)
    except csv.Error as error:
        raise InvalidInputError(f"line {reader.line_num}: not a CSV file ({error})") from None
    return _sheet(header, [[row[i].strip() for row in rows] for i in range(len(header))], lines, "line")


def _read_parquet(path: Path) -> _Sheet:
    import pyarrow as pa
    import pyarrow.parquet as pq

    if not path.is_file():
        raise InvalidInputError("expected a readable file, there is none")
    try:
        table = pq.ParquetFile(path).read()
        cells = [["" if cell is None else str(cell).strip() for cell in column.to_pylist()] for column in table.columns]
    except (pa.ArrowException, OSError, ValueError) as error:
        raise InvalidInputError(f"expected a Parquet file ({type(error).__name__})") from None
    return _sheet(table.column_names, cells, list(range(1, len(table) + 1)), "row")


def _sheet(header: list[str], cells: list[list[str]], lines: list[int], unit: str) -> _Sheet:
    twice = sorted({name for name in header if header.count(name) > 1}) if len(set(header)) < len(header) else []
    if twice:
        raise InvalidInputError(f"expected columns with different names, got several named {', '.join(_few(twice))}")
    if not lines:
        raise InvalidInputError("expected at least one architecture below the header, got none")
    return _Sheet(dict(zip(header, cells, strict=True)), lines, unit)


def _text(path: Path) -> str:
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise InvalidInputError(f"expected a readable file ({error.strerror})") from None
    if raw.startswith(UTF_16):
        raise InvalidInputError("expected text in UTF-8, got UTF-16; save it again as CSV in UTF-8")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InvalidInputError("expected text in UTF-8, got other bytes; is it a CSV file?") from None
    if "\0" in text:
        raise InvalidInputError("expected text in UTF-8, got zero bytes; is it a CSV file?")
    return text
