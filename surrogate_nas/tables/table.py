"""Measured results: architectures x columns, each column one task, metric, split, schedule and seed."""

from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Self, Unpack, final

import numpy as np
import numpy.typing as npt

from surrogate_nas.core import Column, InvalidInputError
from surrogate_nas.spaces.base import Rows, SearchSpace
from surrogate_nas.spaces.catalogue import as_space
from surrogate_nas.tables.checks import Values, check_architectures, check_columns
from surrogate_nas.tables.curves import Curve, check_curves
from surrogate_nas.tables.lookup import ABSENT, Lookup, build_lookup
from surrogate_nas.tables.schema import Key, TableInfo
from surrogate_nas.tables.selection import Which, default_metric, match_columns, select_column

if TYPE_CHECKING:
    import pandas as pd

    from surrogate_nas.tables.contents import Contents

Floats = npt.NDArray[np.float64]

#: Metric with the seconds that a training took.
TRAIN_TIME = "train_time"


@final
class Table:
    """What was measured, and nothing else: a value that was not measured is NaN, never filled in.

    A table does not change once it is made; its arrays are read-only. Under the key "row" each row
    has its own value, also where another row means the same network (those were trained separately).
    Under "canonical" one value stands for all equivalent rows, and any of them finds it.

    Attributes:
        space: The space its architectures belong to.
        X: Its architectures, int16 of shape (m, d).
        info: Name, key, source, licence, citation and default metrics.
    """

    def __init__(
        self,
        space: SearchSpace,
        X: npt.ArrayLike,
        columns: Mapping[Column, npt.ArrayLike],
        *,
        name: str = "table",
        source: str = "",
        licence: str = "",
        citation: str = "",
        key: Key = "row",
        default_metrics: Mapping[str, str] | None = None,
        curves: Mapping[Column, Curve] | None = None,
    ) -> None:
        """Check and keep the numbers.

        Args:
            space: Space of the architectures.
            X: Rows, shape (m, d); under the key "canonical" they are kept in canonical form.
            columns: Values by column, each of shape (m,); NaN = not measured.
            name: The table's name, for messages and files.
            source: Where the numbers come from.
            licence: Their licence.
            citation: What to cite when using them.
            key: "row" if equivalent rows were measured separately, else "canonical".
            default_metrics: The metric meant when none is named, by task; see :meth:`default_metric`.
            curves: Learning curves, by the column of the training they belong to; see :meth:`curve`.

        Raises:
            InvalidInputError: Rows outside the space or repeated, columns that cannot be told apart,
                infinite values, or values that a metric and its unit rule out.
        """
        space = as_space(space)
        info = TableInfo(name, space.name, key, source, licence, citation, default_metrics or {})
        rows = check_architectures(space, X, canonical=info.key == "canonical")
        self._set(space, rows, check_columns(columns, len(rows), info), info, check_curves(curves or {}, len(rows)))

    @classmethod
    def of_checked(
        cls,
        space: SearchSpace,
        X: Rows,
        columns: Mapping[Column, Values],
        info: TableInfo,
        curves: Mapping[Column, Curve] = MappingProxyType({}),
    ) -> Self:
        """Wrap arrays that went through :mod:`~surrogate_nas.tables.checks` before; they may be memory-mapped."""
        table = cls.__new__(cls)
        table._set(space, X, columns, info, curves)
        return table

    def _set(
        self,
        space: SearchSpace,
        X: Rows,
        columns: Mapping[Column, Values],
        info: TableInfo,
        curves: Mapping[Column, Curve],
    ) -> None:
        self.space = space
        self.info = info
        self.X = X.view()
        self.X.flags.writeable = False
        self._values = MappingProxyType({c: v.view() for c, v in columns.items()})
        self._curves = MappingProxyType({c: Curve(curve.epochs, curve.values.view()) for c, curve in curves.items()})
        for values in (*self._values.values(), *(curve.values for curve in self._curves.values())):
            values.flags.writeable = False
        self._columns = tuple(self._values)
        self._chosen: dict[tuple[Any, ...], int] = {}
        self._lookup: Lookup | None = None

    # What there is.

    @property
    def name(self) -> str:
        """Name of the table."""
        return self.info.name

    @property
    def columns(self) -> tuple[Column, ...]:
        """All columns, in the order of the source."""
        return self._columns

    @property
    def curves(self) -> tuple[Column, ...]:
        """The trainings whose learning curves the table has, in the order of the source."""
        return tuple(self._curves)

    @property
    def tasks(self) -> tuple[str, ...]:
        """Names of the tasks, in the order of the source."""
        return tuple(dict.fromkeys(c.task for c in self._columns))

    @property
    def metrics(self) -> tuple[str, ...]:
        """Names of the metrics over all tasks, in the order of the source."""
        return tuple(dict.fromkeys(c.metric for c in self._columns))

    def default_metric(self, task: str) -> str:
        """The metric meant when none is named.

        The one the table declares; else the task's only score (a metric of which more is better); else
        accuracy if it is among several; else its only metric.

        Raises:
            UnknownNameError: No such task.
            InvalidInputError: None of these decides; the message lists the metrics.
        """
        return default_metric(self._columns, self.info.default_metrics, self.name, task)

    def column(
        self,
        *,
        task: str,
        metric: str | None = None,
        split: str | None = None,
        epochs: int | None = None,
        seed: int | str | None = None,
    ) -> Column:
        """The one column that is meant, with its unit and direction; arguments and errors as in :meth:`query`."""
        return self._columns[self._choose(task, metric, split, epochs, seed)]

    # Numbers.

    def query(
        self,
        X: npt.ArrayLike,
        *,
        task: str,
        metric: str | None = None,
        split: str | None = None,
        epochs: int | None = None,
        seed: int | str | None = None,
    ) -> Floats:
        """Look up architectures.

        Args:
            X: Rows, shape (n, d) or (d,).
            task: Task of the column.
            metric: Its metric; None = the only one there is.
            split: "val", "test", ...; None = the only one there is.
            epochs: Its training schedule; None = the only one there is.
            seed: Its seed; None = the only one there is.

        Returns:
            float64 of shape (n,), in the column's unit; NaN where the table has no value.

        Raises:
            UnknownNameError: A name that the table does not have; the message lists those it has.
            InvalidInputError: Several columns match, or ``X`` is not made of rows of the space.
        """
        values = self._values[self._columns[self._choose(task, metric, split, epochs, seed)]]
        at = self._positions(X)
        if len(at) == 1:  # the general case below costs several numpy calls more
            i = at.item()
            return np.array([np.nan if i == ABSENT else values.item(i)])
        found = values[at].astype(np.float64)
        found[at == ABSENT] = np.nan
        return found

    def values(self, *, task: str, **which: Unpack[Which]) -> Floats:
        """One column as float64 of shape (m,), aligned with :attr:`X`; NaN where not measured.

        Arguments and errors as in :meth:`query`.
        """
        return self._values[self.column(task=task, **which)].astype(np.float64)

    def data(self, *, task: str, **which: Unpack[Which]) -> tuple[Rows, Floats]:
        """The measured architectures of one column with their values, in table order.

        Arguments and errors as in :meth:`query`, but ``metric=None`` means :meth:`default_metric`.

        Returns:
            Rows of shape (k, d) and values of shape (k,), k <= m, none of them NaN; both are copies.
        """
        return self._measured_rows(self.column(task=task, **self._with_metric(task, which)))

    def top(self, n: int, *, task: str, **which: Unpack[Which]) -> tuple[Rows, Floats]:
        """The ``n`` best measured architectures, best first: highest scores, lowest costs.

        Equal values stand in table order. If fewer were measured, all of them come back. Other
        arguments and errors as in :meth:`data`.

        Returns:
            Rows of shape (min(n, k), d) and their values.
        """
        if not np.issubdtype(type(n), np.integer) or n < 1:
            raise InvalidInputError(f"n: expected a positive int, got {n!r}")
        column = self.column(task=task, **self._with_metric(task, which))
        X, y = self._measured_rows(column)
        best = np.argsort(-y if column.direction == "max" else y, kind="stable")[:n]
        return X[best], y[best]

    def best(self, *, task: str, **which: Unpack[Which]) -> tuple[Rows, float]:
        """The best known architecture and its value; arguments, errors and ties as in :meth:`top`.

        Returns:
            Its row, shape (d,), and its value in the column's unit.
        """
        X, y = self.top(1, task=task, **which)
        if not len(y):
            raise InvalidInputError(f"table {self.name!r}, task {task!r}: expected a measured value, got none")
        return X[0], float(y[0])

    def cost(self, X: npt.ArrayLike, *, task: str, epochs: int | None = None, seed: int | str | None = None) -> Floats:
        """Seconds that the training of each row took, for simulating a search in real time; shape (n,).

        Read from the metric "train_time", which not every source has. Arguments and errors as in :meth:`query`.
        """
        return self.query(X, task=task, metric=TRAIN_TIME, epochs=epochs, seed=seed)

    def curve(self, X: npt.ArrayLike, *, task: str, **which: Unpack[Which]) -> Curve:
        """Look learning curves up; arguments and errors as in :meth:`query`, among :attr:`curves`.

        Args:
            X: Rows, shape (n, d) or (d,).
            task: Its task.
            **which: The training; ``epochs`` is the length of its whole schedule.

        Returns:
            The epochs, and values of shape (n, number of epochs); NaN where the table has none.
        """
        if not self._curves:
            raise InvalidInputError(
                f"table {self.name!r}: expected learning curves, got none; table.columns lists what it has"
            )
        chosen = self.curves[select_column(self.curves, self.name, task, **which)]
        at, curve = self._positions(X), self._curves[chosen]
        values = curve.values[at]
        values[at == ABSENT] = np.nan
        return Curve(curve.epochs, values)

    def networks(self) -> npt.NDArray[np.int64]:
        """Which network each row stands for, numbered in table order; shape (m,).

        Rows with the same number mean the same network (their canonical rows agree); under the key "row" each
        was measured for itself, so that their scores show how far one training differs from another.
        """
        _, first, network = np.unique(
            self.space.keys(self.space.canonical(self.X)), return_index=True, return_inverse=True
        )
        return np.argsort(np.argsort(first))[network]

    def measured(self, X: npt.ArrayLike, *, task: str, **which: Unpack[Which]) -> npt.NDArray[np.bool_]:
        """Tell for each row of ``X`` whether the table has a value; shape (n,).

        ``metric=None`` means :meth:`default_metric`. Where split, epochs or seed are None and several
        columns match, the answer is whether all of them have a value.
        """
        matching = match_columns(self._columns, self.name, task, **self._with_metric(task, which))
        at = self._positions(X)
        found = at != ABSENT
        for i in matching:
            found &= ~np.isnan(self._values[self._columns[i]][at])
        return found

    def __len__(self) -> int:
        return len(self.X)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self).of_checked, (self.space, self.X, dict(self._values), self.info, dict(self._curves))

    def __repr__(self) -> str:
        tasks = ", ".join(self.tasks)
        return f"<Table {self.name!r}: {len(self):,} architectures of {self.space.name!r}, tasks {tasks}>"

    def _with_metric(self, task: str, which: Which) -> Which:
        """The same, with the task's default metric where none is named."""
        return which if which.get("metric") is not None else {**which, "metric": self.default_metric(task)}

    def _measured_rows(self, column: Column) -> tuple[Rows, Floats]:
        values = self._values[column]
        measured = ~np.isnan(values)
        return self.X[measured], values[measured].astype(np.float64)

    def _choose(
        self, task: str, metric: str | None, split: str | None, epochs: int | None, seed: int | str | None
    ) -> int:
        wanted = (task, metric, split, epochs, seed)
        try:
            return self._chosen[wanted]
        except KeyError:
            chosen = select_column(self._columns, self.name, task, metric=metric, split=split, epochs=epochs, seed=seed)
            self._chosen[wanted] = chosen
            return chosen
        except TypeError:
            raise InvalidInputError(f"expected names as text and numbers as int, got {wanted!r:.160}") from None

    def _positions(self, X: npt.ArrayLike) -> npt.NDArray[np.int64]:
        if self._lookup is None:  # opening a table should not pay for a question that may never come
            self._lookup = build_lookup(self.space, self.X, canonical=self.info.key == "canonical")
        return self._lookup.positions(self.space.rows(X))

    # In and out.

    @classmethod
    def from_frame(
        cls,
        frame: "pd.DataFrame",
        *,
        space: SearchSpace,
        arch_column: str,
        columns: Mapping[str, Column | tuple[Any, ...]],
        name: str = "table",
        source: str = "",
        licence: str = "",
        citation: str = "",
        key: Key = "row",
        default_metrics: Mapping[str, str] | None = None,
    ) -> Self:
        """Make a table from a pandas DataFrame with one row per architecture.

        ``arch_column`` names the column, or index level, with the architectures in the space's text
        form. ``columns`` says what each column of values is: ``{"c10": ("cifar10", "accuracy", "val", 200)}``,
        a tuple (task, metric, split, epochs, seed, unit, direction) cut short at will, or a Column.
        NaN = not measured; a constant column is fine. Everything else is as in the constructor.

        Two rows with the same key are an error, also where their values agree: nothing is dropped in
        silence, and a repeat nearly always is a second seed or schedule, which deserves its own column.

        Raises:
            UnknownNameError: The frame has no such column.
            InvalidInputError: An architecture cannot be read or repeats, or values are text, infinite or
                ruled out by their metric and unit; the message names the row.
        """
        from surrogate_nas.tables.frames import contents_from_frame

        space = as_space(space)
        info = TableInfo(name, space.name, key, source, licence, citation, default_metrics or {})
        return cls.of_checked(*contents_from_frame(frame, space, arch_column, columns, info))

    @classmethod
    def from_csv(
        cls,
        path: "str | PathLike[str]",
        *,
        space: SearchSpace,
        arch_column: str,
        columns: Mapping[str, Column | tuple[Any, ...]],
        name: str = "table",
        source: str = "",
        licence: str = "",
        citation: str = "",
        key: Key = "row",
        default_metrics: Mapping[str, str] | None = None,
    ) -> Self:
        """Make a table from a comma-separated file in UTF-8 with a header and one line per architecture.

        Everything as in :meth:`from_frame`; an empty field, "nan", "NA", "null" or "none" means not
        measured, and messages name the line.
        """
        from surrogate_nas.tables.frames import contents_from_csv

        space = as_space(space)
        info = TableInfo(name, space.name, key, source, licence, citation, default_metrics or {})
        return cls.of_checked(*contents_from_csv(path, space, arch_column, columns, info))

    @classmethod
    def from_parquet(cls, path: "str | PathLike[str]", *, space: SearchSpace | None = None) -> Self:
        """Read a file that :meth:`to_parquet` wrote; ``load_table(path)`` does the same through the cache.

        Args:
            path: The file.
            space: Space of its rows; None takes the one of the catalogue that the file names.

        Raises:
            InvalidInputError: The file is missing, empty, damaged, not a table, or of another schema version.
            UnknownNameError: The file names a space that is not in the catalogue, and none was given.
        """
        from surrogate_nas.tables.parquet import read_parquet

        return cls.of_checked(*read_parquet(Path(path), space))

    def to_parquet(self, path: "str | PathLike[str]") -> None:
        """Write the table to a Parquet file, from which :meth:`from_parquet` reads an equal one.

        Args:
            path: The file; one that is there is replaced in one step.

        Raises:
            InvalidInputError: The place cannot be written to.
        """
        from surrogate_nas.tables.parquet import write_parquet

        write_parquet(self._contents(), Path(path))

    def described(self, info: TableInfo) -> Self:
        """The same numbers under another name, source, licence or citation."""
        if (info.space, info.key) != (self.info.space, self.info.key):
            raise InvalidInputError(f"info: expected space and key of table {self.name!r}, got another")
        return self.of_checked(self.space, self.X, self._values, info, self._curves)

    def to_pandas(self) -> "pd.DataFrame":
        """A DataFrame with the column "architecture" and one column of values per column of the table."""
        from surrogate_nas.tables.frames import to_frame

        return to_frame(self._contents())

    def _contents(self) -> "Contents":
        from surrogate_nas.tables.contents import Contents

        return Contents(self.space, self.X, dict(self._values), self.info, dict(self._curves))
