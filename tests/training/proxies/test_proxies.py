"""Each proxy against its definition on a network small enough to work out by hand."""

import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from surrogate_nas.core import InvalidInputError, UnknownNameError
from surrogate_nas.training.proxies import PROXIES, compute_proxies


def linear_chain():
    """Two linear layers without biases, then an activation that passes positive numbers."""
    network = nn.Sequential(nn.Linear(2, 2, bias=False), nn.ReLU(), nn.Linear(2, 1, bias=False))
    with torch.no_grad():
        network[0].weight.copy_(torch.tensor([[1.0, -2.0], [3.0, 4.0]]))
        network[2].weight.copy_(torch.tensor([[5.0, -6.0]]))
    return network


def classifier(seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Conv1d(2, 3, 3), nn.BatchNorm1d(3), nn.ReLU(), nn.Conv1d(3, 4, 1), nn.ReLU(), nn.Dropout(0.5),
        nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(4, 3),
    )  # fmt: skip


@pytest.fixture
def batch():
    generator = torch.Generator().manual_seed(1)
    return torch.randn(12, 2, 7, generator=generator), torch.arange(12) % 3


def weights_of(network):
    return [m.weight for m in network.modules() if isinstance(m, nn.Conv1d | nn.Linear)]


def loss_of(network, x, y):
    """The loss as in training, but without dropout."""
    network.train()
    network[5].eval()
    return F.cross_entropy(network(x), y)


def test_synflow_of_a_chain_is_the_sum_over_all_paths(batch):
    # Paths from the two inputs: (|1| + |-2|) |5| and (|3| + |4|) |-6|; each of two layers sees all of them.
    x = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    found = compute_proxies(linear_chain(), x, torch.tensor([0.0, 1.0]), ["synflow"])
    assert found["synflow"] == pytest.approx(math.log(2 * (3 * 5 + 7 * 6)))


def test_synflow_lets_normalisations_pass_everything():
    plain = nn.Sequential(nn.Conv1d(1, 2, 1, bias=False), nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(2, 2))
    normalised = nn.Sequential(plain[0], nn.BatchNorm1d(2), *plain[1:])
    normalised[1].running_var.fill_(100.0)
    x, y = torch.randn(4, 1, 5, generator=torch.Generator().manual_seed(0)), torch.tensor([0, 1, 0, 1])
    assert compute_proxies(plain, x, y, ["synflow"]) == compute_proxies(normalised, x, y, ["synflow"])


def test_nwot_of_known_codes():
    # One activation layer reads the inputs: codes ++-, +--, -++ agree in 2, 1 and 0 of three places.
    network = nn.Sequential(nn.ReLU(), nn.Linear(3, 2))
    x = torch.tensor([[1.0, 2.0, -1.0], [0.5, -1.0, -3.0], [-1.0, 1.0, 1.0]])
    kernel = np.array([[3.0, 2.0, 1.0], [2.0, 3.0, 0.0], [1.0, 0.0, 3.0]])
    found = compute_proxies(network, x, torch.tensor([0, 1, 0]), ["nwot"])
    assert found["nwot"] == pytest.approx(np.linalg.slogdet(kernel)[1])


def test_gradient_sums_by_the_definition(batch):
    network = classifier()
    found = compute_proxies(network, *batch, ["l2_norm", "grad_norm", "snip", "plain"])
    loss_of(network, *batch).backward()
    pairs = [(w.detach(), w.grad) for w in weights_of(network)]
    assert found["l2_norm"] == pytest.approx(sum(w.norm().item() for w, _ in pairs), rel=1e-5)
    assert found["grad_norm"] == pytest.approx(sum(g.norm().item() for _, g in pairs), rel=1e-5)
    assert found["snip"] == pytest.approx(sum((w * g).abs().sum().item() for w, g in pairs), rel=1e-5)
    assert found["plain"] == pytest.approx(sum((w * g).sum().item() for w, g in pairs), rel=1e-4, abs=1e-6)


def test_snip_is_the_gradient_of_a_mask_on_the_weights(batch):
    network = classifier()
    masks = {f"{n}.weight": torch.ones_like(network.get_submodule(n).weight).requires_grad_() for n in ("0", "3", "8")}
    parameters = {name: p * masks[name] if name in masks else p for name, p in network.named_parameters()}
    network.train()
    network[5].eval()
    loss = F.cross_entropy(torch.func.functional_call(network, parameters, (batch[0],)), batch[1])
    gradients = torch.autograd.grad(loss, list(masks.values()))
    expected = sum(g.abs().sum().item() for g in gradients)
    assert compute_proxies(network, *batch, ["snip"])["snip"] == pytest.approx(expected, rel=1e-5)


def test_grasp_is_how_the_squared_gradient_shrinks_with_the_weights(batch):
    """-w H g is the derivative of |g|^2 / 2 where all weights become smaller in proportion."""
    network = classifier().double()

    def half_square(scale):
        weights = {f"{name}.weight" for name in ("0", "3", "8")}
        parameters = {n: (p * scale if n in weights else p).detach() for n, p in network.named_parameters()}
        for name in weights:
            parameters[name].requires_grad_()
        outputs = torch.func.functional_call(network, parameters, (batch[0].double(),))
        loss = F.cross_entropy(outputs, batch[1])
        gradients = torch.autograd.grad(loss, [parameters[name] for name in weights])
        return 0.5 * sum(g.square().sum().item() for g in gradients)

    network.train()
    network[5].eval()
    expected = (half_square(1 - 1e-5) - half_square(1 + 1e-5)) / 2e-5
    assert compute_proxies(network.float(), *batch, ["grasp"])["grasp"] == pytest.approx(expected, rel=1e-3)


def test_fisher_by_the_definition(batch):
    network = classifier()
    kept = []
    handles = [
        layer.register_forward_hook(lambda layer, _, out: kept.append((layer, out)))
        for layer in network
        if isinstance(layer, nn.Conv1d | nn.Linear)
    ]
    loss = loss_of(network, *batch)
    for handle in handles:
        handle.remove()
    gradients = torch.autograd.grad(loss, [out for _, out in kept])
    expected = 0.0
    for (layer, activation), gradient in zip(kept, gradients, strict=True):
        for c in range(activation.shape[1]):
            per_sample = [(activation[n, c] * gradient[n, c]).sum().item() for n in range(12)]
            expected += layer.weight[c].numel() * 0.5 * np.mean(np.square(per_sample))
    assert compute_proxies(network, *batch, ["fisher"])["fisher"] == pytest.approx(expected, rel=1e-4)


def test_jacobian_proxies_by_the_definition(batch):
    network = classifier()
    found = compute_proxies(network, *batch, ["jacov", "epe_nas"])
    network.train()
    network[5].eval()
    x = batch[0].clone().requires_grad_()
    network(x).sum().backward()
    correlation = np.corrcoef(x.grad.flatten(1).double().numpy())
    values = np.linalg.eigvalsh(correlation).clip(0) + 1e-5
    assert found["jacov"] == pytest.approx(-(np.log(values) + 1 / values).sum(), rel=1e-3)
    pairs = [correlation[i, j] for i in range(12) for j in range(12)]
    by_class = [
        sum(np.log(abs(pairs[12 * i + j]) + 1e-5) for i in range(c, 12, 3) for j in range(c, 12, 3)) for c in range(3)
    ]
    assert found["epe_nas"] == pytest.approx(np.abs(by_class).sum(), rel=1e-3)


def test_zen_of_a_linear_network_is_the_size_of_the_change():
    """Without activations and normalisations the features change by exactly a hundredth of the second noise."""
    network = nn.Sequential(nn.Flatten(), nn.Linear(4, 1))
    found = compute_proxies(network, torch.zeros(6, 1, 4), torch.zeros(6), ["zen"], seed=3)
    step = torch.randn(2, 6, 1, 4, generator=after_weights(network, 3))[1]
    assert found["zen"] == pytest.approx(math.log(0.01 * step.abs().flatten(1).sum(1).mean()), rel=1e-3)


def after_weights(network, seed):
    generator = torch.Generator().manual_seed(seed)
    torch.randn(network[1].weight.shape, generator=generator)
    return generator


def test_batch_normalisation_hides_the_scale_from_plain(batch):
    """Weights before a normalisation may be scaled at will, so their w g adds up to nothing."""
    network = nn.Sequential(nn.Conv1d(2, 3, 3), nn.BatchNorm1d(3, eps=1e-12), nn.AdaptiveAvgPool1d(1), nn.Flatten())
    torch.manual_seed(0)
    network = nn.Sequential(*network, nn.Linear(3, 3))
    found = compute_proxies(network, *batch)
    last = network[4].weight
    network.train()
    F.cross_entropy(network(batch[0]), batch[1]).backward()
    assert found["plain"] == pytest.approx((last * last.grad).sum().item(), abs=1e-5)


def test_sizes_are_counted_in_millions(batch):
    found = compute_proxies(classifier(), *batch, ["params", "flops"])
    convolutions = 3 * 2 * 3 + 3 + 4 * 3 + 4
    assert found["params"] * 1e6 == pytest.approx(convolutions + 2 * 3 + 4 * 3 + 3)
    elementwise = 2 * 3 * 5 + 3 * 5 + 4 * 5
    assert found["flops"] * 1e6 == pytest.approx(5 * 3 * 2 * 3 + 5 * 4 * 3 + 4 * 3 + elementwise)


def test_all_at_once_are_the_same_as_one_by_one(batch):
    network = classifier()
    together = compute_proxies(network, *batch)
    assert list(together) == list(PROXIES)
    assert all(math.isfinite(value) for value in together.values())
    for name in PROXIES:
        assert compute_proxies(network, *batch, [name])[name] == pytest.approx(together[name], rel=1e-5)


def test_the_network_stays_as_it_was(batch):
    network = classifier().train()
    network[3].eval()
    network(batch[0]).sum().backward()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    gradients = [p.grad.clone() for p in network.parameters()]
    modes = [m.training for m in network.modules()]
    state = torch.get_rng_state()
    compute_proxies(network, *batch)
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert all(torch.equal(p.grad, g) for p, g in zip(network.parameters(), gradients, strict=True))
    assert all(p.requires_grad for p in network.parameters())
    assert [m.training for m in network.modules()] == modes
    assert not any(m._forward_hooks or m._forward_pre_hooks or m._backward_hooks for m in network.modules())
    assert torch.equal(torch.get_rng_state(), state)
    assert not batch[0].requires_grad


def test_frozen_weights_count_too(batch):
    network = classifier()
    expected = compute_proxies(network, *batch)
    assert compute_proxies(network.requires_grad_(False), *batch) == expected


def test_hooks_are_taken_off_after_an_error():
    network = nn.Sequential(nn.ReLU(), nn.Linear(3, 2), nn.ReLU(), nn.Linear(5, 2))
    with pytest.raises(RuntimeError):
        compute_proxies(network, torch.zeros(4, 3), torch.tensor([0, 1, 0, 1]), ["nwot", "fisher"])
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in network.modules())


def test_what_is_not_defined_is_nan(batch):
    x, target = batch[0], torch.linspace(0, 1, 12)
    network = nn.Sequential(nn.Flatten(), nn.Linear(14, 1))
    found = compute_proxies(network, x, target)
    assert {name for name, value in found.items() if math.isnan(value)} == {"nwot", "epe_nas"}
    constant = nn.Sequential(nn.Flatten(), nn.Linear(14, 1), nn.Threshold(1e9, 0.0), nn.Linear(1, 3))
    found = compute_proxies(constant, x, batch[1])
    assert {name for name, value in found.items() if math.isnan(value)} >= {"nwot", "epe_nas", "jacov", "zen"}
    assert found["snip"] >= 0


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"names": ["snap"]}, "did you mean 'snip'"),
        ({"names": "snip"}, "expected a list of different proxies"),
        ({"names": []}, "expected a list of different proxies"),
        ({"names": ["snip", "snip"]}, "expected a list of different proxies"),
        ({"inputs": torch.zeros(1, 2, 7), "targets": torch.tensor([0])}, "at least two samples"),
        ({"targets": torch.tensor([0, 1])}, "expected at least two samples with a target each"),
        ({"inputs": torch.full((12, 2, 7), torch.nan)}, "finite"),
        ({"targets": torch.full((12,), 3)}, "expected classes from 0 to 2"),
        ({"network": nn.Conv1d(2, 3, 3)}, "expected one row of scores per sample"),
    ],
)
def test_wrong_input_is_said_in_one_line(batch, change, said):
    arguments = {"network": classifier(), "inputs": batch[0], "targets": batch[1], "names": ["snip"]} | change
    with pytest.raises((InvalidInputError, UnknownNameError), match=said) as error:
        compute_proxies(**arguments)
    assert "\n" not in str(error.value)
