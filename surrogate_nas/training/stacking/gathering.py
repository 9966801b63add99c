"""Slots of several tensors brought together in one, summed where several belong into one slot.

Never by a product with zeros and ones: NaN times zero is NaN, and a network that diverged must not touch the others.
"""

from collections.abc import Sequence
from typing import Any, final

import torch
from torch import Tensor

from surrogate_nas.training.stacking.schedule import Gather


@final
class Gathering:
    """A :class:`~surrogate_nas.training.stacking.schedule.Gather` that can be called, forwards and backwards.

    Three kernels at most in either direction, however many slots there are, and always the same order of sums.
    """

    def __init__(self, gather: Gather, widths: Sequence[int], device: torch.device) -> None:
        """Prepare the indices.

        Args:
            gather: Where slots come from.
            widths: Slots of every wide value.
            device: Where the values are.
        """
        self.sources = gather.sources
        self.widths = [widths[source] for source in gather.sources]
        total = sum(self.widths)
        readers: list[list[int]] = [[] for _ in range(total)]
        for slot, summed in enumerate(gather.index):
            for source in summed:
                if source >= 0:
                    readers[source].append(slot)
        self.forwards = _Index([[s for s in summed if s >= 0] for summed in gather.index], total, device)
        self.backwards = _Index(readers, len(gather.index), device)
        self.trivial = len(self.sources) == 1 and self.forwards.identity

    def __call__(self, values: Sequence[Tensor | None]) -> Tensor:
        """Bring slots together: values (b, slots, ...) of equal form -> (b, n, ...)."""
        read = [value for source in self.sources if (value := values[source]) is not None]
        if self.trivial:
            return read[0]
        result: Tensor = _Gathered.apply(self, *read)
        return result


@final
class _Index:
    """Sums of slots, as one index: the first addends of all sums, then the second ones ..."""

    def __init__(self, summed: Sequence[Sequence[int]], total: int, device: torch.device) -> None:
        self.n = len(summed)
        self.most = max(1, *map(len, summed))
        #: Whether a slot of zeros is needed, one behind all others.
        self.padded = any(len(addends) < self.most for addends in summed)
        padded = [[*addends, *[total] * (self.most - len(addends))] for addends in summed]
        self.identity = padded == [[slot] for slot in range(total)]
        self.at = torch.tensor(padded, device=device).T.flatten()
        self.zero = torch.zeros((), device=device)

    def __call__(self, tensors: Sequence[Tensor]) -> Tensor:
        like = tensors[0]
        if self.padded:
            tensors = [*tensors, self.zero.to(like.dtype).expand_as(like[:, :1])]
        whole = torch.cat([*tensors], dim=1) if len(tensors) > 1 else like
        if self.identity:
            return whole
        taken = whole.index_select(1, self.at)
        return taken if self.most == 1 else taken.unflatten(1, (self.most, self.n)).sum(1)


class _Gathered(torch.autograd.Function):
    @staticmethod
    def forward(gathering: Gathering, *tensors: Tensor) -> Tensor:
        return gathering.forwards(tensors)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        ctx.gathering, ctx.types = inputs[0], [tensor.dtype for tensor in inputs[1:]]

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        parts = ctx.gathering.backwards([grad]).split(ctx.gathering.widths, dim=1)
        return (None, *(part.to(kind) for part, kind in zip(parts, ctx.types, strict=True)))
