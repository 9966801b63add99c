"""How a network is built around a cell, as data: networks interpret it, no builder per space."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from surrogate_nas.core import InvalidInputError
from surrogate_nas.spaces.operations import is_number, is_whole
from surrogate_nas.spaces.text import shorten

InputKind = Literal["graph", "image", "sequence", "tabular"]
Merge = Literal["sum", "concatenate"]
OutputMerge = Literal["sum", "concatenate", "share"]
Activation = Literal["before", "after"]

_WORDS = {"input_kind": InputKind, "merge": Merge, "output_merge": OutputMerge, "activation": Activation}


@dataclass(frozen=True, slots=True)
class Skeleton:
    """Everything around the cell.

    Attributes:
        input_kind: What the network reads; decides stem and operations.
        stages: Cells per stage, e.g. (1,) for one cell, (5, 5, 5) for NAS-Bench-201.
        channels: Width of each stage.
        merge: How several inputs of one node meet.
        output_merge: How the nodes that feed the output meet; "share": they are concatenated, and the width of the
            cell is divided among them.
        activation: Where the activation of a convolution stands: "before" it (activation, convolution,
            normalisation), or "after" it (convolution, normalisation, activation).
        stem_layers: Layers between the input and the first cell.
        head_layers: Hidden layers between the last cell and the classifier.
        dropout: Dropout rate inside the cell.
        reduction: What stands between two stages ("" where there is one stage).
        strides: By how much each stage shrinks its input; empty where ``reduction`` says it.
        stem_width: Width of the stem; 0 takes the first stage's.
        stem_stride: By how much each layer of the stem shrinks its input.
        last_activation: Whether normalisation and activation stand between the last cell and what follows.
        head_width: Width of the layer before the classifier; 0 where there is none.
        cell: The cell that is repeated, in its own space's text form, where architectures vary only what
            stands around it.
        cell_space: Name of that space.
        auxiliary: Whether a second classifier reads the last stage's input, for its loss in training.
        flatten: Whether what reads a chain of convolutions gets all positions rather than their mean.
        width_factor: What all widths are multiplied by, those that operations set included.
        max_cells: At most so many cells in a stage; 0 for no bound. Architectures that are whole networks have all
            their layers.
    """

    input_kind: InputKind
    stages: tuple[int, ...] = (1,)
    channels: tuple[int, ...] = (64,)
    merge: Merge = "sum"
    output_merge: OutputMerge = "sum"
    activation: Activation = "before"
    stem_layers: int = 0
    head_layers: int = 0
    dropout: float = 0.0
    reduction: str = ""
    strides: tuple[int, ...] = ()
    stem_width: int = 0
    stem_stride: int = 1
    last_activation: bool = False
    head_width: int = 0
    cell: str = ""
    cell_space: str = ""
    auxiliary: bool = False
    flatten: bool = False
    width_factor: float = 1.0
    max_cells: int = 0

    def __post_init__(self) -> None:
        for key, words in _WORDS.items():
            if getattr(self, key) not in get_args(words):
                raise self._unfit(key, f"one of {', '.join(get_args(words))}")
        for key in ("stages", "channels", "strides"):
            if not _are_whole(getattr(self, key), least=1) or (key != "strides" and not getattr(self, key)):
                raise self._unfit(key, "a list of whole numbers of at least 1")
        for key in ("stem_layers", "head_layers", "stem_width", "head_width", "max_cells"):
            if not is_whole(getattr(self, key), 0):
                raise self._unfit(key, "a whole number of at least 0")
        if not is_whole(self.stem_stride, 1):
            raise self._unfit("stem_stride", "a whole number of at least 1")
        for key in ("reduction", "cell", "cell_space"):
            if not isinstance(getattr(self, key), str):
                raise self._unfit(key, "a text")
        for key in ("last_activation", "auxiliary", "flatten"):
            if not isinstance(getattr(self, key), bool):
                raise self._unfit(key, "true or false")
        if not is_number(self.dropout, 0.0, 1.0) or self.dropout == 1:
            raise self._unfit("dropout", "a number from 0 to below 1")
        if not is_number(self.width_factor, 0.0) or self.width_factor == 0:
            raise self._unfit("width_factor", "a number above 0")
        if len(self.channels) != len(self.stages) or len(self.strides) not in (0, len(self.stages)):
            raise InvalidInputError(
                f"skeleton: expected one width in channels for each of {len(self.stages)} stages, and as many strides "
                f"or none, got {len(self.channels)} channels and {len(self.strides)} strides"
            )

    def scaled(self, width: float) -> int:
        """A width times the factor, at least 1; 0 stays 0."""
        return max(1, round(width * self.width_factor)) if width else 0

    def _unfit(self, key: str, expected: str) -> InvalidInputError:
        return InvalidInputError(f"skeleton, {key}: expected {expected}, got {shorten(getattr(self, key))}")


def _are_whole(values: object, least: int) -> bool:
    """Tell whether these are whole numbers, in a sequence."""
    return isinstance(values, Sequence) and all(is_whole(value, least) for value in values)
