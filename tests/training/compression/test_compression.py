"""Fewer weights and fewer bits: what is removed stays removed, what is written comes back, a report of all that."""

import numpy as np
import pytest
import torch
from torch import nn

import surrogate_nas as sn
from surrogate_nas.core import InvalidInputError
from surrogate_nas.training import Recipe, Trainer, load_dataset
from surrogate_nas.training.compression import (
    compression_report,
    fine_tune,
    prune_weights,
    quantise,
    read_packed,
    without_masks,
    write_packed,
)
from surrogate_nas.training.compression.quantisation import stored
from surrogate_nas.training.latency import LatencySettings
from surrogate_nas.training.tensors import split_tensors

MLP = sn.get_space("mlp")
X = MLP.parse(["64-32 relu batch dropout(0)"])[0]


def small(seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 36, 10)).eval()


def test_the_smallest_weights_of_all_layers_go():
    network = small()
    pruned = prune_weights(network, 0.75)
    weights, left = (torch.cat([n[0].weight.flatten(), n[3].weight.flatten()]) for n in (network, pruned))
    removed = left == 0
    assert int(removed.sum()) == int(0.75 * len(weights))
    assert weights[removed].abs().max() <= weights[~removed].abs().min()
    assert torch.equal(left[~removed], weights[~removed])
    assert (weights != 0).all()  # stays as it is


def test_removed_weights_stay_removed_while_the_others_are_trained():
    data = split_tensors(load_dataset("digits", "tabular"))[0]
    network = sn.build_network(MLP, X, (64,), 10)
    pruned = prune_weights(network, 0.8)
    zero = [m.weight.detach() == 0 for m in pruned.modules() if isinstance(m, nn.Linear)]
    tuned = without_masks(fine_tune(pruned, data, Recipe(epochs=2, learning_rate=1e-2)))
    after = [m.weight.detach() for m in tuned.modules() if isinstance(m, nn.Linear)]
    assert all(torch.equal(w == 0, z) for w, z in zip(after, zero, strict=True))
    assert tuned.state_dict().keys() == network.state_dict().keys()
    before = [m.weight.detach() for m in network.modules() if isinstance(m, nn.Linear)]
    assert all((w != b)[~z].all() for w, b, z in zip(after, before, zero, strict=True))


@pytest.mark.parametrize("share", [0.0, 0.5, 0.97])
def test_packed_weights_come_back(tmp_path, share):
    weights = without_masks(prune_weights(sn.build_network(MLP, X, (64,), 10), share)).state_dict()
    weights["whole"] = torch.zeros(50, 40, dtype=torch.int8).index_fill_(0, torch.tensor([3]), 7)
    size = write_packed(tmp_path / "w", weights)
    assert size == (tmp_path / "w").stat().st_size
    found = read_packed(tmp_path / "w")
    assert found.keys() == weights.keys()
    for name, tensor in weights.items():
        assert found[name].dtype == tensor.dtype
        assert torch.equal(found[name], tensor)


def test_zeros_cost_a_bit_each(tmp_path):
    dense, sparse = torch.ones(10_000), torch.zeros(10_000)
    sparse[:1000] = 1
    sizes = [write_packed(tmp_path / "w", {"a": t}) for t in (dense, sparse)]
    assert 40_000 < sizes[0] < 40_300
    assert 4000 + 1250 < sizes[1] < 4000 + 1250 + 400


def test_other_files_are_refused_in_one_line(tmp_path):
    (tmp_path / "w").write_bytes(b"something else")
    with pytest.raises(InvalidInputError, match="expected packed weights"):
        read_packed(tmp_path / "w")
    with pytest.raises(InvalidInputError, match="cannot be read"):
        read_packed(tmp_path / "missing")


def test_eight_bits_are_near_the_weights():
    network = small()
    quantised = quantise(network)
    kept = stored(quantised)
    assert kept["0.weight"].dtype == kept["3.weight"].dtype == torch.int8
    for name, scale in (("0", "0.weight_scale"), ("3", "3.scale")):
        weight = dict(network.named_modules())[name].weight.detach()
        size = kept[scale].view(-1, *(1,) * (weight.ndim - 1)).float()
        # torch rounds to 255 steps between the ends, which need not be opposite: half a step is the bound.
        assert ((kept[f"{name}.weight"].float() * size - weight).abs() <= 0.51 * size).all()
    x = torch.randn(20, 1, 8, 8, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        difference = (quantised(x) - network(x)).abs().max() / network(x).abs().max()
    assert difference < 0.03


def test_a_report_of_a_trained_network():
    trainer = Trainer(space=MLP, dataset="digits", epochs=6, device="cpu")
    report = compression_report(
        trainer, X, weights=(0.5, 0.98), filters=(0.5,), epochs=2, latency=LatencySettings(repeats=3)
    ).set_index("network")
    trained, half, most = (report.loc[n] for n in report.index[:3])
    assert list(report.index) == [
        "as trained", "50% of the weights removed", "98% of the weights removed", "50% of the channels removed",
        "8 bits", "50% of the channels removed, 8 bits",
    ]  # fmt: skip
    assert trained.val > 0.9
    assert half.val > trained.val - 0.05
    assert most.before_tuning < half.before_tuning
    assert trained.parameters == half.parameters > 1.8 * report.loc["50% of the channels removed"].parameters
    assert half.nonzero == pytest.approx(0.5 * trained.nonzero, rel=0.1)
    assert half.bytes < 0.7 * trained.bytes
    assert report.loc["8 bits"].bytes < 0.45 * trained.bytes
    assert report.loc["8 bits"].val > trained.val - 0.02
    assert (report.latency_low_ms <= report.latency_ms).all()
    assert np.isnan(trained.before_tuning)


def test_graphs_are_refused():
    space = sn.get_space("nas-bench-graph")
    with pytest.raises(InvalidInputError, match="expected images, sequences or tables"):
        compression_report(
            Trainer(space=space, dataset="wine", device="cpu"), space.sample(1, np.random.default_rng(0))
        )
