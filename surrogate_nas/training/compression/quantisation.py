"""Weights of 8 bits.

Linear layers become dynamically quantised ones of torch: 8-bit weights, inputs quantised batch by batch, products of
whole numbers. torch has no such convolutions; their weights become whole numbers of 8 bits times a scale per filter,
kept as such on disk and computed with as floating-point numbers: smaller files, nothing quicker.

torch 2.13 still has ``torch.ao.quantization.quantize_dynamic`` and says that a later version will not, in favour of a
package of its own (torchao); the warnings are passed over here, and an error says so where it is gone.
"""

import warnings
from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd

from surrogate_nas.core import InvalidInputError

#: The largest whole number of 8 bits that has an opposite.
_LARGEST = 127

#: Scale of a filter whose weights are all zero.
_TINY = 1e-30

#: Buffer of a convolution whose weights are whole numbers times this.
_SCALE = "weight_scale"


def quantise(network: nn.Module) -> nn.Module:
    """Quantise a trained network to 8 bits, for the CPU and evaluation alone.

    Args:
        network: It stays as it is.

    Raises:
        InvalidInputError: This version of torch cannot do it.
    """
    plain = deepcopy(network).cpu().eval()
    try:
        from torch.ao.quantization import per_channel_dynamic_qconfig, quantize_dynamic

        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*(deprecated|quantize_per).*")
            quantised: nn.Module = quantize_dynamic(plain, {nn.Linear: per_channel_dynamic_qconfig}, dtype=torch.qint8)
    except (ImportError, AttributeError, RuntimeError) as error:
        raise InvalidInputError(
            f"quantise: expected a torch with dynamic quantisation of linear layers, got {torch.__version__} "
            f"({' '.join(str(error).split()):.80}); take a version up to 2.13"
        ) from None
    for module in quantised.modules():
        if isinstance(module, _ConvNd):
            scale = (module.weight.detach().flatten(1).abs().amax(1) / _LARGEST).clamp(min=_TINY)
            module.register_buffer(_SCALE, scale)
            module.weight = nn.Parameter(_whole(module).float() * _per_filter(module), requires_grad=False)
    return quantised


def stored(network: nn.Module) -> dict[str, Tensor]:
    """What has to be kept of a network, quantised or not: tensors by name, weights of 8 bits as int8.

    Args:
        network: Any.
    """
    found: dict[str, Tensor] = {}
    for name, module in network.named_modules():
        prefix = f"{name}." if name else ""
        if _dynamic(module):
            found |= {prefix + key: tensor for key, tensor in _whole_numbers(module).items()}
        else:
            own = {**dict(module.named_parameters(recurse=False)), **dict(module.named_buffers(recurse=False))}
            if _SCALE in own:
                own["weight"] = _whole(module)
            found |= {prefix + key: tensor.detach() for key, tensor in own.items()}
    return found


def _whole(convolution: Any) -> Tensor:
    """Weights as whole numbers of 8 bits."""
    return (convolution.weight.detach() / _per_filter(convolution)).round().to(torch.int8)


def _per_filter(convolution: Any) -> Tensor:
    """Scale of each filter; it broadcasts over weights."""
    return convolution.get_buffer(_SCALE).view(-1, *(1,) * (convolution.weight.ndim - 1))


def _dynamic(module: Any) -> bool:
    return callable(getattr(module, "weight", None)) and callable(getattr(module, "bias", None))


def _whole_numbers(linear: Any) -> dict[str, Tensor]:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*(deprecated|quantize_per).*")
        weight, bias = linear.weight(), linear.bias()
        parts = {"weight": weight.int_repr(), "scale": weight.q_per_channel_scales().float()}
    return parts if bias is None else parts | {"bias": bias.detach()}
