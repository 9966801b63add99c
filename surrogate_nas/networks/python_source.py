"""A network as Python source that needs torch alone: classes that a person can read and change.

Every module that is not torch's own becomes a class of its own, with the layers that it holds and the forward pass that
``torch.fx`` sees in it; equal ones share a class. Names of parts stay, so that weights fit as they are.
"""

import inspect
import re
import textwrap
from collections.abc import Sequence
from itertools import groupby
from typing import final

from torch import fx, nn

from surrogate_nas.core import InvalidInputError

#: Longest call that stays on one line.
_LINE = 100

#: Arguments of convolutions and poolings that one number says for all axes.
_PER_AXIS = frozenset({"kernel_size", "stride", "padding", "dilation"})

_FILE = '''"""{title}

    network = load()  # with the weights beside this file, ready to predict
"""

from pathlib import Path

import torch
from torch import nn


{classes}


def load(weights=None):
    """Build the network and read its weights, from the file beside this one if no other is named."""
    network = {name}()
    network.load_state_dict(torch.load(weights or Path(__file__).with_suffix(".pt"), weights_only=True))
    return network.eval()
'''


def python_source(network: nn.Module, input_shape: Sequence[int]) -> str:
    """Write a module whose ``load()`` gives an equal network.

    Args:
        network: Any network that computes the same whatever the values of its input are.
        input_shape: Shape of one input without the batch, to be named in the file.

    Raises:
        InvalidInputError: What a part computes depends on values, so that it cannot be written down.
    """
    classes = _Classes()
    name = classes.name_of(network, "Network")
    shape = ", ".join(("n", *map(str, input_shape)))
    title = f"A network that reads ({shape}); written by surrogate_nas, needs torch alone."
    return _FILE.format(title=title, classes="\n\n\n".join(classes.written), name=name)


@final
class _Classes:
    """The classes of one file, each after those that it uses."""

    def __init__(self) -> None:
        self.written: list[str] = []
        self._names: dict[str, str] = {}
        self._taken: set[str] = set()

    def name_of(self, module: nn.Module, name: str) -> str:
        """Name of the class that a module is an object of; the class is written if there is no equal one."""
        parts = [f"self.{key} = {self.expression(child)}" for key, child in module.named_children()]
        for key, tensor in module.named_parameters(recurse=False):
            parts.append(f"self.{key} = nn.Parameter(torch.empty({tuple(tensor.shape)}))")
        for key, buffer in module.named_buffers(recurse=False):
            parts.append(f'self.register_buffer("{key}", torch.empty({tuple(buffer.shape)}, dtype={buffer.dtype}))')
        about = (inspect.getdoc(type(module)) or name).split("\n")[0]
        made = "\n".join(["def __init__(self):", *(textwrap.indent(p, "    ") for p in ("super().__init__()", *parts))])
        body = "\n\n".join([f'"""{about}"""', *[made] * bool(parts), _forward(module)])
        if body not in self._names:
            number = next(i for i in range(1, len(self._taken) + 2) if _numbered(name, i) not in self._taken)
            self._names[body] = _numbered(name, number)
            self._taken.add(self._names[body])
            self.written.append(f"class {self._names[body]}(nn.Module):\n{textwrap.indent(body, '    ')}")
        return self._names[body]

    def expression(self, module: nn.Module) -> str:
        """What makes a module."""
        kind = type(module)
        if kind is nn.ModuleDict:
            pairs = [f'"{key}": {self.expression(child)}' for key, child in module.named_children()]
            return _call("nn.ModuleDict({", pairs, "})") if pairs else "nn.ModuleDict()"
        if isinstance(module, nn.Sequential | nn.ModuleList):
            runs = [(text, len(list(run))) for text, run in groupby([self.expression(child) for child in module])]
            parts = [text if n == 1 else f"*[{text} for _ in range({n})]" for text, n in runs]
            around = ("[", "]") if kind is nn.ModuleList else ("", "")
            return _call(f"nn.{kind.__name__}({around[0]}", parts, f"{around[1]})")
        if kind.__module__.startswith("torch.nn."):
            return _call(f"nn.{kind.__name__}(", _arguments(module), ")")
        return f"{self.name_of(module, kind.__name__)}()"


def _numbered(name: str, number: int) -> str:
    return name if number == 1 else f"{name}{number}"


def _call(head: str, parts: Sequence[str], tail: str) -> str:
    line = f"{head}{', '.join(parts)}{tail}"
    if len(line) <= _LINE and "\n" not in line:
        return line
    return "\n".join([head, *(textwrap.indent(f"{part},", "    ") for part in parts), tail])


def _arguments(module: nn.Module) -> list[str]:
    """Arguments of one of torch's layers: required ones by place, others by name where they are not the default."""
    found = []
    for key, parameter in inspect.signature(type(module)).parameters.items():
        if key in ("device", "dtype") or parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        value = getattr(module, key)
        if key == "bias":
            value = value is not None
        if isinstance(value, tuple) and len(set(value)) == 1 and key in _PER_AXIS and hasattr(module, "kernel_size"):
            value = value[0]
        if parameter.default is parameter.empty:
            found.append(repr(value))
        elif value != parameter.default:
            found.append(f"{key}={value!r}")
    return found


class _ChildrenAreLeaves(fx.Tracer):
    proxy_buffer_attributes = True  # or what is computed from buffers alone would be a constant without a name

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return True


def _forward(module: nn.Module) -> str:
    """Source of a forward pass."""
    try:
        graph = _ChildrenAreLeaves().trace(module)
        source = graph.python_code("self").src.strip()
    except (fx.proxy.TraceError, TypeError, NotImplementedError) as error:
        raise InvalidInputError(
            f"{type(module).__name__}: expected a part that computes the same whatever the values of its input are, "
            f"got another ({' '.join(str(error).split()):.120}); export it as torch-export"
        ) from None
    source = re.sub(r";  [\w ]+(?: = \w+)* = None", "", source)
    source = re.sub(r"(?: : [\w.\[\]]+(?=[,)]))|(?: -> [\w.\[\]]+(?=:))", "", source)
    while (found := re.search(r'getattr\((self[\w.\[\]"]*), "(\w+)"\)', source)) is not None:
        holder = module.get_submodule(".".join(re.findall(r"\w+", found[1])[1:]))
        key = f'["{found[2]}"]' if isinstance(holder, nn.ModuleDict) else f"[{found[2]}]"
        source = source.replace(found[0], f"{found[1]}{key}")
    source = re.sub(r"\[\(([^\[\]]*slice\([^\[\]]*)\)\]", r"[\1]", source)
    source = re.sub(r"slice\((\w+), (\w+), (\w+)\)", _slice, source)
    return re.sub(r"\b(\w+) = (-?\w+)(?=[,)])", r"\1=\2", source)


def _slice(found: re.Match[str]) -> str:
    start, stop, step = ("" if part == "None" else part for part in found.groups())
    return f"{start}:{stop}:{step}" if step else f"{start}:{stop}"
