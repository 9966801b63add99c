"""One family of errors; every message says what was expected, what came, and the remedy.

The command line prints the message of a :class:`SurrogateNASError` as one line and exits with
code 2, so a message never contains a line break.
"""

import difflib
from collections.abc import Mapping
from typing import TypeVar

T = TypeVar("T")


class SurrogateNASError(Exception):
    """Base of every error raised on purpose by this package."""

    def __str__(self) -> str:
        # KeyError and its kin would print the repr of the message.
        return " ".join(" ".join(str(a) for a in self.args).split())


class InvalidInputError(SurrogateNASError, ValueError):
    """A value, array or file is not what the function can work with."""


class UnknownNameError(SurrogateNASError, LookupError):
    """A name (space, table, task, column, strategy ...) is not among those that exist."""

    @classmethod
    def of(cls, kind: str, got: object, known: "list[str] | tuple[str, ...]") -> "UnknownNameError":
        """Build the standard message: the name that came, those that exist, the nearest one.

        Args:
            kind: What the name stands for, in the singular ("task", "space").
            got: The name that came.
            known: The names that exist.
        """
        near = difflib.get_close_matches(str(got), known, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        return cls(f"unknown {kind} {got!r}: expected one of {', '.join(known) or '(none)'}{hint}")


class SpaceExhaustedError(SurrogateNASError, RuntimeError):
    """No further architecture satisfies what was asked for."""


class MissingExtraError(SurrogateNASError, ImportError):
    """An optional package is needed; the message names the line that installs it."""

    @classmethod
    def of(cls, package: str, extra: str, purpose: str) -> "MissingExtraError":
        """Build the standard message.

        Args:
            package: The package that could not be imported.
            extra: The extra of this project that brings it.
            purpose: What it is needed for.
        """
        return cls(f"{purpose} needs {package}: pip install 'surrogate-nas[{extra}]'")


def choose(kind: str, name: str, options: Mapping[str, T]) -> T:
    """Return ``options[name]``, or raise the standard error that lists the names.

    Args:
        kind: What the name stands for, in the singular.
        name: The name asked for.
        options: What exists, by name.

    Raises:
        UnknownNameError: ``name`` is not a key of ``options``.
    """
    try:
        return options[name]
    except (KeyError, TypeError):
        raise UnknownNameError.of(kind, name, list(options)) from None
