"""What a space of choices is declared with: the choices, and limits on what they add up to."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import final

import numpy as np
import numpy.typing as npt

from surrogate_nas.core import InvalidInputError
from surrogate_nas.spaces.operations import Operation
from surrogate_nas.spaces.text import check_name, shorten

#: Earlier choices, each with those of its options that permit something; None = any, as long as it is made at all.
#: A single option may stand without a list.
Conditions = Mapping[str, Sequence[str | float] | None]

#: What to choose from: words, numbers, or whole numbers as a table of ``first``, ``last`` and perhaps ``step``.
Options = Sequence[str | float] | Mapping[str, int]

#: ``sets=KERNEL`` is an attribute of operations of its own; every other word names a trait.
KERNEL = "kernel"

#: Rows are int16, and 0 may mean "not there".
MAX_OPTIONS = 2**15 - 2


@final
@dataclass(frozen=True)
class Choice:
    """One decision about an architecture: one gene of its row.

    A choice that is always made has values 0 to k - 1. One that is optional or stands under a condition
    has 1 to k, and 0 says that it is not made.

    Attributes:
        name: Name of the gene, e.g. "filters 3".
        options: What to choose from, as written in texts. Numbers, in ascending order, make the choice ordinal;
            ``{"first": 16, "last": 256}`` stands for all whole numbers between.
        optional: Whether it may be left out where it could be made.
        when: What has to be chosen before, for this choice to be made; all conditions hold together.
        needs: For single options what has to be chosen before.
        before: Text in front of the chosen option.
        after: Text behind it.
        operations: The operation that each option stands for, None for no node in the graph; or one that all
            options share, told apart by their names.
        refines: Name of an earlier choice whose operation this one specifies further.
        sets: What a number says about the operation: "kernel", or the name of a trait such as "width", which is
            scaled to 0..1 over the options; "" for nothing but the name.
        log: Whether numbers are compared by ratio (widths) rather than by difference.
    """

    name: str
    options: Options
    optional: bool = False
    when: Conditions = field(default_factory=dict)
    needs: Mapping[str, Conditions] = field(default_factory=dict)
    before: str = ""
    after: str = ""
    operations: Operation | Sequence[Operation | None] | None = None
    refines: str = ""
    sets: str = ""
    log: bool = True

    def __post_init__(self) -> None:
        check_name(self.name, "choice")
        what = f"choice {self.name!r}"
        object.__setattr__(self, "options", expanded(self.options))
        object.__setattr__(self, "when", conditions(self.when, f"{what}, when"))
        if not isinstance(self.needs, Mapping):
            raise InvalidInputError(
                f"{what}, needs: expected a table of options, each with a table of earlier choices, got "
                f"{shorten(self.needs)}; write needs = {{ option = {{ choice = [options of it] }} }}"
            )
        needs = {option: conditions(given, f"{what}, needs of {option}") for option, given in self.needs.items()}
        object.__setattr__(self, "needs", needs)
        self._check()

    @cached_property
    def texts(self) -> tuple[str, ...]:
        """Options as texts."""
        return tuple(str(option) for option in self.options)

    @cached_property
    def levels(self) -> npt.NDArray[np.float64] | None:
        """Options as numbers, float64 of shape (options,); None where they are no numbers."""
        if not all(isinstance(o, int | float) and not isinstance(o, bool) for o in self.options):
            return None
        return np.array(self.options, dtype=np.float64)

    @property
    def first(self) -> int:
        """Gene value of the first option: 1 where 0 says that the choice is not made."""
        return int(self.optional or bool(self.when))

    @property
    def cardinality(self) -> int:
        """Number of gene values."""
        return self.first + len(self.texts)

    @property
    def scaled(self) -> npt.NDArray[np.float64]:
        """Numbers of an ordinal choice on a scale from 0 to 1; shape (options,)."""
        if self.levels is None or len(self.levels) < 2:
            return np.zeros(len(self.texts))
        values = np.log(self.levels) if self.log and self.levels[0] > 0 else self.levels
        return (values - values[0]) / (values[-1] - values[0])

    def operation(self, option: int) -> Operation | None:
        """The operation of an option by its number, before others refine it; None where it has none."""
        if self.operations is None or isinstance(self.operations, Operation):
            return self.operations
        found = self.operations[option]
        return None if found is None or found.kind == "none" else found

    def value(self, option: str | float, what: str) -> int:
        """Gene value of an option.

        Args:
            option: As declared.
            what: Who asks, for the message.

        Raises:
            InvalidInputError: There is no such option.
        """
        found = self._numbers.get(str(option))
        if found is None:
            raise InvalidInputError(
                f"{what}: expected options of choice {self.name!r} ({listing(self.texts)}), got {shorten(option)}"
            )
        return self.first + found

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {text: i for i, text in enumerate(self.texts)}

    def _check(self) -> None:
        what = f"choice {self.name!r}"
        if not 0 < len(self.texts) <= MAX_OPTIONS or len(set(self.texts)) < len(self.texts) or "" in self.texts:
            raise InvalidInputError(
                f"{what}: expected 1 to {MAX_OPTIONS:,} different options that are not empty, got "
                f"{listing(self.texts) or 'none'}; use optional=True for nothing"
            )
        if any("\n" in text for text in (*self.texts, self.before, self.after)):
            raise InvalidInputError(f"{what}: expected texts of one line, got a line break; drop it")
        if self.levels is not None and not (np.diff(self.levels) > 0).all():
            raise InvalidInputError(
                f"{what}: expected numbers in ascending order, got {listing(self.texts)}; sort them"
            )
        if self.sets == KERNEL and (self.levels is None or (self.levels != np.round(self.levels)).any()):
            raise InvalidInputError(f"{what}: expected whole numbers to set a kernel, got {listing(self.texts)}")
        if (self.operations is None) == (not self.refines):
            raise InvalidInputError(
                f"{what}: expected either operations or the name of a choice that it refines, got "
                f"{'both' if self.refines else 'neither'}; a graph has to show every choice: write "
                'operations = { name = "...", kind = "..." }, or a list with one for each option, or refines = "..." '
                "with the name of an earlier choice"
            )
        if self.operations is not None and not isinstance(self.operations, Operation):
            object.__setattr__(self, "operations", tuple(self.operations))
            if len(self.operations) != len(self.texts):
                raise InvalidInputError(
                    f"{what}: expected one operation for each of {len(self.texts)} options, got {len(self.operations)}"
                )
            silent = sum(self.operation(i) is None for i in range(len(self.texts))) + self.optional
            if silent > 1:
                raise InvalidInputError(
                    f"{what}: expected at most one way to have no operation, got {silent}, optional=True included; "
                    "their graphs are the same"
                )
        for option in self.needs:
            self.value(option, f"{what}, needs")


@final
@dataclass(frozen=True)
class Limit:
    """A bound on what the options of several choices add up to, or multiply to.

    Attributes:
        amounts: By choice and option how much it brings: 0 or more where added, 1 or more where multiplied.
            Options that are not named bring nothing.
        least: Smallest total of a valid row; None for no bound.
        most: Largest total of a valid row; None for no bound.
        product: Whether amounts are multiplied.
    """

    amounts: Mapping[str, Mapping[str | float, int]]
    least: int | None = None
    most: int | None = None
    product: bool = False

    def __post_init__(self) -> None:
        smallest = int(self.product)
        for name, amounts in self.amounts.items():
            for option, amount in amounts.items():
                if int(amount) != amount or amount < smallest:
                    raise InvalidInputError(
                        f"limit on choice {name!r}: expected whole numbers of at least {smallest}, got "
                        f"{shorten(amount)} for option {shorten(option)}"
                    )

    def broken_by(self, chosen: Mapping[str, str]) -> str:
        """What this limit expects and what there is instead; "" where the options of a row keep it.

        Args:
            chosen: The chosen option, as text, of each choice that is made.
        """
        known = {name: {str(o): amount for o, amount in amounts.items()} for name, amounts in self.amounts.items()}
        brought = [known[name][text] for name, text in chosen.items() if text in known.get(name, {})]
        total = math.prod(brought) if self.product else sum(brought)
        if (self.least is None or total >= self.least) and (self.most is None or total <= self.most):
            return ""
        bounds = (("at least", self.least), ("at most", self.most))
        bounded = " and ".join(f"{word} {bound}" for word, bound in bounds if bound is not None)
        kind = "product" if self.product else "sum"
        rates = dict.fromkeys(
            f"{text} brings {amount}" for amounts in known.values() for text, amount in amounts.items()
        )
        return f"a {kind} of {bounded} over {listing(tuple(known))} ({listing(tuple(rates))}), got {total}"


def expanded(options: Options) -> tuple[str | float, ...]:
    """Options one by one.

    Args:
        options: A sequence, or a table of ``first``, ``last`` and ``step``.

    Raises:
        InvalidInputError: A table with other keys, or words where a sequence is expected.
    """
    if isinstance(options, Mapping):
        if not {"first", "last"} <= set(options) <= {"first", "last", "step"}:
            raise InvalidInputError(f"options: expected first, last and perhaps step, got {shorten(dict(options))}")
        return tuple(range(options["first"], options["last"] + 1, options.get("step", 1)))
    if isinstance(options, str):
        raise InvalidInputError(f"options: expected a list of options, got the text {shorten(options)}")
    return tuple(options)


def conditions(given: object, what: str) -> Conditions:
    """What has to be chosen before, each with a sequence of options or None.

    Args:
        given: A table; a single option may stand without a list.
        what: Where it stands, for the message.

    Raises:
        InvalidInputError: Not a table.
    """
    if not isinstance(given, Mapping):
        raise InvalidInputError(
            f"{what}: expected a table of earlier choices, each with those of its options that permit this one, got "
            f'{shorten(given)}; write {{ choice = ["option"] }}'
        )
    return {name: (found,) if isinstance(found, str | int | float) else found for name, found in given.items()}


def listing(texts: Sequence[str], longest: int = 120) -> str:
    """Options for a message: all, or the first and the last ones."""
    full = ", ".join(texts)
    return full if len(full) <= longest else f"{', '.join(texts[:3])[:longest]}, ..., {texts[-1][:longest]}"
