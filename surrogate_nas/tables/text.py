"""Architectures as text, with the place of the first one that cannot be read."""

from collections.abc import Sequence

from surrogate_nas.core import InvalidInputError
from surrogate_nas.spaces.base import Rows, SearchSpace
from surrogate_nas.tables.checks import Where, row_number


def parse_architectures(space: SearchSpace, texts: Sequence[object], where: Where = row_number) -> Rows:
    """Parse all texts at once; if that fails, say where the first bad one stands.

    Args:
        space: Space of the architectures.
        texts: One text per architecture.
        where: Names a row in messages.

    Raises:
        InvalidInputError: A text is missing or does not follow the space's form.
    """
    for i, text in enumerate(texts):
        if not isinstance(text, str) or not text:
            raise InvalidInputError(f"{where(i)}: expected an architecture as text, got {text!r:.80}")
    strings = [str(t) for t in texts]
    try:
        return space.parse(strings)
    except InvalidInputError:
        low, high = 0, len(strings)  # the first bad text stands in strings[low:high]
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if _fails(space, strings[low:middle]) else (middle, high)
        try:
            space.parse(strings[low])
        except InvalidInputError as error:
            raise InvalidInputError(f"{where(low)}: {error}") from None
        raise


def _fails(space: SearchSpace, texts: list[str]) -> bool:
    try:
        space.parse(texts)
    except InvalidInputError:
        return True
    return False
