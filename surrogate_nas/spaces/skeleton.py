"""How a network is built around a cell, as data: networks interpret it, no builder per space."""

from dataclasses import dataclass
from typing import Literal

InputKind = Literal["graph", "image", "sequence", "tabular"]
Merge = Literal["sum", "concatenate"]


@dataclass(frozen=True, slots=True)
class Skeleton:
    """Everything around the cell.

    Attributes:
        input_kind: What the network reads; decides stem and operations.
        stages: Cells per stage, e.g. (1,) for one cell, (5, 5, 5) for NAS-Bench-201.
        channels: Width of each stage.
        merge: How several inputs of one node meet.
        output_merge: How the nodes that feed the output meet.
        stem_layers: Layers between the input and the first cell.
        head_layers: Hidden layers between the last cell and the classifier.
        dropout: Dropout rate inside the cell.
        reduction: What stands between two stages ("" where there is one stage).
        strides: By how much each stage shrinks its input; empty where ``reduction`` says it.
        stem_width: Width of the stem; 0 takes the first stage's.
        head_width: Width of the layer before the classifier; 0 where there is none.
        cell: The cell that is repeated, in its own space's text form, where architectures vary only what
            stands around it.
    """

    input_kind: InputKind
    stages: tuple[int, ...] = (1,)
    channels: tuple[int, ...] = (64,)
    merge: Merge = "sum"
    output_merge: Merge = "sum"
    stem_layers: int = 0
    head_layers: int = 0
    dropout: float = 0.0
    reduction: str = ""
    strides: tuple[int, ...] = ()
    stem_width: int = 0
    head_width: int = 0
    cell: str = ""
