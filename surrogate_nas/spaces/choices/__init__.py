"""Sequences of choices, conditional ones too, under limits: chains of blocks, of layers, perceptrons."""

from surrogate_nas.spaces.choices.chain import Layer, Parameter, Total, chain_space, mlp_space, sequence_space
from surrogate_nas.spaces.choices.choice import Choice, Limit
from surrogate_nas.spaces.choices.space import ChoiceSpace

__all__ = [
    "Choice", "ChoiceSpace", "Layer", "Limit", "Parameter", "Total", "chain_space", "mlp_space", "sequence_space",
]  # fmt: skip
