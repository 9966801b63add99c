"""Networks of normal and reducing cells: published sizes, every genotype, the auxiliary classifier."""

import numpy as np
import pytest
import torch

import surrogate_nas as sn
from surrogate_nas.core import InvalidInputError

SPACE = sn.get_space("nas-bench-301")
SMALL = {"channels": (4, 8, 16), "stages": (1, 1, 1), "stem_width": 12}

#: Twenty cells of 36 channels, as the genotypes were evaluated on CIFAR-10.
EVALUATION = {"channels": (36, 72, 144), "stages": (6, 6, 6), "stem_width": 108}


@pytest.mark.parametrize(
    ("genotype", "millions"), [("DARTS, second order", 3.349342), ("PC-DARTS", 3.63), ("GDAS", 3.37)]
)
def test_genotypes_have_their_published_sizes(genotype: str, millions: float) -> None:
    x = SPACE.parse(SPACE.references[genotype])[0]
    with torch.device("meta"):  # counts need no memory
        network = sn.build_network(SPACE, x, (3, 32, 32), 10, **EVALUATION)
    counted = sum(p.numel() for p in network.parameters()) / 1e6
    assert counted == pytest.approx(millions, abs=1e-9 if millions == 3.349342 else 0.005)


@pytest.mark.parametrize("shape", [(3, 8, 8), (1, 7, 9), (2, 21)])
def test_every_genotype_trains_on_images_and_sequences_of_any_size(shape: tuple[int, ...]) -> None:
    for x in SPACE.sample(6, np.random.default_rng(0)):
        network = sn.build_network(SPACE, x, shape, 3, **SMALL)
        logits = network(torch.randn(2, *shape))
        assert logits.shape == (2, 3)
        logits.sum().backward()
        assert all(p.grad is not None for p in network.parameters())


def test_states_are_summed_before_they_are_concatenated() -> None:
    x = SPACE.parse(SPACE.references["DARTS, first order"])[0]
    network = sn.build_network(SPACE, x, (3, 8, 8), 3, **SMALL).eval()
    cell = network.get_submodule("cells.0")
    with torch.no_grad():
        before = [torch.randn(2, 12, 8, 8)] * 2
        given = [layer(b) for layer, b in zip(cell.inputs, before, strict=True)]
        first = cell.plan.reads[cell.plan.added[0]]  # sep_conv_3x3 on both inputs
        expected = sum(cell.layers[str(v)](g) for v, g in zip(first, given, strict=True))
        assert torch.allclose(cell(before)[:, :4], expected, atol=1e-6)


def test_the_auxiliary_classifier_reads_the_last_reducing_cell() -> None:
    x = SPACE.sample(1, 0)[0]
    network = sn.build_network(SPACE, x, (3, 16, 16), 5, auxiliary=True, **SMALL)
    batch = torch.randn(2, 3, 16, 16)
    logits, auxiliary = network.both_logits(batch)
    assert auxiliary.shape == (2, 5)
    assert logits.shape == (2, 5)
    auxiliary.sum().backward()
    reached = [any(p.grad is not None for p in cell.parameters()) for cell in network.cells]
    assert reached == [True, True, True, True, False]
    assert sn.build_network(SPACE, x, (3, 16, 16), 5, **SMALL).both_logits(batch)[1] is None


def test_another_reduction_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="reduction: expected 'cell'"):
        sn.build_network(SPACE, SPACE.sample(1, 0)[0], (3, 8, 8), 3, reduction="residual", **SMALL)
