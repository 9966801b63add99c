"""The graph network: what it must not see, what it must follow, and that its parts fit together."""

import numpy as np
import pytest
import torch

from surrogate_nas.core import InvalidInputError
from surrogate_nas.core.statistics import kendall_tau
from surrogate_nas.predictors import GraphNetwork, load_predictor
from surrogate_nas.predictors.graph_network_layers import GraphTensors, Shape, Vocabulary, embed, initial, score
from surrogate_nas.spaces import get_space, list_spaces
from surrogate_nas.testing.predictor import task

SMALL = {"n_models": 2, "hidden": 12, "epochs": 3}


@pytest.fixture(scope="module")
def cells():
    return get_space("nas-bench-201")


@pytest.fixture(scope="module")
def fitted(cells):
    X, y, test, true = task(cells, 100)
    return GraphNetwork(cells, n_models=4, hidden=16, epochs=15).fit(X, y), test, true


@pytest.mark.parametrize("name", list_spaces())
def test_every_space_of_the_catalogue(name):
    space = get_space(name)
    X = space.sample(24, np.random.default_rng(0))
    y = np.arange(24.0)
    mean, std = GraphNetwork(space, **SMALL).fit(X, y).predict(X, return_std=True)
    assert mean.std() > 0
    assert np.isfinite(std).all()
    assert (std > 0).all()


def test_rows_that_mean_the_same_network_have_the_same_prediction(cells, fitted):
    X = cells.sample(300, np.random.default_rng(1))
    predictor = fitted[0]
    np.testing.assert_array_equal(predictor.predict(X), predictor.predict(cells.canonical(X)))


def test_the_order_of_nodes_does_not_matter():
    """Another topological order of the same graph gives the same scores up to rounding."""
    space = get_space("nas-bench-101")
    generator = torch.Generator().manual_seed(0)
    graphs, _ = GraphTensors.of(space, space.sample(200, np.random.default_rng(0)))
    vocabulary = Vocabulary.of(space)
    parameters = initial(3, Shape(8, True, True), vocabulary, 0, generator)
    v = graphs.ops.shape[1]
    checked = 0
    for node in range(1, v - 2):
        free = graphs.edges[:, node, node + 1] == 0  # neighbours in the order that may change places
        order = torch.arange(v)
        order[[node, node + 1]] = order[[node + 1, node]]
        one = graphs[free]
        other = GraphTensors(one.ops[:, order], one.edges[:, order][:, :, order], one.kept[:, order])
        found = [score(parameters, embed(parameters, vocabulary, g), None) for g in (one, other)]
        torch.testing.assert_close(*found, rtol=1e-4, atol=1e-5)
        checked += int(free.sum())
    assert checked > 100


def test_many_networks_at_once_are_each_network_alone(cells):
    graphs, _ = GraphTensors.of(cells, cells.sample(50, np.random.default_rng(0)))
    vocabulary = Vocabulary.of(cells)
    parameters = initial(3, Shape(8, True, True), vocabulary, 0, torch.Generator().manual_seed(0))
    together = score(parameters, embed(parameters, vocabulary, graphs), None)
    for i in range(3):
        alone = {name: tensor[i : i + 1] for name, tensor in parameters.items()}
        torch.testing.assert_close(score(alone, embed(alone, vocabulary, graphs), None), together[i : i + 1])


@pytest.mark.parametrize("variant", [{"attention": False}, {"backward": False}, {"ranking": False}, {"n_models": 1}])
def test_every_variant_learns_and_is_saved(cells, variant, tmp_path):
    X, y, test, true = task(cells, 80)
    predictor = GraphNetwork(cells, **({"n_models": 3, "hidden": 16, "epochs": 8} | variant)).fit(X, y)
    mean, std = predictor.predict(test, return_std=True)
    assert kendall_tau(mean, true) > 0.2
    predictor.save(tmp_path / "saved")
    loaded = load_predictor(tmp_path / "saved")
    np.testing.assert_array_equal(loaded.predict(test, return_std=True), (mean, std))
    ends = predictor.predict_interval(test, level=0.8)
    np.testing.assert_array_equal(loaded.predict_interval(test, level=0.8), ends)


def test_intervals_hold_what_they_promise(fitted):
    predictor, test, true = fitted
    low, high = predictor.predict_interval(test, level=0.8)
    assert np.mean((low <= true) & (true <= high)) == pytest.approx(0.8, abs=0.15)


def test_side_features_help_and_may_be_unknown(cells):
    X, y, test, true = task(cells, 60)
    rng = np.random.default_rng(0)
    proxy, of_test = y + 0.3 * rng.normal(size=60), true + 0.3 * rng.normal(size=len(true))
    proxy[::5] = np.nan
    of_test[::7] = np.nan
    network = GraphNetwork(cells, n_models=3, hidden=16, epochs=8)
    without = kendall_tau(network.fit(X, y).predict(test), true)
    told = kendall_tau(network.fit(X, y, extra=proxy).predict(test, extra=of_test), true)
    assert told > without
    nothing_known = network.fit(X, y, extra=np.full(60, np.nan)).predict(test, extra=np.full(len(test), np.nan))
    assert np.isfinite(nothing_known).all()


def test_rows_of_more_weight_count_more(cells):
    X, y, _, _ = task(cells, 60)
    heavy = np.arange(60) < 30
    wrong = np.where(heavy, y, y[::-1])
    weighted = GraphNetwork(cells, **SMALL | {"epochs": 10}).fit(X, wrong, sample_weight=np.where(heavy, 20.0, 0.05))
    plain = GraphNetwork(cells, **SMALL | {"epochs": 10}).fit(X, wrong)
    assert kendall_tau(weighted.predict(X[heavy]), y[heavy]) > kendall_tau(plain.predict(X[heavy]), y[heavy])


def test_torch_keeps_its_own_random_state(cells):
    X, y, _, _ = task(cells, 20)
    torch.manual_seed(7)
    expected = torch.rand(1)
    torch.manual_seed(7)
    GraphNetwork(cells, **SMALL).fit(X, y)
    assert torch.equal(torch.rand(1), expected)


def test_a_space_is_needed():
    with pytest.raises(InvalidInputError, match="expected a space"):
        GraphNetwork(None).fit(np.zeros((3, 2)), np.arange(3.0))


@pytest.mark.parametrize("device", ["abacus", "cuda:99"])
def test_an_unknown_device_is_one_line(cells, device):
    X, y, _, _ = task(cells, 20)
    with pytest.raises(InvalidInputError, match="device: expected cpu"):
        GraphNetwork(cells, device=device).fit(X, y)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_learns_as_well(cells):
    X, y, test, true = task(cells, 80)
    predictor = GraphNetwork(cells, n_models=3, hidden=16, epochs=20, device="cuda").fit(X, y)
    assert kendall_tau(predictor.predict(test), true) > 0.2
