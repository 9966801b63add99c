import numpy as np
import pytest

from surrogate_nas.core import InvalidInputError, SpaceExhaustedError
from surrogate_nas.spaces import get_space
from surrogate_nas.strategies import Exhaustive


class Opinion:
    def __init__(self, predict, direction="max"):
        self.predict = predict
        self.direction = direction


@pytest.fixture
def space():
    return get_space("nas-bench-201")


def test_without_a_predictor_the_order_is_the_space_s(space):
    strategy = Exhaustive(space, key="row")
    X = np.concatenate([strategy.ask(n).X for n in (1, 10, 600)])
    np.testing.assert_array_equal(X, space.enumerate()[:611])


def test_every_network_once_and_then_nothing(space):
    strategy = Exhaustive(space)
    X = strategy.ask(space.size).X
    assert len(X) == len(np.unique(space.canonical(space.enumerate()), axis=0))
    with pytest.raises(SpaceExhaustedError):
        strategy.ask()


@pytest.mark.parametrize("direction", ["max", "min"])
def test_the_best_predicted_come_first_and_equal_ones_in_the_space_s_order(space, direction):
    def predict(X):
        return (np.asarray(X) == 3).sum(axis=1)  # seven different values only: nearly all are ties

    X = Exhaustive(space, key="row", predictor=Opinion(predict, direction)).ask(space.size).X
    sign = 1 if direction == "min" else -1
    order = np.lexsort((np.arange(space.size), sign * predict(space.enumerate())))
    np.testing.assert_array_equal(X, space.enumerate()[order])


def test_of_equal_networks_the_best_predicted_stands_for_all(space):
    rng = np.random.default_rng(0)
    opinion = dict(zip(map(bytes, space.enumerate().astype(np.int8)), rng.normal(size=space.size), strict=True))
    predict = Opinion(lambda X: np.array([opinion[bytes(x)] for x in X.astype(np.int8)]))
    X = Exhaustive(space, predictor=predict).ask(200).X
    rows, keys = space.enumerate(), space.codes(space.canonical(space.enumerate()))
    scores = predict.predict(rows)
    best = {key: scores[keys == key].max() for key in np.unique(keys)}
    np.testing.assert_allclose(predict.predict(X), sorted(best.values(), reverse=True)[:200])


def test_a_predictor_of_the_wrong_shape_is_named(space):
    with pytest.raises(InvalidInputError, match=r"expected predictions of shape \(15625,\), got \(15625, 2\)"):
        Exhaustive(space, predictor=Opinion(lambda X: np.zeros((len(X), 2)))).ask()
