"""The ensemble of perceptrons and the loop that trains many networks as one program."""

import numpy as np
import pytest
import torch

from surrogate_nas.predictors import MLPEnsemble
from surrogate_nas.predictors.torch_ensemble import Schedule, ranking_loss, rows_seen, squared_loss, train


def smooth(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 5))
    return X, 10 + np.sin(2 * X[:, 0]) + X[:, 1] ** 2 + 0.1 * rng.normal(size=n)


@pytest.mark.parametrize(("n", "explained"), [(10, -0.15), (100, 0.5), (1000, 0.8)])
def test_from_ten_rows_to_a_thousand(n, explained):
    X, y = smooth(n)
    test, true = smooth(500, seed=1)
    mean = MLPEnsemble(n_models=4, hidden=32).fit(X, y).predict(test)
    assert 1 - np.mean((mean - true) ** 2) / np.var(true) > explained


def test_networks_differ_more_where_nothing_is_known():
    X, y = smooth(200)
    ensemble = MLPEnsemble(n_models=4, hidden=32, epochs=40).fit(X, y)
    near, far = ensemble.predict(X, return_std=True)[1], ensemble.predict(X * 3, return_std=True)[1]
    assert np.median(far) > 1.2 * np.median(near)


def test_a_single_network_sees_all_rows():
    X, y = smooth(50)
    ensemble = MLPEnsemble(n_models=1, hidden=16, epochs=20).fit(X, y)
    assert not len(ensemble.left_out_errors())
    assert ensemble.noise_ == pytest.approx(y.std())


def test_every_row_is_left_out_once():
    seen = rows_seen(11, 4, torch.Generator().manual_seed(0))
    assert seen.shape == (4, 11)
    assert ((~seen).sum(dim=0) == 1).all()
    assert rows_seen(3, 4, torch.Generator()).all()
    assert rows_seen(11, 1, torch.Generator()).all()


def test_ranking_loss_counts_pairs_that_fall_short():
    target = torch.tensor([1.0, 2.0, 3.0])
    scores = torch.tensor([[0.0, 1.0, 0.5], [0.0, 1.0, 2.0]])  # 1.0 before 0.5 is wrong; the second is in order
    every = torch.ones(2, 3)
    assert ranking_loss(scores, target, every, 0.1).item() == pytest.approx((0.1 + 0.5) / 3)
    assert ranking_loss(scores, target, torch.tensor([[1.0, 0, 1], [1, 1, 1]]), 0.1).item() == 0  # that pair is away
    assert ranking_loss(scores, torch.ones(3), every, 0.1).item() == 0  # equal scores have no order


def test_squared_loss_is_a_weighted_mean():
    scores, target = torch.tensor([[1.0, 3.0]]), torch.tensor([0.0, 0.0])
    assert squared_loss(scores, target, torch.tensor([[3.0, 1.0]])).item() == pytest.approx((3 * 1 + 1 * 9) / 4)
    assert squared_loss(scores, target, torch.zeros(1, 2)).item() == 0


def test_training_leaves_its_start_alone_and_sees_every_row_in_turn():
    start = {"a": torch.zeros(2, 1)}
    drawn = []

    def loss(parameters, rows):
        drawn.append(rows.tolist())
        return (parameters["a"] - 1).square().sum()

    found = train(start, loss, 10, Schedule(40, 5, 0.1, 0.0), torch.Generator().manual_seed(0))
    assert (start["a"] == 0).all()
    torch.testing.assert_close(found["a"], torch.ones(2, 1), atol=0.2, rtol=0)
    for first, second in zip(drawn[::2], drawn[1::2], strict=True):
        assert sorted(first + second) == list(range(10))
