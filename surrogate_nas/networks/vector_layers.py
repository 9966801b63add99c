"""Layers of vectors, and those that are the same for vectors and maps: activations, normalisations, dropout."""

from torch import nn

from surrogate_nas.core import InvalidInputError, choose
from surrogate_nas.networks.form import Form
from surrogate_nas.spaces import Operation

#: Activations by name: as with operations on graphs, the name says which function it is.
ACTIVATIONS: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU,
    "leaky_relu": nn.LeakyReLU,
    "elu": nn.ELU,
    "selu": nn.SELU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "swish": nn.SiLU,
    "mish": nn.Mish,
    "hardswish": nn.Hardswish,
    "softplus": nn.Softplus,
    "sigmoid": nn.Sigmoid,
    "tanh": nn.Tanh,
}


def make_activation(op: Operation) -> nn.Module:
    """The function of an operation of kind "activation".

    Raises:
        UnknownNameError: Its name is not one of :data:`ACTIVATIONS`.
    """
    return choose("activation", op.name, ACTIVATIONS)()


def make_normalisation(op: Operation, form: Form | None, width: int) -> nn.Module:
    """Batch normalisation; with the trait "per_sample" one over all that belongs to a sample.

    Args:
        op: An operation of kind "normalisation".
        form: What it normalises: maps of this form, or vectors where it is None.
        width: Channels, or numbers of a vector.
    """
    if form is None:
        return nn.LayerNorm(width) if op.trait("per_sample") else nn.BatchNorm1d(width)
    return nn.GroupNorm(1, width) if op.trait("per_sample") else form.normalisation(width)


def make_dropout(op: Operation) -> nn.Module:
    """Dropout at the setting "rate"."""
    rate = op.setting("rate", 0.5)
    if rate >= 1:
        raise InvalidInputError(f"operation {op.name!r}, rate: expected a number from 0 to below 1, got {rate:g}")
    return nn.Dropout(rate)
