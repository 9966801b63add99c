"""Weights on disk in as few bytes as they need: zeros cost a bit each, 8-bit weights a byte.

The file is safetensors. A tensor with many zeros is written as a map of bits and the other values.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from surrogate_nas.core import InvalidInputError
from surrogate_nas.core.atomic import write_atomically

_BITS, _VALUES, _SHAPE = ".nonzero", ".values", ".shape"


def packed(weights: Mapping[str, Tensor]) -> bytes:
    """Content of a file of weights.

    Args:
        weights: Tensors by name.
    """
    return save({name: t.contiguous() for key, tensor in weights.items() for name, t in _packed(key, tensor.cpu())})


def write_packed(path: str | Path, weights: Mapping[str, Tensor]) -> int:
    """Write weights and return how many bytes they take.

    Args:
        path: The file.
        weights: Tensors by name.

    Raises:
        InvalidInputError: The disk is full, or the place cannot be written to.
    """
    content = packed(weights)
    write_atomically(Path(path), lambda target: target.write_bytes(content))
    return len(content)


def read_packed(path: str | Path) -> dict[str, Tensor]:
    """Read what :func:`write_packed` wrote.

    Args:
        path: The file.

    Raises:
        InvalidInputError: The file cannot be read, or is none of weights.
    """
    try:
        content = load(Path(path).read_bytes())
        sparse = {name.removesuffix(_BITS): name for name in content if name.endswith(_BITS)}
        whole = {name: tensor for name, tensor in content.items() if name.rpartition(".")[0] not in sparse}
        return whole | {name: _unpacked(content, name) for name in sparse}
    except OSError as error:
        raise InvalidInputError(f"weights file {str(path)!r}: cannot be read ({error.strerror})") from None
    except (SafetensorError, KeyError, RuntimeError, ValueError):
        raise InvalidInputError(f"weights file {str(path)!r}: expected packed weights, got something else") from None


def _packed(name: str, tensor: Tensor) -> list[tuple[str, Tensor]]:
    nonzero = tensor.flatten() != 0
    bits = torch.from_numpy(np.packbits(nonzero.numpy()))
    values = tensor.flatten()[nonzero]
    shape = torch.tensor(tensor.shape, dtype=torch.int64)
    size = tensor.element_size()
    # Names and shapes take some bytes as well: small tensors stay as they are.
    if len(bits) + size * len(values) + 8 * tensor.ndim + 200 >= size * tensor.numel():
        return [(name, tensor)]
    return [(name + _BITS, bits), (name + _VALUES, values), (name + _SHAPE, shape)]


def _unpacked(content: Mapping[str, Tensor], name: str) -> Tensor:
    shape = content[name + _SHAPE].tolist()
    values = content[name + _VALUES]
    flat = torch.zeros(int(np.prod(shape)), dtype=values.dtype)
    bits = np.unpackbits(content[name + _BITS].numpy(), count=len(flat)).astype(bool)
    flat[torch.from_numpy(bits)] = values
    return flat.view(shape)
