"""What a network computes, written down as calls of layers: the networks' own ``forward`` is run once and watched.

So whatever family a network is of, and whatever is changed in how networks are built, nothing has to be told here.
"""

import copy
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from typing import Any, final

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from surrogate_nas.networks.dropout import Dropout
from surrogate_nas.networks.graph_operations import GRAPH_OPERATIONS

#: Layers that draw random numbers while they are trained.
RANDOM = (Dropout, nn.Dropout)

#: Layers with children that are called as a whole.
WHOLE: Any = tuple(GRAPH_OPERATIONS.values())

#: Attributes of a module that say nothing about what it computes.
_IRRELEVANT = frozenset({"training"})


class Unstackable(Exception):  # noqa: N818 (not an error: such networks are trained one after the other)
    """A network computes something that cannot be computed for several networks at once."""


@dataclass(frozen=True)
class Call:
    """One step of a network.

    Attributes:
        block: Number of the part of the network, in the order in which these are called.
        what: Two calls of equal ``what`` compute the same function, up to their weights. The class of a layer or the
            name of a function comes first.
        args: Numbers of the values that are read; 0 is the network's input, and call c makes value c + 1.
        module: Name of the layer, "" where none is called.
        after: Number of a call that has to come before for the sake of the order of random numbers; -1 for none.
        pure: Whether it is a function of one value, without weights and random numbers.
    """

    block: int
    what: tuple[Any, ...]
    args: tuple[int, ...]
    module: str = ""
    after: int = -1
    pure: bool = False


@dataclass(frozen=True)
class Program:
    """What a network computes.

    Attributes:
        calls: In an order in which they can be done.
        outputs: Numbers of the values that the network gives.
    """

    calls: tuple[Call, ...]
    outputs: tuple[int, ...]


def trace(network: nn.Module, x: Tensor, *more: Any) -> Program:
    """Write down what a network computes.

    Args:
        network: Not changed. One with an auxiliary classifier (a method ``both_logits``) gives both answers.
        x: Some input, float of shape (2, ...), on the CPU.
        *more: What else it is called with.

    Raises:
        Unstackable: It does something to its values that is not known here.
    """
    watched = copy.deepcopy(network).cpu().eval()
    tracer = _Tracer(x)
    for name, module in _leaves(watched):
        vars(module)["forward"] = partial(tracer.leaf, name, module, module.forward)
    for part in watched.children():
        for block in part.children() if isinstance(part, nn.Sequential | nn.ModuleList) else ():
            block.register_forward_pre_hook(tracer.enter)
    answer = getattr(watched, "both_logits", watched)
    with torch.no_grad(), tracer:
        answers = answer(x, *more)
    given = [a for a in (answers if isinstance(answers, tuple) else (answers,)) if a is not None]
    return _sums_joined(Program(tuple(tracer.calls), tuple(tracer.number(a) for a in given)))


@final
class _Tracer(TorchFunctionMode):
    """Sees every function of torch that is called on a tensor; layers come here by their ``forward``."""

    def __init__(self, x: Tensor) -> None:
        super().__init__()
        self.calls: list[Call] = []
        self.inside = False
        self.block = 0
        # Values by identity; they are kept, so that no identity is used twice.
        self._numbers, self._kept = {id(x): 0}, [x]
        self._stacks: dict[int, tuple[int, ...]] = {}
        self._known: dict[tuple[Hashable, ...], Tensor] = {}
        self._last_random = -1
        self._called: set[str] = set()

    def number(self, value: Tensor) -> int:
        if id(value) not in self._numbers:
            raise Unstackable("a network gives something that it did not compute from its input")
        return self._numbers[id(value)]

    def enter(self, *_: Any) -> None:
        """The next block begins."""
        self.block += 1

    def leaf(self, name: str, module: nn.Module, forward: Any, x: Tensor, *more: Any) -> Tensor:
        """Stands in the place of a layer's ``forward``."""
        self.inside = True
        try:
            result: Tensor = forward(x, *more)
            random = isinstance(module, RANDOM)
            if result is x and random:
                result = x.clone()
        finally:
            self.inside = False
        if result is x:
            return x
        if has_state := any(True for _ in chain(module.parameters(), module.buffers())):
            if name in self._called:
                raise Unstackable(f"layer {name} is called twice")
            self._called.add(name)
        what = (type(module), _settings(module), tuple(x.shape[1:]))
        if random or has_state:
            return self._record(
                Call(self.block, what, (self.number(x),), name, self._last_random if random else -1), result
            )
        return self._once(Call(self.block, what, (self.number(x),), name), result)

    def __torch_function__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        result = func(*args, **kwargs)
        if self.inside or not isinstance(result, Tensor):
            return result
        read = [a for a in _flat([*args, *kwargs.values()]) if isinstance(a, Tensor)]
        if func is torch.stack and len(args) == 1 and not kwargs:
            self._kept.append(result)
            self._stacks[id(result)] = tuple(map(self.number, read))
        elif func is torch.Tensor.sum and id(args[0]) in self._stacks and args[1:] == (0,):
            return self._once(Call(self.block, ("sum", tuple(result.shape[1:])), self._stacks[id(args[0])]), result)
        elif func is torch.Tensor.add and len(read) == 2:
            return self._once(Call(self.block, ("sum", tuple(result.shape[1:])), tuple(map(self.number, read))), result)
        elif func is torch.cat and (args[1:], kwargs) in (((), {"dim": 1}), ((), {"dim": -1}), ((1,), {})):
            shapes = tuple(tuple(a.shape[1:]) for a in read)
            if any(len(s) > 1 for s in shapes) and kwargs.get("dim") == -1:
                raise Unstackable("values are concatenated along an axis that is not theirs alone")
            return self._once(Call(self.block, ("concatenate", shapes), tuple(map(self.number, read))), result)
        elif func is torch.relu:
            return self._once(Call(self.block, (nn.ReLU, (), tuple(result.shape[1:])), (self.number(read[0]),)), result)
        elif func is torch.Tensor.__getitem__ and (slices := _slices(args[1])):
            return self._once(
                Call(self.block, ("slice", slices, tuple(args[0].shape[1:])), (self.number(args[0]),)), result
            )
        elif func is torch.Tensor.expand and args[1] in (-1, len(args[0])):
            sizes = tuple(result.shape[1:])
            return self._once(
                Call(self.block, ("expand", sizes, tuple(args[0].shape[1:])), (self.number(args[0]),)), result
            )
        elif func in (torch.Tensor.new_zeros, torch.zeros_like):
            return self._once(Call(self.block, ("zeros", tuple(result.shape[1:])), (self.number(args[0]),)), result)
        elif read:
            raise Unstackable(f"{getattr(func, '__name__', func)} is not known for several networks at once")
        return result

    def _once(self, call: Call, result: Tensor) -> Tensor:
        """What has been computed from the same values before is not computed again."""
        call = replace(call, pure=len(call.args) == 1)
        if (known := self._known.get((call.what, call.args))) is not None:
            return known
        self._known[call.what, call.args] = result
        return self._record(call, result)

    def _record(self, call: Call, result: Tensor) -> Tensor:
        if call.what[0] in RANDOM:
            self._last_random = len(self.calls)
        self.calls.append(call)
        self._kept.append(result)
        self._numbers[id(result)] = len(self.calls)
        return result


def _leaves(network: nn.Module) -> list[tuple[str, nn.Module]]:
    """Modules that are called as a whole; each once, also where it stands in several places."""
    found: list[tuple[str, nn.Module]] = []
    inside: tuple[str, ...] = ()
    for name, module in network.named_modules():
        if name.startswith(inside) and inside:
            continue
        if isinstance(module, WHOLE):
            inside = (*inside, f"{name}.")
            found.append((name, module))
        elif not any(True for _ in module.children()):
            found.append((name, module))
    return found


def _settings(module: nn.Module) -> tuple[tuple[str, Hashable], ...]:
    """All plain attributes of a module and the shapes of its weights."""
    plain = {
        name: value
        for name, value in vars(module).items()
        if not name.startswith("_") and name not in _IRRELEVANT and _is_plain(value)
    }
    shapes = {
        f"{name} of shape": tuple(t.shape) for name, t in chain(module.named_parameters(), module.named_buffers())
    }
    return tuple(sorted((plain | shapes).items()))


def _is_plain(value: Any) -> bool:
    if isinstance(value, tuple):
        return all(map(_is_plain, value))
    return value is None or isinstance(value, bool | int | float | str)


def _flat(values: Sequence[Any]) -> list[Any]:
    return [v for value in values for v in (_flat(value) if isinstance(value, list | tuple) else [value])]


def _slices(index: Any) -> tuple[tuple[int | None, ...], ...]:
    """An index of slices that takes all samples, axis by axis; empty for any other index."""
    if not isinstance(index, tuple) or not all(isinstance(i, slice) for i in index) or index[0] != slice(None):
        return ()
    return tuple((i.start, i.stop, i.step) for i in index)


def _sums_joined(program: Program) -> Program:
    """A sum that is read by one other sum alone becomes part of it, in the order of the addends."""
    uses = Counter(chain(program.outputs, *(call.args for call in program.calls)))
    uses_in_sums = Counter(chain.from_iterable(call.args for call in program.calls if call.what[0] == "sum"))
    kept: list[Call] = []
    at: dict[int, int] = {0: 0}
    addends: dict[int, tuple[int, ...]] = {}
    for v, call in enumerate(program.calls, start=1):
        args: tuple[int, ...] = tuple(chain.from_iterable(addends[a] if a in addends else (at[a],) for a in call.args))
        if call.what[0] == "sum" and uses[v] == uses_in_sums[v] == 1:
            addends[v] = args
            continue
        kept.append(replace(call, args=args, after=at[call.after + 1] - 1))
        at[v] = len(kept)
    return Program(tuple(kept), tuple(at[v] for v in program.outputs))
