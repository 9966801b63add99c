"""Augmentations: what each keeps of a sample, and that a batch is changed as its samples would be one by one."""

import pytest
import torch
from torch.nn import functional as F

from surrogate_nas.core import InvalidInputError, UnknownNameError
from surrogate_nas.training.datasets import augmentation
from surrogate_nas.training.datasets.augmentation import Augmentation, list_augmentations

IMAGES = torch.randn(64, 3, 32, 24, generator=torch.Generator().manual_seed(1))
CURVES = torch.randn(64, 2, 50, generator=torch.Generator().manual_seed(1))
ROWS = torch.randn(64, 5, generator=torch.Generator().manual_seed(1))
CLASSES = torch.arange(64) % 4
BATCHES = {"image": IMAGES, "sequence": CURVES, "tabular": ROWS}
DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU"))]
CASES = [(name, kind) for kind in BATCHES for name in list_augmentations(kind)]


def stream(seed=0, device="cpu"):
    return torch.Generator(device).manual_seed(seed)


def augmented(name, kind, seed=0, x=None, y=CLASSES):
    return Augmentation((name,), kind, 4)(BATCHES[kind] if x is None else x, y, stream(seed))


@pytest.mark.parametrize(("name", "kind"), CASES)
def test_shape_type_and_arguments_stay(name, kind):
    x, before = BATCHES[kind], BATCHES[kind].clone()
    found, y = augmented(name, kind)
    assert found.shape == x.shape
    assert found.dtype == x.dtype
    assert found.isfinite().all()
    assert torch.equal(x, before)
    assert not torch.equal(found, x)
    assert len(y) == len(x)


@pytest.mark.parametrize(("name", "kind"), CASES)
def test_the_stream_decides_and_nothing_else(name, kind):
    state = torch.get_rng_state()
    first, again, other = (augmented(name, kind, seed)[0] for seed in (3, 3, 4))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize(("name", "kind"), CASES)
def test_devices_agree(name, kind, device):
    """A stream of the CPU changes a batch on a GPU as it does on the CPU; a stream of the GPU works too."""
    augment = Augmentation((name,), kind, 4)
    there, _ = augment(BATCHES[kind].to(device), CLASSES.to(device), stream())
    torch.testing.assert_close(there.cpu(), augmented(name, kind)[0])
    assert augment(BATCHES[kind].to(device), CLASSES.to(device), stream(device=device))[0].device.type == device


@pytest.mark.parametrize("kind", BATCHES)
@pytest.mark.parametrize("size", [1, 2])
def test_tiny_batches_and_samples(kind, size):
    x = torch.ones(size, *[1] * (BATCHES[kind].ndim - 1))
    for name in list_augmentations(kind):
        assert augmented(name, kind, x=x, y=CLASSES[:size])[0].shape == x.shape


def test_crops_are_windows_of_the_padded_image():
    x = torch.arange(1.0, 2 * 16 * 24 + 1).reshape(1, 2, 16, 24).repeat(200, 1, 1, 1)  # margins: 2 and 3
    padded = F.pad(x[0], (3, 3, 2, 2))
    windows = {padded[:, i : i + 16, j : j + 24].numpy().tobytes() for i in range(5) for j in range(7)}
    found = {image.contiguous().numpy().tobytes() for image in augmentation.crop(x, stream())}
    assert found <= windows
    assert len(found) == len(windows)  # 200 draws of 35 reach all of them


def test_margins_are_the_usual_ones():
    assert [augmentation._margin(size) for size in (32, 28, 8, 1)] == [4, 4, 1, 1]


def test_half_of_the_images_are_mirrored():
    found = augmentation.flip(IMAGES, stream())
    mirrored = torch.tensor([torch.equal(a, b.flip(-1)) for a, b in zip(found, IMAGES, strict=True)])
    same = torch.tensor([torch.equal(a, b) for a, b in zip(found, IMAGES, strict=True)])
    assert (mirrored ^ same).all()
    assert 20 < mirrored.sum() < 44


def test_one_rectangle_of_half_the_size_is_blank():
    found = augmentation.cutout(torch.ones(400, 2, 32, 24), stream())
    assert torch.equal(found[:, 0], found[:, 1])
    blank = found[:, 0] == 0
    rows, columns = blank.any(2), blank.any(1)
    assert torch.equal(blank, rows[:, :, None] & columns[:, None, :])
    for inside, side in ((rows, 16), (columns, 12)):
        assert inside.sum(1).max() == side
        assert inside.sum(1).min() == side // 2  # centred on an edge
        assert inside.any(0).all()
        changes = (inside[:, 1:] != inside[:, :-1]).sum(1)
        assert changes.max() <= 2  # in one piece


def test_shifts_move_all_channels_alike_and_hold_the_ends():
    x = torch.stack([torch.arange(50.0), -torch.arange(50.0)]).repeat(300, 1, 1)
    found = augmentation.shift(x, stream())
    assert torch.equal(found[:, 0], -found[:, 1])
    moved = (found[:, 0, 25] - 25).long()
    assert sorted(set(moved.tolist())) == list(range(-5, 6))
    for row, by in zip(found[:, 0], moved.tolist(), strict=True):
        assert torch.equal(row, (torch.arange(50.0) + by).clamp(0, 49))


def test_warped_time_runs_forward_between_the_same_ends():
    x = torch.arange(50.0).repeat(300, 2, 1)
    time = augmentation.warp(x, stream())
    assert (time.diff(dim=-1) > 0).all()
    torch.testing.assert_close(time[..., 0], torch.zeros(300, 2))
    torch.testing.assert_close(time[..., -1], torch.full((300, 2), 49.0))
    assert torch.equal(time[:, 0], time[:, 1])
    assert 1.0 < (time - x).abs().amax(-1).mean() < 5.0  # some steps, not half the curve


def test_amplitudes_change_by_about_a_tenth():
    x = torch.ones(500, 2, 50)
    found = augmentation.amplitude(x, stream())
    assert found.mean(-1).std() == pytest.approx(0.1, abs=0.01)
    assert found.std(-1).mean() == pytest.approx(0.05, abs=0.002)
    assert found.mean() == pytest.approx(1.0, abs=0.01)


def test_mixtures_of_samples_and_of_their_classes_have_equal_shares():
    x = F.one_hot(CLASSES, 4).float()
    mixed, y = Augmentation(("mixup",), "tabular", 4)(x, CLASSES, stream())
    torch.testing.assert_close(mixed, y)
    torch.testing.assert_close(y.sum(1), torch.ones(64))
    shares = y.amax(1)
    assert ((shares > 0.5) & (shares < 0.95)).sum() > 10
    F.cross_entropy(torch.zeros(64, 4), y, label_smoothing=0.1)


def test_mixtures_of_targets():
    x = torch.arange(64.0)[:, None].repeat(1, 3)
    mixed, y = Augmentation(("mixup",), "tabular")(x, x[:, 0], stream())
    torch.testing.assert_close(mixed[:, 0], y)
    assert y.shape == (64,)


def test_names_are_applied_in_their_order_and_mixup_last():
    both = Augmentation(("mixup", "crop", "flip"), "image", 4)(IMAGES, CLASSES, stream())[0]
    generator = stream()
    x = augmentation.flip(augmentation.crop(IMAGES, generator), generator)
    expected, _ = augmentation.mixup(x, F.one_hot(CLASSES, 4).float(), generator)
    assert torch.equal(both, expected)


def test_no_names_leave_a_batch_as_it_is():
    x, y = Augmentation((), "image", 4)(IMAGES, CLASSES, stream())
    assert x is IMAGES
    assert y is CLASSES


def test_half_precision_is_kept():
    for name, kind in CASES:
        assert augmented(name, kind, x=BATCHES[kind].bfloat16())[0].dtype == torch.bfloat16


@pytest.mark.parametrize(
    ("names", "kind", "message"),
    [
        (("crop", "flop"), "image", "unknown augmentation 'flop': expected one of crop, flip, .*did you mean 'flip'"),
        (
            ("crop",),
            "sequence",
            "'crop': expected image data, got sequence; for these there is shift, warp, amplitude, m",
        ),
        (("warp",), "image", "'warp': expected sequence data, got image; for these there is crop, flip, cutout, mixup"),
        (("flip",), "tabular", "got tabular; for these there is mixup"),
        (("mixup",), "graph", "got graph; for these there is none"),
        ("crop", "image", r"a tuple of names, got 'crop'; write \('crop',\)"),
    ],
)
def test_wrong_names_are_one_line(names, kind, message):
    with pytest.raises((InvalidInputError, UnknownNameError), match=message) as caught:
        Augmentation(names, kind)
    assert "\n" not in str(caught.value)
