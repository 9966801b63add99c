"""The text form of a space of choices: what stands around the chosen options, one after the other.

A text is read from left to right along the automaton, so that a message can name the options that
would have led to a valid architecture at the place where the text goes wrong.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple, final

import numpy as np

from surrogate_nas.core import InvalidInputError
from surrogate_nas.spaces.choices.choice import Choice, Limit, listing
from surrogate_nas.spaces.choices.counting import Automaton, Rows
from surrogate_nas.spaces.text import MAX_QUOTED, malformed, shorten

#: More options than this, if they are whole numbers, are recognised as a number and then looked up.
MAX_ALTERNATIVES = 64


class _Reader(NamedTuple):
    """One choice, as plain lists: a text is read one by one."""

    pattern: re.Pattern[str]
    values: dict[str, int]
    active: list[bool]
    optional: bool
    runs: list[int]
    next: list[list[int]]


@final
class TextForm:
    """How rows of one space are written and read."""

    def __init__(
        self, choices: Sequence[Choice], limits: Sequence[Limit], automaton: Automaton, prefix: str, suffix: str
    ) -> None:
        """Prepare the tables.

        Args:
            choices: One per gene.
            limits: What totals have to keep, for messages.
            automaton: The valid rows.
            prefix: Text in front of the first choice.
            suffix: Text behind the last one.
        """
        self.choices, self.limits, self.automaton = choices, limits, automaton
        self.prefix, self.suffix = prefix, suffix
        self._pieces = [
            [""] * choice.first + [f"{choice.before}{text}{choice.after}" for text in choice.texts]
            for choice in choices
        ]
        self._readers = [
            _Reader(
                _pattern(choice),
                {text: choice.first + i for i, text in enumerate(choice.texts)},
                step.active.tolist(),
                choice.optional,
                step.run_of.tolist(),
                step.next.tolist(),
            )
            for choice, step in zip(choices, automaton.steps, strict=True)
        ]

    def write(self, X: Rows) -> list[str]:
        """Texts of valid rows."""
        parts = [[pieces[value] for value in column] for pieces, column in zip(self._pieces, X.T.tolist(), strict=True)]
        return [self.prefix + "".join(row) + self.suffix for row in zip(*parts, strict=True)]

    def read(self, text: str) -> list[int]:
        """Row of a text.

        Raises:
            InvalidInputError: It does not follow the form; the message shows where.
        """
        try:
            return self._read(text)
        except InvalidInputError as error:
            if text == text.strip():
                raise InvalidInputError(f"{error}{self._broken(text)}") from None
        return self.read(text.strip())  # blanks around it do no harm

    def _broken(self, text: str) -> str:
        """The limit that a text breaks which follows the form but for that, to end a message with."""
        if not self.limits:
            return ""
        unlimited = Automaton(self.automaton.name, self.choices, ())
        try:
            row = TextForm(self.choices, (), unlimited, self.prefix, self.suffix).read(text)
        except InvalidInputError:
            return ""  # something else is wrong
        chosen = {c.name: c.texts[v - c.first] for c, v in zip(self.choices, row, strict=True) if v >= c.first}
        broken = (limit.broken_by(chosen) for limit in self.limits)
        return next((f"; limit: expected {rule}" for rule in broken if rule), "")

    def _read(self, text: str) -> list[int]:
        if not text.startswith(self.prefix):
            raise self._error(text, 0, [repr(self.prefix)])
        at, state, row = len(self.prefix), 0, []
        left_out: list[tuple[int, int]] = []  # the choice, and its state, that could have stood at this place
        for gene, (pattern, values, active, optional, runs, following) in enumerate(self._readers):
            value = 0
            if active[state]:
                match = pattern.match(text, at)
                if match is not None:
                    value = values.get(match[1], -1)
                if (match is None and not optional) or value < 0 or following[state][runs[value]] < 0:
                    raise self._error(text, at, [self._expected(*place) for place in (*left_out, (gene, state))])
                if match is None:
                    left_out = [(gene, state)]
                else:
                    at, left_out = match.end(), []
            row.append(value)
            state = following[state][runs[value]]
        if text[at : at + len(self.suffix)] != self.suffix or len(text) > at + len(self.suffix):
            end = f"{self.suffix!r} and nothing more" if self.suffix else "nothing more"
            raise self._error(text, at, [*(self._expected(*place) for place in left_out), end])
        return row

    def _expected(self, gene: int, state: int) -> str:
        """What valid architectures have at a place."""
        choice, reader = self.choices[gene], self._readers[gene]
        options = [t for t, value in reader.values.items() if reader.next[state][reader.runs[value]] >= 0]
        around = " ".join(
            f"{word} {shorten(text)}" for word, text in (("after", choice.before), ("before", choice.after)) if text
        )
        places = f" ({around})" if around else ""
        return f"{'one' if options else 'none'} of {listing(options or choice.texts)}{places} as {choice.name}"

    def _error(self, text: str, at: int, expected: list[str]) -> InvalidInputError:
        rest = text[at : at + 2 * MAX_QUOTED]
        got = f"{shorten(rest)} at position {at}" if rest else "the end of the text"
        return malformed(text, " or ".join(expected), got, f"write it like {self._example}")

    @property
    def _example(self) -> str:
        """A valid text: one from the middle, or the very first, which is often shorter."""
        positions = np.array([self.automaton.size // 2, 0], dtype=self.automaton.dtype)
        middle, first = self.write(self.automaton.rows_at(positions))
        return middle if len(middle) <= MAX_QUOTED else first[:150]


def _pattern(choice: Choice) -> re.Pattern[str]:
    if len(choice.texts) > MAX_ALTERNATIVES and all(t.isascii() and t.isdecimal() for t in choice.texts):
        body = "[0-9]{1,9}"
    else:  # the longest first: "k3_e1_g2" before "k3_e1"
        body = "|".join(re.escape(t) for t in sorted(choice.texts, key=len, reverse=True))
    return re.compile(f"{re.escape(choice.before)}({body}){re.escape(choice.after)}")
