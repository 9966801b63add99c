"""Gradient ascent: relaxed rows and their slopes by hand, and true optima where the predictor knows the truth."""

from functools import partial

import numpy as np
import pytest

from surrogate_nas.core import InvalidInputError
from surrogate_nas.experiments.presets.model_based import gradient_ascent
from surrogate_nas.spaces import get_space
from surrogate_nas.strategies import GradientAscent, RandomSearch
from surrogate_nas.strategies.model_based.relaxation import Points, Relaxation
from surrogate_nas.testing.strategy import check_beats_random, run

SPACES = ["nas-bench-201", "nas-bench-graph", "nats-sss", "mlp"]


class Linear:
    """A predictor that knows an additive landscape: its own weights."""

    def __init__(self, space, seed=0):
        self.weights = np.random.default_rng(seed).normal(size=int(space.cardinalities.sum()))
        self.relaxation = Relaxation(space)

    def fit(self, X, y):
        return self

    def gradient(self, P):
        return P @ self.weights, np.tile(self.weights, (len(P), 1))

    def __call__(self, X):
        return self.relaxation.corners(X) @ self.weights


@pytest.mark.parametrize("name", SPACES)
def test_weights_of_each_gene_add_up_to_one_and_rows_come_back(name):
    space = get_space(name)
    relaxation = Relaxation(space)
    X = space.sample(60, np.random.default_rng(0))
    points = relaxation.points(X)
    P = relaxation.weights(points)
    starts = np.concatenate([[0], np.cumsum(space.cardinalities)[:-1]])
    np.testing.assert_allclose(np.add.reduceat(P, starts, axis=1), 1)
    assert (P >= 0).all()
    np.testing.assert_array_equal(relaxation.rows(points), X)
    np.testing.assert_array_equal(relaxation.corners(X) @ np.repeat(np.eye(space.n_genes), space.cardinalities, 0), 1)


def test_a_place_shares_its_weight_between_the_values_beside_it():
    space = get_space("mlp")
    relaxation, scale = Relaxation(space), space.scales[1]
    points = relaxation.points(space.parse(["64-128 relu batch dropout(0.1)"]))
    third = scale[4] + (scale[5] - scale[4]) / 3
    points.places[0, 1] = third
    weights = relaxation.weights(points)[0, space.cardinalities[0] :][: space.cardinalities[1]]
    expected = np.zeros(len(scale) + 1)  # value 0 says that there is no such layer
    expected[[5, 6]] = 2 / 3, 1 / 3
    np.testing.assert_allclose(weights, expected, atol=1e-12)
    assert weights[1:] @ scale == pytest.approx(third)
    third_layer = relaxation.weights(points)[0, space.cardinalities[:2].sum() :][: space.cardinalities[2]]
    np.testing.assert_array_equal(third_layer, np.eye(len(third_layer))[0])  # what is not there stays so


def test_a_step_follows_the_slope_of_its_cell_and_stays_on_the_scale():
    space = get_space("nats-sss")
    relaxation, scale = Relaxation(space), space.scales[0]
    points = relaxation.points(np.array([[3, 0, 7, 3, 3]], dtype=np.int16))
    slopes = np.zeros((1, int(space.cardinalities.sum())))
    slopes[0, :8] = 5 * scale  # the score rises by 5 over the whole scale of the first gene
    slopes[0, 8:16] = -scale
    slopes[0, 16:24] = scale
    places = relaxation.step(points, slopes, logit=1.0, place=0.01).places[0]
    np.testing.assert_allclose(places, [scale[3] + 0.05, 0.0, 1.0, scale[3], scale[3]])


def test_logits_move_by_exponentiated_gradients():
    """Kivinen and Warmuth 1997: a weight is multiplied by exp(rate * slope), then all are normalised."""
    space = get_space("nas-bench-201")
    relaxation = Relaxation(space)
    points = relaxation.points(space.sample(4, np.random.default_rng(1)))
    slopes = np.random.default_rng(2).normal(size=(4, 30))
    before = relaxation.weights(points)
    after = relaxation.weights(relaxation.step(points, slopes, logit=0.7, place=0.1))
    grown = (before * np.exp(0.7 * slopes)).reshape(4, 6, 5)
    np.testing.assert_allclose(after.reshape(4, 6, 5), grown / grown.sum(axis=2, keepdims=True))


@pytest.mark.parametrize("name", ["nas-bench-201", "nas-bench-macro"])
def test_one_climb_reaches_the_optimum_of_an_additive_landscape(name):
    space = get_space(name)
    truth = Linear(space)
    everything = space.enumerate()
    best = everything[truth(everything).argmax()]
    strategy = GradientAscent(space, predictor=truth, n_steps=200, reach=space.n_genes, random_state=0)
    for start in space.sample(5, np.random.default_rng(3)):
        assert (strategy.ascend(start[None]) == best).all(axis=1).any()


def test_climbs_keep_to_their_reach():
    space = get_space("nas-bench-201")
    start = space.sample(1, np.random.default_rng(7))
    far = []
    for reach in (1, 2, 3, 6):
        strategy = GradientAscent(space, predictor=Linear(space), reach=reach, random_state=0)
        far.append((strategy.ascend(start) != start).sum(axis=1).max())
        assert far[-1] <= reach
    assert far[-1] > far[0]


def test_a_climb_along_scales_reaches_the_optimum_between_its_ends():
    """A score that falls with the square of the distance from a place on each scale."""
    space = get_space("nats-sss")
    goal = np.array([2, 5, 0, 7, 4], dtype=np.int16)
    truth = Linear(space)
    truth.weights = np.concatenate([-((s - s[g]) ** 2) for s, g in zip(space.scales, goal, strict=True)])
    strategy = GradientAscent(space, predictor=truth, n_steps=100, reach=space.n_genes, random_state=0)
    for start in space.sample(5, np.random.default_rng(4)):
        assert (strategy.ascend(start[None]) == goal).all(axis=1).any()


def test_the_first_proposal_after_the_random_ones_is_the_best_where_the_predictor_knows_the_truth():
    space = get_space("nas-bench-201")
    truth = Linear(space)
    strategy = GradientAscent(space, predictor=truth, n_initial=10, n_steps=200, reach=6, random_state=0)
    X = run(strategy, truth, 11)
    assert truth(X).argmax() == 10
    assert truth(X[10:])[0] == pytest.approx(truth(space.enumerate()).max())


def test_the_predictor_learns_ranks_and_failures_are_last():
    class Listener(Linear):
        told = []

        def fit(self, X, y):
            self.told.append((X, y))
            return self

    space = get_space("nas-bench-201")
    strategy = GradientAscent(space, predictor=Listener(space), n_initial=4, random_state=0)
    X = space.sample(4, np.random.default_rng(5), unique=True)
    strategy.tell(X, [3.0, np.nan, 50.0, -1e9])
    strategy.ask()
    np.testing.assert_array_equal(Listener.told[0][0], X)
    np.testing.assert_allclose(Listener.told[0][1], np.log([5 / 3, 1 / 7, 7, 3 / 5]))


def test_the_predictor_handed_in_stays_as_it_is():
    space = get_space("nas-bench-201")
    predictor = gradient_ascent(space).predictor
    strategy = gradient_ascent(space, predictor=predictor, n_initial=5, n_steps=2, random_state=0)
    run(strategy, lambda X: X.sum(axis=1), 8)
    assert strategy.get_params()["predictor"] is predictor
    assert not [name for name in vars(predictor) if name.endswith("_")], "never fitted"


def test_places_of_choices_without_order_are_not_read():
    space = get_space("nas-bench-201")
    relaxation = Relaxation(space)
    points = relaxation.points(space.sample(3, np.random.default_rng(6)))
    moved = Points(points.logits, points.places + 7, points.origin)
    np.testing.assert_array_equal(relaxation.weights(moved), relaxation.weights(points))


@pytest.mark.parametrize("name", ["n_initial", "refit_every", "n_starts", "n_steps", "reach"])
def test_wrong_parameters(name):
    space = get_space("nas-bench-201")
    with pytest.raises(InvalidInputError, match=f"{name}: expected at least 1, got 0"):
        GradientAscent(space, predictor=Linear(space), **{name: 0})


@pytest.mark.slow
@pytest.mark.parametrize("space", ["nas-bench-201", "nas-bench-graph", "nas-bench-301", "transnas-macro", "mlp"])
def test_it_beats_random_search(space):
    """Fewer and shorter runs than of other strategies: each fits a predictor several times."""
    check_beats_random(partial(gradient_ascent, refit_every=20), RandomSearch, get_space(space), budget=80, runs=40)
