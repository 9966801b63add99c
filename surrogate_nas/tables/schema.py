"""What a table says about itself, and how that is written beside its numbers.

A file carries two pieces of JSON: one for the table (:class:`TableInfo`, with the schema version) in
the schema's metadata, one for each value column (:class:`~surrogate_nas.core.Column`) in its field's
metadata. Parquet and Arrow files carry the same two.
"""

import dataclasses
import json
import operator
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal, get_args

from surrogate_nas.core import Column, InvalidInputError, UnknownNameError

#: Raised whenever a file written by an older version could not be read by the same code.
SCHEMA_VERSION = 1

#: Keys of the pieces of JSON; a curve's field carries its epochs besides its column.
TABLE_KEY = b"surrogate_nas.table"
COLUMN_KEY = b"surrogate_nas.column"
CURVE_KEY = b"surrogate_nas.curve"

#: Name of the text column that holds the architectures.
ARCHITECTURE = "architecture"

#: What identifies an architecture of a table: its exact row, or the canonical row of its equivalence class.
Key = Literal["row", "canonical"]

#: Metrics that cannot leave an interval, as a fraction; "%" stretches it by 100.
_BOUNDED = {
    "accuracy": (0.0, 1.0),
    "balanced_accuracy": (0.0, 1.0),
    "f1": (0.0, 1.0),
    "roc_auc": (0.0, 1.0),
}

#: Metrics that measure an amount.
_AMOUNTS = frozenset({"latency", "params", "flops", "energy", "seconds", "train_time"})


@dataclass(frozen=True, slots=True)
class TableInfo:
    """Everything about a table but its numbers.

    Attributes:
        name: Name in the catalogue, or the user's own.
        space: Name of the space its rows belong to.
        key: "row" where equivalent architectures were trained separately and each row keeps its own
            value; "canonical" where one value stands for all equivalent rows.
        source: Where the numbers come from.
        licence: Licence of the numbers, as an SPDX identifier where there is one.
        citation: What to cite when using them.
        default_metrics: The metric meant when none is named, by task.
    """

    name: str
    space: str
    key: Key = "row"
    source: str = ""
    licence: str = ""
    citation: str = ""
    default_metrics: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.key not in get_args(Key):
            raise UnknownNameError.of("table key", self.key, get_args(Key))
        texts = (self.name, self.space, self.source, self.licence, self.citation)
        if not all(isinstance(t, str) for t in (*texts, *self.default_metrics, *self.default_metrics.values())):
            raise InvalidInputError("table: expected text for name, source, licence, citation and default metrics")
        object.__setattr__(self, "default_metrics", MappingProxyType(dict(self.default_metrics)))

    def __reduce__(self) -> tuple[Any, ...]:
        # Worker processes are handed tables; a read-only view of a dict does not travel.
        values = (getattr(self, f.name) for f in dataclasses.fields(self))
        return type(self), tuple(dict(v) if isinstance(v, Mapping) else v for v in values)

    def to_json(self) -> bytes:
        """Write as JSON, with the schema version; equal infos give equal bytes."""
        content = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        content["default_metrics"] = dict(self.default_metrics)
        return json.dumps({"schema_version": SCHEMA_VERSION, **content}, sort_keys=True).encode()

    @classmethod
    def from_json(cls, text: bytes) -> "TableInfo":
        """Read what :meth:`to_json` wrote.

        Raises:
            InvalidInputError: Not such JSON, or written under another schema version.
        """
        content = _json_object(text, "table")
        version = content.pop("schema_version", None)
        if version != SCHEMA_VERSION:
            newer = isinstance(version, int) and version > SCHEMA_VERSION
            remedy = "upgrade surrogate-nas" if newer else "write the table again from its source"
            raise InvalidInputError(f"expected table schema version {SCHEMA_VERSION}, got {version!r}; {remedy}")
        metrics = content.pop("default_metrics", None)
        names = {f.name for f in dataclasses.fields(cls)} - {"default_metrics"}
        if set(content) != names or not isinstance(metrics, dict):
            raise InvalidInputError("the table's metadata is damaged; write the table again from its source")
        return cls(default_metrics=metrics, **content)


def column_name(column: Column) -> str:
    """Readable field name, different for different columns: ``cora.accuracy.val``, ``cifar10.accuracy.val.12ep``."""
    parts = [column.task, column.metric, column.split]
    if column.epochs is not None:
        parts.append(f"{column.epochs}ep")
    if column.seed is not None:
        parts.append(f"seed{column.seed}" if isinstance(column.seed, int) else str(column.seed))
    return ".".join(p for p in parts if p)


def column_to_json(column: Column) -> bytes:
    """Write a column's description; its direction is spelled out even where it was left to the metric."""
    content = dataclasses.asdict(column) | {"direction": column.spec.direction}
    return json.dumps(content, sort_keys=True).encode()


def column_from_json(text: bytes) -> Column:
    """Read what :func:`column_to_json` wrote.

    Raises:
        InvalidInputError: Not such JSON.
    """
    content = _json_object(text, "column")
    names = {f.name for f in dataclasses.fields(Column)}
    if set(content) != names:
        raise InvalidInputError("a column's metadata is damaged; write the table again from its source")
    return check_column(Column(**content))


def as_column(value: Any, label: str) -> Column:
    """Accept a Column, or a tuple ``(task, metric[, split[, epochs[, seed[, unit[, direction]]]]])``.

    Args:
        value: What the caller gave.
        label: Name of the source column, for the message.
    """
    if isinstance(value, Column):
        return check_column(value)
    if not isinstance(value, tuple | list) or not 2 <= len(value) <= 7:
        raise InvalidInputError(
            f"column {label!r}: expected Column(...) or a tuple (task, metric, split, epochs, seed), got {value!r:.80}"
        )
    return check_column(Column(*value))


def check_column(column: Column) -> Column:
    """Return ``column`` with its direction spelled out, so that equal columns compare equal.

    Raises:
        InvalidInputError: A field has the wrong type.
    """
    texts = (column.task, column.metric, column.split, column.unit)
    if not all(isinstance(t, str) for t in texts) or not column.task or not column.metric:
        raise InvalidInputError(f"column {column!r:.160}: expected text for task, metric, split and unit")
    epochs = None if column.epochs is None else _integer(column.epochs)
    seed = column.seed if column.seed is None or isinstance(column.seed, str) else _integer(column.seed)
    if column.epochs is not None and (epochs is None or epochs < 1):
        raise InvalidInputError(f"column {column!r:.160}: expected epochs as a positive int or None")
    if column.seed is not None and seed is None:
        raise InvalidInputError(f"column {column!r:.160}: expected seed as an int, 'mean' or None")
    return dataclasses.replace(column, epochs=epochs, seed=seed, direction=column.spec.direction)


def declared_range(column: Column) -> tuple[float, float]:
    """Interval that a column's values cannot leave, from its metric and unit.

    A bounded metric (accuracy, F1, ROC-AUC) says how by its unit: "1" for fractions, "%" for percent;
    without a unit nothing is assumed.
    """
    if column.metric in _AMOUNTS:
        return (0.0, float("inf"))
    if column.metric in _BOUNDED and column.unit in ("1", "%"):
        scale = 100.0 if column.unit == "%" else 1.0
        low, high = _BOUNDED[column.metric]
        return (low * scale, high * scale)
    return (float("-inf"), float("inf"))


def _json_object(text: bytes, what: str) -> dict[str, Any]:
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        raise InvalidInputError(f"the {what}'s metadata is not JSON; write the table again from its source")
    return content


def _integer(value: object) -> int | None:
    """Return ``value`` as an int if it is one (NumPy's too, bool not), else None."""
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        return None
    return operator.index(value)
