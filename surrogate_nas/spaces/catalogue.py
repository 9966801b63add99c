"""The spaces that come with the package, by name: one file in ``definitions/`` each."""

from functools import cache
from os import PathLike
from pathlib import Path

from surrogate_nas.core import InvalidInputError, choose
from surrogate_nas.spaces.base import SearchSpace
from surrogate_nas.spaces.definition import CATALOGUE, define_space


def get_space(name: "str | PathLike[str]") -> SearchSpace:
    """Return the space of that name, the same object each time; or the one that a TOML file defines.

    Args:
        name: One of :func:`list_spaces`, or the path of a ``.toml`` file; see :func:`define_space`.

    Raises:
        UnknownNameError: No space has that name.
        InvalidInputError: The file does not define a space.
    """
    if isinstance(name, PathLike) or str(name).endswith(".toml"):
        return define_space(name)
    choose("space", name, _definitions())
    return _build(name)


def as_space(space: "SearchSpace | str | PathLike[str]") -> SearchSpace:
    """Accept a space, its name, or the path of its definition.

    Raises:
        InvalidInputError: Anything else.
    """
    if isinstance(space, SearchSpace):
        return space
    if isinstance(space, str | PathLike):
        return get_space(space)
    raise InvalidInputError(f"space: expected a search space, its name or its .toml file, got {type(space).__name__}")


def list_spaces() -> list[str]:
    """Names that :func:`get_space` knows."""
    return list(_definitions())


@cache
def _definitions() -> dict[str, Path]:
    return {path.stem: path for path in sorted(CATALOGUE.glob("*.toml"), key=lambda path: path.stem)}


@cache
def _build(name: str) -> SearchSpace:
    return define_space(_definitions()[name])
