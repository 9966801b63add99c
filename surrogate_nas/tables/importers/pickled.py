"""Checks on what a pickle held: it may be anything, and a message must not print all of it."""

from typing import Any

import numpy as np

from surrogate_nas.core import InvalidInputError


def as_record(content: object, what: str) -> dict[Any, Any]:
    """``content`` if it is a dict.

    Raises:
        InvalidInputError: It is not.
    """
    if isinstance(content, dict):
        return content
    raise InvalidInputError(f"{what}: expected a record, got {kind_of(content)}; is this the published file?")


def named(content: object, what: str) -> dict[str, Any]:
    """``content`` if it is a dict with text as keys.

    Raises:
        InvalidInputError: It is not.
    """
    entries = as_record(content, what)
    for key in entries:
        if not isinstance(key, str):
            raise InvalidInputError(f"{what}: expected names, got {kind_of(key)}; is this the published file?")
    return entries


def field(record: dict[str, Any], name: str, kind: type[Any], what: str) -> Any:
    """``record[name]`` if it is of that kind.

    Raises:
        InvalidInputError: It is not.
    """
    value = record.get(name)
    if type(value) is kind:
        return value
    raise InvalidInputError(
        f"{what}: expected {name!r} ({kind.__name__}), got {kind_of(value)}; "
        "is this the published file, in a version that this package reads?"
    )


def number(value: object, what: str) -> float:
    """A number of Python or NumPy as a float.

    Raises:
        InvalidInputError: Anything else.
    """
    if isinstance(value, int | float | np.integer | np.floating):
        try:
            return float(value)
        except OverflowError:
            pass
    raise InvalidInputError(f"{what}: expected a number, got {kind_of(value)}; is this the published file?")


def kind_of(value: object) -> str:
    """What came, for a message; containers can be huge and are only named."""
    if value is None:
        return "nothing"
    return repr(value)[:60] if isinstance(value, str | int | float) else type(value).__name__
