"""What every text form shares: batches of strings, and messages that stay short."""

from collections.abc import Sequence

from surrogate_nas.core import InvalidInputError

#: Longest quotation of a user's text in a message.
MAX_QUOTED = 80


def shorten(text: object) -> str:
    """Quote a value on one line, cut to a length that fits a message."""
    quoted = repr(text[: MAX_QUOTED + 1] if isinstance(text, str | bytes) else text)
    return quoted if len(quoted) <= MAX_QUOTED + 2 else f"{quoted[:MAX_QUOTED]}...'"


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
