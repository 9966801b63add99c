"""What was learned from other tasks, kept for as long as they are: seeds of one comparison learn it once."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from surrogate_nas.core import InvalidInputError
from surrogate_nas.spaces.base import SearchSpace

T = TypeVar("T")

_LEARNED: "WeakKeyDictionary[Any, dict[Any, Any]]" = WeakKeyDictionary()


def learned(learn: Callable[[SearchSpace, Any], T], space: SearchSpace, sources: Mapping[str, Any] | None) -> T:
    """``learn(space, sources)``; the second time from memory, where sources are handed over as one object.

    Args:
        learn: What is made of them: a class or function, not one made anew for each call.
        space: Space of the target.
        sources: Other tasks, as in ``MetaPredictor.fit``; never the one that is searched.

    Raises:
        InvalidInputError: There are no sources.
    """
    if not sources:
        raise InvalidInputError(
            "sources: expected other tasks to learn from, {task: (X, y)}, got none; sources_of(table, leave_out=task) "
            "takes them from a table, and compare() hands them over"
        )
    try:
        memory = _LEARNED.setdefault(sources, {})
    except TypeError:  # a plain dict is no key
        memory = {}
    if (learn, space) not in memory:
        memory[learn, space] = learn(space, sources)
    found: T = memory[learn, space]
    return found
