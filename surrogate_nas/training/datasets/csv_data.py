"""Tables of one's own in CSV files: a row per sample, or sequences in a row per window or a row per time step."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from surrogate_nas.core import InvalidInputError, UnknownNameError
from surrogate_nas.training.datasets.array_data import ArrayDataset, array_dataset

if TYPE_CHECKING:
    import pandas as pd

#: The first line of a CSV file has its columns, and people count lines from one.
_FIRST_LINE = 2

#: What pandas calls a column without a name.
_NAMELESS = "Unnamed: "


def csv_dataset(
    path: str | Path,
    *,
    target: str,
    group: str | None = None,
    channels: Sequence[str] | None = None,
    window: str | None = None,
    drop: Sequence[str] = (),
    sep: str = ",",
    name: str | None = None,
    **options: Any,
) -> ArrayDataset:
    """Make a data set of a CSV file with a line of column names.

    Tabular data have a row per sample; every column but ``target``, ``group`` and those in ``drop`` is a feature:

        alcohol,acidity,quality
        13.2,2.1,good                       csv_dataset("wine.csv", target="quality", folds=5)

    Windows of sensors are sequences. With a row per window, each channel has a column per time step, its name with
    a number:

        ax_0,ax_1,ay_0,ay_1,activity,person
        0.1,0.2,9.7,9.8,walk,anna           csv_dataset("windows.csv", target="activity", group="person",
                                                        channels=["ax", "ay"])

    With a row per time step, in the order of time, each channel has a column and ``window`` says which rows belong
    together; all other columns are channels where none are named:

        window,ax,ay,activity,person
        17,0.1,9.7,walk,anna
        17,0.2,9.8,walk,anna                csv_dataset("steps.csv", target="activity", group="person",
                                                        window="window")

    Args:
        path: The file; one that ends with ``.gz`` is unpacked as it is read.
        target: Column of the class, or of the number to predict.
        group: Column that says what samples belong to (a person, a device): no group is in two parts of a split.
        channels: Channels of sequences: beginnings of column names, or with ``window`` column names.
        window: Column of the number or name of the window that a time step belongs to.
        drop: Columns that are no features.
        sep: What separates columns.
        name: What results call the data set; None takes the file's name.
        **options: Those of :func:`~surrogate_nas.training.array_dataset`: task, folds, validation, ...

    Raises:
        UnknownNameError: The file has no such column.
        InvalidInputError: One line on what is wrong with the file: not readable, text or gaps in a feature, windows
            of different lengths, ...
    """
    file = Path(path).expanduser()
    frame = _read(file, sep)
    named = [column for column in (target, group, window, *_several(drop)) if column is not None]
    for column in named:
        if column not in frame.columns:
            raise _unknown_column(file, column, frame)
    features = [column for column in frame.columns if column not in named]
    _check_features(file, features, named, sep)
    wanted = None if channels is None else _several(channels)
    first = np.arange(len(frame))
    if window is not None:
        constant = [target] if group is None else [target, group]
        x, first = _from_steps(file, frame, features if wanted is None else wanted, window, constant)
    elif wanted is not None:
        x = _from_rows(file, frame, features, wanted)
    else:
        x = _numbers(file, frame, features)
    if group is not None:
        options = {**options, "groups": frame[group].to_numpy()[first]}
    named_so = name or Path(file.name.removesuffix(".gz")).stem
    return array_dataset(x, frame[target].to_numpy()[first], name=named_so, **options)


def _several(names: str | Sequence[str]) -> list[str]:
    return [names] if isinstance(names, str) else list(names)


def _read(file: Path, sep: str) -> "pd.DataFrame":
    import pandas as pd

    try:
        frame = pd.read_csv(file, sep=sep, skipinitialspace=True, encoding="utf-8-sig", low_memory=False)
    except OSError as error:
        raise InvalidInputError(f"{file}: expected a readable CSV file ({error.strerror or error})") from None
    except (pd.errors.EmptyDataError, pd.errors.ParserError, UnicodeDecodeError, ValueError) as error:
        reason = " ".join(str(error).split()).removeprefix("Error tokenizing data. C error: ")
        raise InvalidInputError(
            f"{file}: expected a CSV file with a line of column names, got: {reason:.150}"
        ) from None
    if frame.empty:
        raise InvalidInputError(f"{file}: expected rows below the line of column names, got none")
    return frame


def _check_features(file: Path, features: Sequence[str], named: Sequence[str], sep: str) -> None:
    if not features:
        raise InvalidInputError(f"{file}: expected columns beside {', '.join(named)}, got none; is sep={sep!r} right?")
    nameless = [column for column in features if str(column).startswith(_NAMELESS)]
    if nameless:  # numbers of rows, most likely: they would tell the classes of a sorted file
        raise InvalidInputError(
            f"{file}: expected a name for every column, got none for one of them; drop=[{nameless[0]!r}] leaves it out"
        )


def _unknown_column(file: Path, column: str, frame: "pd.DataFrame") -> UnknownNameError:
    error = UnknownNameError.of("column", column, [str(c) for c in frame.columns])
    return UnknownNameError(f"{file}: {error}")


def _numbers(file: Path, frame: "pd.DataFrame", columns: Sequence[str]) -> npt.NDArray[np.float64]:
    """Columns as numbers (rows, columns); says which column and line is none."""
    import pandas as pd

    chosen = frame[list(columns)]
    numbers = chosen.apply(pd.to_numeric, errors="coerce").to_numpy(dtype=np.float64)
    bad = np.argwhere(~np.isfinite(numbers))
    if len(bad):
        row, column = bad[0].tolist()
        value = chosen.iloc[row, column]
        what = "a gap" if pd.isna(value) else repr(value)[:40]
        remedy = "fill it or leave the row out" if pd.isna(value) else "encode the column, or name it in drop="
        raise InvalidInputError(
            f"{file}: expected numbers in column {columns[column]!r}, got {what} in line {row + _FIRST_LINE}; {remedy}"
        )
    return numbers


def _steps_of(file: Path, channel: str, features: Sequence[str]) -> list[str]:
    """Columns of one channel in the order of the numbers at their ends."""
    pattern = re.compile(rf"{re.escape(channel)}[_.\- ]?(\d+)")
    numbered = {int(match[1]): column for column in features if (match := pattern.fullmatch(column))}
    if not numbered:
        known = sorted({match[1] for column in features if (match := re.fullmatch(r"(.+?)[_.\- ]?\d+", column))})
        error = UnknownNameError.of("channel", channel, known)
        raise UnknownNameError(f"{file}: {error}; a channel has the columns {channel}_0, {channel}_1, ...")
    steps = sorted(numbered)
    if steps != list(range(steps[0], steps[0] + len(steps))):
        gap = next(a + 1 for a, b in zip(steps, steps[1:], strict=False) if b != a + 1)
        raise InvalidInputError(
            f"{file}: expected a column for every step of channel {channel!r} from {steps[0]} to {steps[-1]}, got none "
            f"for {gap}"
        )
    return [numbered[step] for step in steps]


def _from_rows(
    file: Path, frame: "pd.DataFrame", features: Sequence[str], channels: Sequence[str]
) -> npt.NDArray[np.float64]:
    """Sequences (rows, channels, steps) of rows of windows."""
    if not channels:
        raise InvalidInputError(
            f"{file}: expected the names of channels, got none; leave channels= out for tabular data"
        )
    steps = {channel: _steps_of(file, channel, features) for channel in channels}
    lengths = {channel: len(columns) for channel, columns in steps.items()}
    if len(set(lengths.values())) > 1:
        found = ", ".join(f"{channel}: {n}" for channel, n in lengths.items())
        raise InvalidInputError(f"{file}: expected channels of one length, got {found} columns")
    numbers = _numbers(file, frame, [column for columns in steps.values() for column in columns])
    return numbers.reshape(len(frame), len(steps), -1)


def _from_steps(
    file: Path, frame: "pd.DataFrame", channels: Sequence[str], window: str, constant: Sequence[str]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.intp]]:
    """Sequences (windows, channels, steps) of rows of steps, and the first row of each window."""
    for channel in channels:
        if channel not in frame.columns:
            raise _unknown_column(file, channel, frame)
    numbers = _numbers(file, frame, channels)
    if frame[window].isna().any():
        line = int(np.flatnonzero(frame[window].isna())[0]) + _FIRST_LINE
        raise InvalidInputError(f"{file}: expected a window in every line, got a gap in line {line}")
    codes, names = frame[window].factorize()
    counts = np.bincount(codes)
    usual = np.bincount(counts).argmax()
    if (counts != usual).any():
        odd = int(np.flatnonzero(counts != usual)[0])
        raise InvalidInputError(
            f"{file}: expected windows of one length, got {counts[odd]} rows in {window} {names[odd]!s} and {usual} in "
            "most; cut or pad them first"
        )
    rows = np.argsort(codes, kind="stable").reshape(len(counts), -1)  # rows of a window keep their order
    for column in constant:
        values = frame[column].to_numpy()[rows]
        mixed = np.flatnonzero((values != values[:, :1]).any(axis=1))
        if len(mixed):
            raise InvalidInputError(
                f"{file}: expected one {column} per {window}, got several in {window} {names[int(mixed[0])]!s}"
            )
    return numbers[rows].transpose(0, 2, 1), rows[:, 0]
