"""Operations and their attributes: the one description that all spaces share."""

import math
from dataclasses import dataclass, replace
from numbers import Integral, Real
from typing import Any

from surrogate_nas.core import InvalidInputError, UnknownNameError
from surrogate_nas.spaces.text import check_name, shorten

#: Kinds of operation, in a fixed order so that attribute vectors of different spaces line up. A "state" computes
#: nothing, but unlike an identity it is a node that matters: the output of an earlier cell, or a sum that is kept.
KINDS = (
    "input", "output", "identity", "none", "convolution", "pooling", "linear", "graph", "state",
    "activation", "normalisation", "dropout",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Operation:
    """One entry of an operation vocabulary.

    Attributes:
        name: Official name in its space, e.g. "nor_conv_3x3" or "gat".
        kind: One of :data:`KINDS`.
        kernel: Receptive field: kernel width, or hops on a graph; 0 where it sees one position only.
        has_weights: Whether it has trainable parameters.
        cost: Parameters relative to the cheapest weighted operation of its space at equal width.
        traits: Further attributes by name in [0, 1] (attention, normalised, separate self weight ...); encoders read
            them.
        settings: What networks are built with beyond that, by name, as numbers in their own units (width, kernel of
            each of several convolutions, expansion, groups, dilation, rate ...).
    """

    name: str
    kind: str
    kernel: int = 0
    has_weights: bool = False
    cost: float = 0.0
    traits: tuple[tuple[str, float], ...] = ()
    settings: tuple[tuple[str, float], ...] = ()

    def __post_init__(self) -> None:
        check_name(self.name, "operation")
        what = f"operation {self.name!r}"
        if self.kind not in KINDS:
            raise UnknownNameError.of(f"kind of {what}:", self.kind, KINDS)
        if not is_whole(self.kernel, 0):
            raise _unfit(what, "kernel", "a whole number of at least 0", self.kernel)
        weights: Any = self.has_weights
        if not isinstance(weights, bool):
            raise _unfit(what, "has_weights", "true or false", weights)
        if not is_number(self.cost, 0.0):
            raise _unfit(what, "cost", "a number of at least 0", self.cost)
        for trait, size in self.traits:
            if not is_number(size, 0.0, 1.0):
                raise _unfit(what, f"trait {trait!r}", "a number from 0 to 1", size)
        for setting, value in self.settings:
            if not is_number(value, 0.0):
                raise _unfit(what, f"setting {setting!r}", "a number of at least 0", value)

    def trait(self, name: str) -> bool:
        """Whether it has a trait, to more than a half."""
        return dict(self.traits).get(name, 0.0) > 0.5

    def setting(self, name: str, default: float = 0.0) -> float:
        """One of its settings."""
        return dict(self.settings).get(name, default)


def is_number(value: object, least: float, most: float = math.inf) -> bool:
    """Tell whether a value is a finite number between two bounds, both included."""
    if isinstance(value, bool) or not isinstance(value, Real):
        return False
    return least <= float(value) <= most and math.isfinite(value)


def is_whole(value: object, least: int) -> bool:
    """Tell whether a value is an integer of at least ``least``."""
    return isinstance(value, Integral) and is_number(value, least)


def _unfit(what: str, key: str, expected: str, got: object) -> InvalidInputError:
    return InvalidInputError(f"{what}, {key}: expected {expected}, got {shorten(got)}")


#: Setting of a convolution that stands where an identity has to change resolution or width.
PROJECTION = "projection"

INPUT = Operation("input", "input")
OUTPUT = Operation("output", "output")


def strided(op: Operation) -> Operation:
    """What an identity becomes where it has to change resolution or width: two 1x1 convolutions side by side."""
    settings = (*op.settings, (PROJECTION, 1.0))
    return replace(
        op, name=f"strided {op.name}", kind="convolution", kernel=1, has_weights=True, cost=1.0, settings=settings
    )
