"""Networks as files that run elsewhere."""

import copy
import logging
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from os import PathLike
from pathlib import Path
from typing import Any

import torch
from torch import nn

from surrogate_nas.core import InvalidInputError, MissingExtraError, choose
from surrogate_nas.core.atomic import write_atomically
from surrogate_nas.networks.graph_cell import GraphCellNetwork
from surrogate_nas.networks.python_source import python_source

#: Batch, or nodes of a graph, that an export is made with; any other number can be computed with it.
EXAMPLES = 2


def export_network(
    network: nn.Module, input_shape: int | Sequence[int], path: "str | PathLike[str]", format: str = "torch-export"
) -> Path:
    """Write a network to a file that does not need this package, as it predicts (without dropout).

    * "torch-export": a program of ``torch.export``, ``.pt2``; read it with ``torch.export.load(path).module()``
    * "torchscript": traced TorchScript, ``.pt``, also for C++; ``torch.jit.load(path)``
    * "onnx": ``.onnx``, for other runtimes; writing it needs the extra onnx; ``onnxruntime.InferenceSession(path)``
    * "python": source that a person can read, ``.py``, with the weights beside it in ``.pt``; call its ``load()``

    Args:
        network: A network, on any device; it is left as it is.
        input_shape: Shape of one input without the batch, as in :func:`~surrogate_nas.networks.build_network`. The
            batch may have any size afterwards.
        path: Where the file shall stand; its name ends as above.
        format: One of the above. Networks on graphs can be written as torch-export only; the program is called with
            (x, edge_index).

    Returns:
        The path.

    Raises:
        InvalidInputError: The network cannot be written in that format, or the place cannot be written to.
        UnknownNameError: No such format.
        MissingExtraError: A package that the format needs is missing.
    """
    suffix, write = choose("format", format, FORMATS)
    target = Path(path)
    if target.suffix != suffix:
        raise InvalidInputError(f"path: expected a name that ends in {suffix} for {format}, got {target.name!r}")
    shape = (input_shape,) if isinstance(input_shape, int) else tuple(int(length) for length in input_shape)
    on_graphs = isinstance(network, GraphCellNetwork)
    if on_graphs and write is not _torch_export:
        raise InvalidInputError(f"format: expected 'torch-export' for a network on graphs, got {format!r}")
    if any(p.is_meta for p in network.parameters()):
        raise InvalidInputError("network: expected one with weights, got one on the device 'meta'; build it elsewhere")
    copied = copy.deepcopy(network).cpu().eval()
    examples: tuple[torch.Tensor, ...] = (torch.randn(EXAMPLES, *shape),)
    if on_graphs:
        examples += (torch.tensor([[0, 1, 1], [1, 0, 1]]),)
    write(copied, examples, target)
    return target


def _torchscript(network: nn.Module, examples: tuple[torch.Tensor, ...], path: Path) -> None:
    with torch.no_grad(), _silent():
        traced = torch.jit.trace(network, examples)
        write_atomically(path, lambda place: torch.jit.save(traced, str(place)))


def _torch_export(network: nn.Module, examples: tuple[torch.Tensor, ...], path: Path) -> None:
    program = torch.export.export(network, examples, dynamic_shapes=_dynamic(examples))

    def write(place: Path) -> None:
        with place.open("wb") as file:
            torch.export.save(program, file)

    write_atomically(path, write)


def _onnx(network: nn.Module, examples: tuple[torch.Tensor, ...], path: Path) -> None:
    for package in ("onnx", "onnxscript"):
        if find_spec(package) is None:
            raise MissingExtraError.of(package, "onnx", "export to ONNX")
    with _silent():
        program = torch.onnx.export(
            network,
            examples,
            dynamo=True,
            dynamic_shapes=_dynamic(examples),
            input_names=["input"],
            output_names=["output"],
            verbose=False,
        )
    if program is None:
        raise InvalidInputError("network: expected one that ONNX has operators for, got another")
    write_atomically(path, lambda place: program.save(str(place), external_data=False))


def _python(network: nn.Module, examples: tuple[torch.Tensor, ...], path: Path) -> None:
    source = python_source(network, examples[0].shape[1:])
    write_atomically(path.with_suffix(".pt"), lambda place: torch.save(network.state_dict(), place))
    write_atomically(path, lambda place: place.write_text(source, encoding="utf-8"))


@contextmanager
def _silent() -> Iterator[None]:
    """What torch says of its own insides, and of formats that it would rather not have, helps nobody here."""
    log = logging.getLogger("torch.onnx")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            for kind in (DeprecationWarning, FutureWarning):
                warnings.simplefilter("ignore", kind)
            yield
    finally:
        log.setLevel(level)


def _dynamic(examples: tuple[torch.Tensor, ...]) -> tuple[dict[int, Any], ...]:
    """Which axes of each input may have any length: the batch, or nodes and edges of a graph."""
    return tuple({axis: torch.export.Dim.DYNAMIC} for axis, _ in enumerate(examples))


Writer = Callable[[nn.Module, tuple[torch.Tensor, ...], Path], None]

#: Name -> how names of files end, and what writes (network, examples of its inputs, path).
FORMATS: dict[str, tuple[str, Writer]] = {
    "torch-export": (".pt2", _torch_export),
    "torchscript": (".pt", _torchscript),
    "onnx": (".onnx", _onnx),
    "python": (".py", _python),
}
