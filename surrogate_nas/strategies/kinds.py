"""Whether parameters are of the kind that their annotations say."""

from collections.abc import Callable, Mapping, Sequence
from math import isfinite
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

import numpy as np

from surrogate_nas.core import InvalidInputError

#: What an option holds, in words.
KINDS = {bool: "true or false", int: "a whole number", float: "a number", str: "text"}


def kinds_of(annotation: Any) -> tuple[Any, ...]:
    """What an annotation allows, one by one."""
    return get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)


def check_kinds(owner: str, annotations: Mapping[str, Any], values: Mapping[str, Any]) -> None:
    """Raise an error for values of another kind than annotated: most come from a command line, a file or a slip.

    Args:
        owner: Whose parameters they are, for the message.
        annotations: By name.
        values: By name, each with an annotation.

    Raises:
        InvalidInputError: A value is of another kind; numbers have to be finite.
    """
    for name, value in values.items():
        kinds = kinds_of(annotations[name])
        if not any(_fits(kind, value) for kind in kinds):
            wanted = " or ".join(dict.fromkeys(_words(kind) for kind in kinds if kind is not NoneType))
            raise InvalidInputError(f"{owner}: {name}: expected {wanted}, got {value!r:.80}")


def is_plain(annotation: Any) -> bool:
    """Whether it can be told of every value whether it is of this kind."""
    return all(
        kind in (bool, int, float, str, NoneType) or get_origin(kind) in (Literal, Callable)
        for kind in kinds_of(annotation)
    )


def _fits(kind: Any, value: Any) -> bool:
    """Whether a value is of a kind, as far as that can be told."""
    if kind is NoneType or value is None:
        return kind is NoneType and value is None
    if kind in (bool, str):
        return isinstance(value, kind)
    if kind in (int, float):
        number = isinstance(value, int | np.integer) or (kind is float and isinstance(value, float | np.floating))
        return number and not isinstance(value, bool) and isfinite(value)
    origin = get_origin(kind)
    if origin is Literal:
        return any(value == choice for choice in get_args(kind))
    if origin is Sequence:
        return isinstance(value, Sequence | np.ndarray) and not isinstance(value, str)
    if origin is Callable:
        return callable(value)
    return not isinstance(value, bool | int | float | str | list | dict)


def _words(kind: Any) -> str:
    origin = get_origin(kind)
    if origin is Literal:
        return " or ".join(repr(choice) for choice in get_args(kind))
    if origin is Sequence:
        return "a list"
    return KINDS.get(kind) or ("a function" if origin is Callable else "an object, made in Python")
