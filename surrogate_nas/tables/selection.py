"""Which column is meant: None stands for the only choice there is, otherwise the error lists the choices."""

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

from surrogate_nas.core import Column, InvalidInputError, UnknownNameError

#: What tells the columns of one task apart, in the order in which a choice is narrowed.
_FIELDS = ("metric", "split", "epochs", "seed")


class Which(TypedDict, total=False):
    """What singles one of a task's columns out; what is left out, or None, is the only choice there is.

    Attributes:
        metric: Its metric.
        split: "val", "test", "train", or "" where a split has no meaning.
        epochs: Length of its training schedule.
        seed: Its seed.
    """

    metric: str | None
    split: str | None
    epochs: int | None
    seed: int | str | None


def select_column(columns: Sequence[Column], table: str, task: str, **wanted: Any) -> int:
    """Index of the one column that is meant.

    Args:
        columns: The table's columns.
        table: Name of the table, for the messages.
        task: Task of the column.
        **wanted: Metric, split, epochs and seed; None where there is only one choice.

    Raises:
        UnknownNameError: The task, or a named field, is not among the columns; the message lists those that are.
        InvalidInputError: A field is None and several choices exist; the message lists them.
    """
    found = match_columns(columns, table, task, **wanted)
    for field in _FIELDS:
        choices = _distinct([getattr(columns[i], field) for i in found])
        if len(choices) > 1:
            listed = ", ".join(f"{field}={c!r}" for c in choices)
            raise InvalidInputError(f"table {table!r}, task {task!r}: several columns match; choose one of {listed}")
    return found[0]


def match_columns(columns: Sequence[Column], table: str, task: str, **wanted: Any) -> list[int]:
    """Indices of all columns of a task that agree with what is wanted; None agrees with everything.

    Raises:
        UnknownNameError: Nothing agrees; the message says with which field and lists what exists.
    """
    found = [i for i, c in enumerate(columns) if c.task == task]
    if not found:
        raise _unknown("task", task, _distinct([c.task for c in columns]), f"table {table!r}")
    described = f"table {table!r}, task {task!r}"
    for field in _FIELDS:
        value = wanted.get(field)
        if value is None:
            continue
        choices = _distinct([getattr(columns[i], field) for i in found])
        if value not in choices:
            raise _unknown(field, value, choices, described)
        found = [i for i in found if getattr(columns[i], field) == value]
        described += f", {field} {value!r}"
    return found


def default_metric(columns: Sequence[Column], declared: Mapping[str, str], table: str, task: str) -> str:
    """The metric meant when none is named.

    The one the table declares; else the only score (a metric of which more is better); else accuracy,
    if it is among them; else the only metric there is.

    Raises:
        UnknownNameError: The table has no such task.
        InvalidInputError: None of these decides; the message lists the metrics.
    """
    if task in declared:
        return declared[task]
    of_task = [columns[i] for i in match_columns(columns, table, task)]
    every = _distinct([c.metric for c in of_task])
    scores = _distinct([c.metric for c in of_task if c.spec.direction == "max"])
    if len(scores) == 1:
        return scores[0]
    if "accuracy" in scores:
        return "accuracy"
    if len(every) == 1:
        return every[0]
    listed = ", ".join(f"metric={m!r}" for m in every)
    raise InvalidInputError(f"table {table!r}, task {task!r} has no default metric; choose one of {listed}")


def check_addressable(columns: Sequence[Column]) -> None:
    """Refuse two columns that no query could tell apart.

    Raises:
        InvalidInputError: Two columns agree in task, metric, split, epochs and seed, or differ only in
            that one leaves epochs or seed open (None asks for "the only choice there is").
    """
    seen: dict[tuple[Any, ...], tuple[Any, ...]] = {}
    for c in columns:
        place, detail = (c.task, c.metric, c.split), (c.epochs, c.seed)
        if place + detail in seen:
            raise InvalidInputError(f"two columns describe {place + detail}: give them different epochs or seeds")
        seen[place + detail] = detail
        first = seen.setdefault(place, detail)
        if any((a is None) != (b is None) for a, b in zip(first, detail, strict=True)):
            raise InvalidInputError(
                f"columns of {place}: expected epochs (and seed) on all of them or on none, got {first} and {detail}"
            )


def _unknown(field: str, value: object, choices: list[Any], where: str) -> Exception:
    if choices in ([None], [""]):
        return InvalidInputError(f"{where}: there is no {field}, got {value!r}; leave {field} out")
    return UnknownNameError(f"{where}: {UnknownNameError.of(field, value, [str(c) for c in choices])}")


def _distinct(values: list[Any]) -> list[Any]:
    return list(dict.fromkeys(values))
