"""What every text form shares: batches of strings, and messages that stay short."""

import difflib
from collections.abc import Collection, Sequence

from surrogate_nas.core import InvalidInputError

#: Longest quotation of a user's text in a message.
MAX_QUOTED = 80


def shorten(text: object) -> str:
    """Quote a value on one line, cut to a length that fits a message."""
    quoted = repr(text[: MAX_QUOTED + 1] if isinstance(text, str | bytes) else text)
    return quoted if len(quoted) <= MAX_QUOTED + 2 else f"{quoted[:MAX_QUOTED]}...'"


def malformed(text: str, expected: str, got: str, remedy: str) -> InvalidInputError:
    """The error for a text that does not follow its space's form.

    Args:
        text: The whole text of one architecture.
        expected: What should have stood there.
        got: What stands there.
        remedy: What to do about it.
    """
    return InvalidInputError(f"architecture {shorten(text)}: expected {expected}, got {got}; {remedy}")


def unknown_operation(text: str, name: str, known: Collection[str]) -> InvalidInputError:
    """The error for a text that names an operation which its space does not have."""
    near = difflib.get_close_matches(name[:MAX_QUOTED], known, n=1)
    remedy = f"did you mean {near[0]!r}?" if near else "use one of these names"
    return malformed(text, f"an operation among {', '.join(known)}", shorten(name), remedy)


def check_name(name: object, what: str) -> None:
    """Check that something has a name.

    Args:
        name: What the user gave.
        what: What it names, for the message.

    Raises:
        InvalidInputError: Not a text, or an empty one.
    """
    if not isinstance(name, str) or not name:
        raise InvalidInputError(f'{what}: expected a name, got {shorten(name)}; write name = "..."')


def check_names(names: Sequence[str], reserved: str) -> None:
    """Check that names of operations can be told apart, also inside a text.

    Args:
        names: Names of the operations of a space.
        reserved: Characters with a meaning in its text form.

    Raises:
        InvalidInputError: No name, a name twice, or one that a text could not hold.
    """
    if not names:
        raise InvalidInputError("operations: expected at least one, got none")
    for i, name in enumerate(names):
        if not name or name in names[:i] or name in ("input", "output") or set(name) & {*reserved, *" \t\n"}:
            raise InvalidInputError(
                f"operation {i}: expected a name of its own, not 'input' or 'output', without blanks and any of "
                f"{reserved}, got {shorten(name)}; rename it"
            )


def texts_of(texts: str | Sequence[str], space: str) -> list[str]:
    """One string or many as a list.

    Args:
        texts: What the user gave.
        space: Name of the space, for the message.

    Raises:
        InvalidInputError: Something else than strings.
    """
    if isinstance(texts, str):
        return [texts]
    try:
        out = list(texts)
    except TypeError:
        raise InvalidInputError(
            f"architectures of space {space!r}: expected a string or a list of strings, got {type(texts).__name__}"
        ) from None
    for i, text in enumerate(out):
        if not isinstance(text, str):
            raise InvalidInputError(
                f"architecture {i}: expected a string, got {type(text).__name__} {shorten(text)}; "
                "rows of integers need no parsing"
            )
    return out
