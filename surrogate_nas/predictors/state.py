"""The protocol by which fitted objects are written down: plain values, arrays, boosters, parts."""

from dataclasses import dataclass, field
from typing import Any, Protocol, Self, runtime_checkable

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class State:
    """Everything a fitted object needs to give the same predictions again.

    Attributes:
        values: What JSON can hold: numbers, text, booleans, None, lists and dicts of them.
        arrays: numpy arrays by name, restored bit for bit.
        boosters: XGBoost models by name, in their own UBJ format.
        parts: Nested objects by name: anything :class:`Stateful`, a search space, or None.
    """

    values: dict[str, Any] = field(default_factory=dict)
    arrays: dict[str, npt.NDArray[Any]] = field(default_factory=dict)
    boosters: dict[str, bytes] = field(default_factory=dict)
    parts: dict[str, Any] = field(default_factory=dict)


@runtime_checkable
class Stateful(Protocol):
    """An object that can write itself down and be made again; its class is allow-listed in ``saving.py``."""

    def get_state(self) -> State:
        """What has to be written down."""
        ...

    @classmethod
    def from_state(cls, state: State) -> Self:
        """Make the object again."""
        ...


def as_float64(array: Any) -> npt.NDArray[np.float64]:
    """The array as float64, contiguous."""
    return np.ascontiguousarray(array, dtype=np.float64)
