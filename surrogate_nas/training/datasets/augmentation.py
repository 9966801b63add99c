"""Changing samples at random while training, in ways that leave their classes as they are.

An augmentation is a pure function of a batch and a random stream, on whatever device the batch is; each sample draws
its own change. Batches are standardised, so that zero is the mean and one the usual spread. Draws are made on the
device of the generator: one on the CPU gives a GPU the numbers that it gives the CPU.

    augment = Augmentation(("crop", "flip"), "image")
    x, y = augment(x, y, generator)

Notation: b samples, c channels, (h, w) height and width, l steps of time.

References:
    [devries] T. DeVries, G. W. Taylor. Improved Regularization of Convolutional Neural Networks with Cutout.
        arXiv:1708.04552
    [zhang] H. Zhang, M. Cisse, Y. N. Dauphin, D. Lopez-Paz. mixup: Beyond Empirical Risk Minimization. ICLR 2018.
        arXiv:1710.09412
    [um] T. T. Um et al. Data Augmentation of Wearable Sensor Data for Parkinson's Disease Monitoring using
        Convolutional Neural Networks. ICMI 2017. arXiv:1706.00527
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, NamedTuple

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

from surrogate_nas.core import InvalidInputError, choose
from surrogate_nas.training.datasets.array_data import AXES, InputKind

#: Images are moved by up to an eighth of their size: the usual 4 pixels of 32.
_CROP = 8

#: Side of the square that is cut out, as a share of the image: 16 of 32 pixels [devries].
_CUTOUT = 0.5

#: Sequences are moved by up to a tenth of their length.
_SHIFT = 0.1

#: Speed of time: its logarithm is a curve through so many normal points of this spread [um].
_WARP_KNOTS, _WARP_SPREAD = 4, 0.2

#: Spread of a channel's factor and of the noise on each value, in units of standardised data [um].
_SCALE_SPREAD, _NOISE_SPREAD = 0.1, 0.05


def crop(x: Tensor, generator: Generator) -> Tensor:
    """Move each image (b, c, h, w) by up to an eighth of its size; what comes in from outside is zero."""
    h, w = x.shape[-2:]
    down, right = _margin(h), _margin(w)
    padded = F.pad(x, (right, right, down, down))
    rows = _starts(x, 2 * down, generator) + torch.arange(h, device=x.device)
    columns = _starts(x, 2 * right, generator) + torch.arange(w, device=x.device)
    sample = torch.arange(len(x), device=x.device)
    # Indices around a slice put the sliced axis, channels, last.
    return padded[sample[:, None, None], :, rows[:, :, None], columns[:, None, :]].movedim(-1, 1)


def flip(x: Tensor, generator: Generator) -> Tensor:
    """Mirror half of the images (b, c, h, w), left to right."""
    mirrored = _uniform(x, (len(x), 1, 1, 1), generator) < 0.5
    return torch.where(mirrored, x.flip(-1), x)


def cutout(x: Tensor, generator: Generator) -> Tensor:
    """Blank a square of half the side of each image (b, c, h, w), anywhere, also partly outside [devries]."""
    inside = []
    for size in x.shape[-2:]:
        centre = (_uniform(x, (len(x), 1), generator) * size).floor()
        inside.append((torch.arange(size, device=x.device) + 0.5 - centre).abs() < _CUTOUT * size / 2)
    blank = inside[0][:, None, :, None] & inside[1][:, None, None, :]
    return x.masked_fill(blank, 0.0)


def shift(x: Tensor, generator: Generator) -> Tensor:
    """Move each sequence (b, c, l) in time by up to a tenth of its length; its ends are held."""
    length = x.shape[-1]
    most = max(1, round(_SHIFT * length))
    steps = _starts(x, 2 * most, generator) - most + torch.arange(length, device=x.device)
    return _at(x, steps.clamp(0, length - 1))


def warp(x: Tensor, generator: Generator) -> Tensor:
    """Let time run faster and slower along each sequence (b, c, l), between the same ends [um]."""
    length = x.shape[-1]
    knots = _WARP_SPREAD * _normal(x, (len(x), 1, _WARP_KNOTS), generator).float()  # 16 bits do not count to 1,000
    speed = F.interpolate(knots, size=max(1, length - 1), mode="linear", align_corners=True).squeeze(1).exp()
    time = F.pad(speed.cumsum(-1), (1, 0))[:, :length]
    time = time / time[:, -1:].clamp_min(torch.finfo(time.dtype).tiny) * (length - 1)
    before = time.floor().clamp(0, max(0, length - 2)).long()
    after = (before + 1).clamp(max=length - 1)
    share = (time - before)[:, None].to(x.dtype)
    return torch.lerp(_at(x, before), _at(x, after), share)


def amplitude(x: Tensor, generator: Generator) -> Tensor:
    """Scale each channel of each sequence (b, c, l) by about a tenth, and add a little noise to each value [um]."""
    factor = 1 + _SCALE_SPREAD * _normal(x, (*x.shape[:2], 1), generator)
    return x * factor + _NOISE_SPREAD * _normal(x, tuple(x.shape), generator)


def mixup(x: Tensor, y: Tensor, generator: Generator) -> tuple[Tensor, Tensor]:
    """Mix each sample and its target with another of the batch, by shares drawn evenly [zhang].

    Args:
        x: Samples of any kind, float of shape (b, ...).
        y: Probabilities of classes, float of shape (b, k), or numbers to predict, float of shape (b,).
        generator: The random stream.

    Returns:
        Mixtures of the same shapes.
    """
    # Differs from [zhang]: each sample draws its share, not each batch; even shares are the paper's alpha of 1.
    share = _uniform(x, (len(x),), generator)
    other = torch.randperm(len(x), generator=generator, device=generator.device).to(x.device)
    return torch.lerp(x[other], x, _wide(share, x)), torch.lerp(y[other], y, _wide(share.to(y.dtype), y))


class _Entry(NamedTuple):
    """An augmentation and the kinds of data it suits."""

    apply: Callable[[Tensor, Generator], Tensor]
    kinds: tuple[InputKind, ...]


#: By the names that a recipe uses. ``mixup`` is not among them: it changes targets too.
_AUGMENTATIONS: Mapping[str, _Entry] = MappingProxyType(
    {
        "crop": _Entry(crop, ("image",)),
        "flip": _Entry(flip, ("image",)),
        "cutout": _Entry(cutout, ("image",)),
        "shift": _Entry(shift, ("sequence",)),
        "warp": _Entry(warp, ("sequence",)),
        "amplitude": _Entry(amplitude, ("sequence",)),
    }
)

_MIXUP = "mixup"

_KINDS = {**{name: entry.kinds for name, entry in _AUGMENTATIONS.items()}, _MIXUP: tuple(AXES)}


def list_augmentations(input_kind: str | None = None) -> list[str]:
    """Names that a recipe may use.

    Args:
        input_kind: "image", "sequence" or "tabular"; None gives all.
    """
    return [name for name, kinds in _KINDS.items() if input_kind in (None, *kinds)]


@dataclass(frozen=True)
class Augmentation:
    """Augmentations in the order in which they are applied; mixup comes last wherever it stands.

    Attributes:
        names: Names from :func:`list_augmentations`; none leaves batches as they are.
        input_kind: What a sample is.
        num_classes: How many classes there are, for mixup; None or 0 for a regression.

    Raises:
        UnknownNameError: There is no augmentation of that name.
        InvalidInputError: An augmentation does not suit this kind of data.
    """

    names: tuple[str, ...]
    input_kind: str
    num_classes: int | None = None

    def __post_init__(self) -> None:
        names: Any = self.names
        if isinstance(names, str):
            raise InvalidInputError(f"augmentation: expected a tuple of names, got {names!r}; write ({names!r},)")
        for name in self.names:
            kinds = choose("augmentation", name, _KINDS)
            if self.input_kind not in kinds:
                suited = ", ".join(list_augmentations(self.input_kind)) or "none"
                raise InvalidInputError(
                    f"augmentation {name!r}: expected {' or '.join(kinds)} data, got {self.input_kind}; for these "
                    f"there is {suited}"
                )

    def __call__(self, x: Tensor, y: Tensor, generator: Generator) -> tuple[Tensor, Tensor]:
        """Change a batch.

        Args:
            x: Standardised samples, float of shape (b, ...).
            y: Classes, int64 of shape (b,), or numbers to predict, float of shape (b,).
            generator: The random stream, on the CPU or on the device of ``x``.

        Returns:
            Samples of the same shape, and ``y`` as it came; with mixup classes become probabilities, float of shape
            (b, num_classes), which ``torch.nn.functional.cross_entropy`` takes too.
        """
        for name in self.names:
            if name != _MIXUP:
                x = _AUGMENTATIONS[name].apply(x, generator)
        if _MIXUP in self.names:
            targets = F.one_hot(y, self.num_classes).to(x.dtype) if self.num_classes else y
            x, y = mixup(x, targets, generator)
        return x, y


def _margin(size: int) -> int:
    return max(1, round(size / _CROP))


def _starts(x: Tensor, most: int, generator: Generator) -> Tensor:
    """A whole number from 0 to ``most`` per sample, (b, 1)."""
    return torch.randint(most + 1, (len(x), 1), generator=generator, device=generator.device).to(x.device)


def _uniform(x: Tensor, shape: tuple[int, ...], generator: Generator) -> Tensor:
    return torch.rand(shape, generator=generator, device=generator.device, dtype=x.dtype).to(x.device)


def _normal(x: Tensor, shape: tuple[int, ...], generator: Generator) -> Tensor:
    return torch.randn(shape, generator=generator, device=generator.device, dtype=x.dtype).to(x.device)


def _at(x: Tensor, steps: Tensor) -> Tensor:
    """Values of sequences (b, c, l) at steps (b, l), in all channels alike."""
    return x.gather(-1, steps[:, None].expand_as(x))


def _wide(share: Tensor, like: Tensor) -> Tensor:
    return share.view(-1, *[1] * (like.ndim - 1))
