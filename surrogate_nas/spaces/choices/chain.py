"""Chains of layers as spaces of choices: equal positions, layers of several kinds, multilayer perceptrons."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np

from surrogate_nas.core import InvalidInputError
from surrogate_nas.spaces.choices.choice import Choice, Conditions, Limit, Options, expanded
from surrogate_nas.spaces.choices.space import ChoiceSpace
from surrogate_nas.spaces.operations import Operation
from surrogate_nas.spaces.skeleton import Skeleton

#: Length of the sequences that the layers of a chain read: windows of 128 readings are what the best known
#: data sets of body-worn sensors are cut into (2.56 seconds at 50 Hz).
SEQUENCE_LENGTH = 128


@final
@dataclass(frozen=True)
class Total:
    """A bound on what the options of all positions add up to.

    Attributes:
        amounts: How much an option brings, wherever it is chosen; options that are not named bring nothing.
        least: Smallest total; None for no bound.
        most: Largest total; None for no bound.
    """

    amounts: Mapping[str | float, int]
    least: int | None = None
    most: int | None = None


@final
@dataclass(frozen=True)
class Parameter:
    """One number or word that specifies a layer.

    Attributes:
        name: Name of the gene, before the number of the layer.
        options: What to choose from.
        sets: What it says about the operation, see :class:`Choice`.
        log: Whether numbers are compared by ratio.
    """

    name: str
    options: Options
    sets: str = ""
    log: bool = True


@final
@dataclass(frozen=True)
class Layer:
    """One kind of layer that a chain can have.

    Attributes:
        operation: What all layers of this kind have in common; its name opens the text, e.g. ``conv(64,3)``.
        parameters: What is chosen for each layer, in the order of the text.
        after: Names of the kinds that it may follow; None for all. The first layer follows none.
        divides: Name of the parameter by which it divides the length of what it reads; "" where it keeps it.
    """

    operation: Operation
    parameters: Sequence[Parameter] = ()
    after: Sequence[str] | None = None
    divides: str = ""


def sequence_space(
    name: str,
    options: Options,
    length: int | tuple[int, int],
    operations: Operation | Sequence[Operation | None],
    skeleton: Skeleton,
    *,
    sets: str = "",
    totals: Sequence[Total] = (),
    prefix: str = "",
    separator: str = "",
    suffix: str = "",
    position: str = "layer",
    stages: Sequence[int] = (),
    references: Mapping[str, str] | None = None,
) -> ChoiceSpace:
    """A space of sequences whose positions all have the same options.

    Args:
        name: Name of the space.
        options: What each position chooses from, as written in texts.
        length: Number of positions, or the smallest and the largest one.
        operations: The operation of each option, or one that all share.
        skeleton: What stands around the sequence.
        sets: What numbers say about the operation, see :class:`Choice`.
        totals: Bounds on sums over all positions.
        prefix: Text in front of the first position.
        separator: Text between two positions.
        suffix: Text behind the last one.
        position: Name of the genes, before their number.
        stages: Lengths of the stages whose first position alone changes width or resolution: behind it an identity
            may stand anywhere in the stage without changing the network. None for positions that all differ.
        references: Hand-made architectures by name, in text form.
    """
    least, most = (length, length) if isinstance(length, int) else length
    if not 1 <= least <= most:
        raise InvalidInputError(f"length: expected 1 <= least <= most, got {least} and {most}; swap or raise them")
    names = [f"{position} {i}" for i in range(1, most + 1)]
    choices = [
        Choice(
            gene,
            options,
            optional=i >= least,
            when={names[i - 1]: None} if i > least else {},
            before=separator if i else "",
            operations=operations,
            sets=sets,
        )
        for i, gene in enumerate(names)
    ]
    limits = [Limit({gene: total.amounts for gene in names}, total.least, total.most) for total in totals]
    if stages and (sum(stages) != least or least != most):
        raise InvalidInputError(f"stages: expected lengths that add up to {least} positions, got {list(stages)}")
    ends = np.cumsum(stages).tolist()
    groups = [names[end - n + 1 : end] for n, end in zip(stages, ends, strict=True) if n > 2]
    return ChoiceSpace(
        name,
        choices,
        skeleton,
        limits=limits,
        prefix=prefix,
        suffix=suffix,
        interchangeable=groups,
        references=references,
    )


def chain_space(
    name: str,
    layers: Sequence[Layer],
    n_layers: int,
    skeleton: Skeleton,
    *,
    length: int = SEQUENCE_LENGTH,
    separator: str = "-",
    references: Mapping[str, str] | None = None,
) -> ChoiceSpace:
    """A space of chains of one to ``n_layers`` layers of several kinds, such as ``conv(64,3)-pool(2)-dense(128)``.

    Orders that no network can have are not valid: a layer stands only behind the kinds that it may follow, and
    the product of all divisors is at most ``length``, because rounding down at each division leaves at least
    one position exactly as long as that holds.

    Args:
        name: Name of the space.
        layers: The kinds of layers.
        n_layers: Largest number of layers.
        skeleton: What stands around the chain.
        length: Length of what the first layer reads.
        separator: Text between two layers.
        references: Hand-made architectures by name, in text form.
    """
    if n_layers < 1:
        raise InvalidInputError(f"n_layers: expected at least 1, got {n_layers}; a chain without layers is no network")
    kinds = [layer.operation.name for layer in layers]
    choices: list[Choice] = []
    divisors: dict[str, Mapping[str | float, int]] = {}
    for i in range(1, n_layers + 1):
        gene, previous = f"kind {i}", f"kind {i - 1}"
        needs: dict[str, Conditions] = {
            layer.operation.name: {previous: layer.after} for layer in layers if i > 1 and layer.after is not None
        }
        choices.append(
            Choice(
                gene,
                kinds,
                optional=i > 1,
                when={previous: None} if i > 1 else {},
                needs=needs,
                before=separator if i > 1 else "",
                operations=[layer.operation for layer in layers],
            )
        )
        for layer in layers:
            choices += _parameters(layer, gene, i)
            divisors |= {
                f"{p.name} {i}": {option: int(option) for option in expanded(p.options)}
                for p in layer.parameters
                if p.name == layer.divides
            }
    limits = [Limit(divisors, most=length, product=True)] if divisors else []
    return ChoiceSpace(name, choices, skeleton, limits=limits, references=references)


def _parameters(layer: Layer, gene: str, i: int) -> list[Choice]:
    last = len(layer.parameters) - 1
    return [
        Choice(
            f"{p.name} {i}",
            p.options,
            when={gene: (layer.operation.name,)},
            before="," if k else "(",
            after=")" if k == last else "",
            refines=gene,
            sets=p.sets,
            log=p.log,
        )
        for k, p in enumerate(layer.parameters)
    ]


def mlp_space(
    name: str,
    widths: Options,
    n_layers: int,
    activations: Sequence[Operation],
    normalisations: Sequence[Operation],
    dropouts: Sequence[float],
    skeleton: Skeleton,
    *,
    references: Mapping[str, str] | None = None,
) -> ChoiceSpace:
    """A space of multilayer perceptrons, such as ``64-128-32 relu batch dropout(0.1)``.

    Every layer has a width of its own; activation, normalisation and dropout are the same in all.

    Args:
        name: Name of the space.
        widths: What each layer chooses its width from, ascending; a geometric grid suits :meth:`ChoiceSpace.relax`.
        n_layers: Largest number of hidden layers; at least one there is.
        activations: What follows each linear layer; kind "none" for nothing.
        normalisations: What stands between a linear layer and its activation; kind "none" for nothing.
        dropouts: Rates behind each activation, ascending; 0 for nothing.
        skeleton: What stands around the layers.
        references: Hand-made architectures by name, in text form.
    """
    if n_layers < 1:
        raise InvalidInputError(f"n_layers: expected at least 1, got {n_layers}; a perceptron has hidden layers")
    linear = Operation("linear", "linear", 0, True, 1.0)
    drops = [
        Operation(f"dropout({rate})", "dropout", traits=(("rate", float(rate)),), settings=(("rate", float(rate)),))
        if rate
        else None
        for rate in dropouts
    ]
    layers = [f"width {i}" for i in range(1, n_layers + 1)]
    choices = [
        Choice(
            gene,
            widths,
            optional=i > 0,
            when={layers[i - 1]: None} if i > 0 else {},
            before="-" if i else "",
            operations=linear,
            sets="width",
        )
        for i, gene in enumerate(layers)
    ]
    choices += [
        Choice("activation", [op.name for op in activations], before=" ", operations=activations),
        Choice("normalisation", [op.name for op in normalisations], before=" ", operations=normalisations),
        Choice("dropout", dropouts, before=" dropout(", after=")", operations=drops, log=False),
    ]
    nodes = [
        node for gene in layers for node in (gene, ("normalisation", gene), ("activation", gene), ("dropout", gene))
    ]
    return ChoiceSpace(name, choices, skeleton, nodes=nodes, references=references)
