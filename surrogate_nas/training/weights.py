"""Trained weights on disk: safetensors, which are data and never run."""

from collections.abc import Mapping
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn

from surrogate_nas.core import InvalidInputError
from surrogate_nas.core.atomic import write_atomically


def write_weights(path: str | Path, weights: Mapping[str, Tensor], about: Mapping[str, str]) -> None:
    """Write weights; the file appears complete or not at all.

    Args:
        path: The file.
        weights: Tensors by name.
        about: What is written beside them.

    Raises:
        InvalidInputError: The disk is full, or the place cannot be written to.
    """
    content = save({name: tensor.detach().cpu().contiguous() for name, tensor in weights.items()}, dict(about))
    write_atomically(Path(path), lambda target: target.write_bytes(content))


def read_weights(path: str | Path, network: nn.Module) -> None:
    """Give a network the weights in a file.

    Args:
        path: The file.
        network: Changed.

    Raises:
        InvalidInputError: The file cannot be read, or its weights are of another network.
    """
    try:
        weights = load(Path(path).read_bytes())
    except OSError as error:
        raise InvalidInputError(f"weights file {str(path)!r}: cannot be read ({error.strerror})") from None
    except SafetensorError:
        raise InvalidInputError(f"weights file {str(path)!r}: expected safetensors, got something else") from None
    there, here = ({name: tuple(t.shape) for name, t in state.items()} for state in (weights, network.state_dict()))
    for name in {**here, **there}:
        if there.get(name) != here.get(name):
            raise InvalidInputError(
                f"weights file {str(path)!r}: expected the weights of this network, with {name} of shape "
                f"{here.get(name, '(absent)')}, got {there.get(name, '(absent)')}; take the architecture and "
                "the recipe that were trained"
            )
    network.load_state_dict(weights)
