"""Expected hypervolume improvement: closed form against quadrature, Monte Carlo and what is gained for certain."""

from functools import partial

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm

from surrogate_nas import encodings, predictors
from surrogate_nas.core import InvalidInputError
from surrogate_nas.core.pareto import hypervolume, pareto_mask
from surrogate_nas.spaces import get_space
from surrogate_nas.strategies import NSGA2, ExpectedHypervolumeImprovement, RandomSearch
from surrogate_nas.strategies.multi_objective.hypervolume import expected_improvement, reference_of
from surrogate_nas.testing.strategy import Landscape

FRONTS = {
    1: np.array([[0.6]]),
    2: np.array([[0.1, 0.9], [0.4, 0.5], [0.8, 0.2]]),
    3: np.array([[0.1, 0.9, 0.5], [0.4, 0.5, 0.6], [0.8, 0.2, 0.3], [0.5, 0.6, 0.1]]),
}


def process(space):
    """A Gaussian process on one-hot genes: quick, and good enough on a made-up landscape."""
    return predictors.Predictor(space, encodings.OneHotEncoder(space), predictors.GaussianProcess())


@pytest.fixture
def space():
    return get_space("nas-bench-201")


def scored(space):
    first, second = Landscape(space, 0), Landscape(space, 1)
    return lambda X: np.column_stack([first(X), second(X)])


def told(strategy, score, n):
    """Everything told to a strategy of ``n`` evaluations."""
    parts = []
    for _ in range(n // 5):
        X = strategy.ask(5).X
        parts.append(score(X))
        strategy.tell(X, parts[-1])
    return np.concatenate(parts)


@pytest.mark.parametrize("m", FRONTS)
def test_a_certain_candidate_gains_what_it_gains(m, rng):
    front, reference = FRONTS[m], np.ones(m)
    costs = rng.uniform(-0.2, 1.2, size=(50, m))
    gains = [hypervolume([*front, y], reference) - hypervolume(front, reference) for y in costs]
    np.testing.assert_allclose(expected_improvement(costs, np.zeros((50, m)), front, reference), gains, atol=1e-12)
    np.testing.assert_allclose(expected_improvement(costs, np.full((50, m), 1e-9), front, reference), gains, atol=1e-7)


@pytest.mark.parametrize("m", FRONTS)
def test_an_uncertain_candidate_gains_the_mean_over_draws(m, rng):
    front, reference = FRONTS[m], np.ones(m)
    mean, std = rng.uniform(0, 1, size=(3, m)), rng.uniform(0.05, 0.5, size=(3, m))
    exact = expected_improvement(mean, std, front, reference)
    for i in range(3):
        draws = rng.normal(mean[i], std[i], size=(4000, m))
        gains = expected_improvement(draws, np.zeros_like(draws), front, reference)  # each certain, as tested above
        error = gains.std() / np.sqrt(len(gains))
        assert exact[i] == pytest.approx(gains.mean(), abs=6 * error)  # false alarm about 2e-9


def test_one_cost_is_expected_improvement_by_quadrature():
    for mean, std in ((0.3, 0.2), (0.9, 0.1), (0.6, 1e-3)):
        expected, _ = quad(lambda y: (0.6 - y) * norm.pdf(y, mean, std), mean - 12 * std, 0.6)  # noqa: B023
        got = expected_improvement(np.array([[mean]]), np.array([[std]]), FRONTS[1], np.ones(1))[0]
        assert got == pytest.approx(expected, rel=1e-6, abs=1e-15)


def test_two_costs_by_quadrature():
    """The gain is the area of those points that the candidate dominates and the front does not."""
    front, mean, std = FRONTS[2], np.array([0.45, 0.35]), np.array([0.2, 0.15])
    reached = np.array([0.1, 0.4, 0.8, 1.0])  # the front's height is constant between these
    height = np.array([0.9, 0.5, 0.2])

    def slab(x, top):
        return norm.cdf(x, *np.array([mean[0], std[0]])) * quad(lambda y: norm.cdf(y, mean[1], std[1]), -2, top)[0]

    area = quad(slab, -2, reached[0], args=(1.0,))[0]
    for k in range(3):
        area += quad(slab, reached[k], reached[k + 1], args=(height[k],))[0]
    got = expected_improvement(mean[None], std[None], front, np.ones(2))[0]
    assert got == pytest.approx(area, rel=1e-6)


def test_without_a_front_the_costs_are_independent(rng):
    mean, std = rng.normal(size=(5, 3)), rng.uniform(0.1, 1, size=(5, 3))
    z = (1 - mean) / std
    alone = (1 - mean) * norm.cdf(z) + std * norm.pdf(z)
    gains = expected_improvement(mean, std, np.empty((0, 3)), np.ones(3))
    np.testing.assert_allclose(gains, alone.prod(axis=1))


def test_a_better_mean_gains_more_and_units_do_not_matter(rng):
    front, mean, std = FRONTS[3], rng.uniform(0, 1, size=(20, 3)), np.full((20, 3), 0.2)
    gains = expected_improvement(mean, std, front, reference_of(front))
    assert (expected_improvement(mean - 0.1, std, front, reference_of(front)) > gains).all()
    unit = np.array([1000.0, 1e-3, 7.0])
    scaled = expected_improvement(mean * unit, std * unit, front * unit, reference_of(front * unit))
    np.testing.assert_allclose(scaled, gains * unit.prod())


def test_many_boxes_are_taken_in_parts(rng, monkeypatch):
    front, mean, std = FRONTS[3], rng.uniform(size=(31, 3)), rng.uniform(0.1, 0.2, size=(31, 3))
    whole = expected_improvement(mean, std, front, np.ones(3))
    monkeypatch.setattr("surrogate_nas.strategies.multi_objective.hypervolume.CHUNK", 40)
    np.testing.assert_allclose(expected_improvement(mean, std, front, np.ones(3)), whole)


def test_the_reference_lies_beyond_the_worst():
    np.testing.assert_allclose(reference_of(np.array([[0.0, 5.0], [1.0, 3.0]])), [1.1, 5.2])
    assert (reference_of(np.array([[-2.0, 0.0]])) > [-2, 0]).all()


def test_pending_ones_count_as_if_their_predictions_had_come_true(space):
    score = scored(space)
    strategy = ExpectedHypervolumeImprovement(space, predictor=process(space), refit_every=100, random_state=0)
    told(strategy, score, 20)
    batch = strategy.ask(6).X
    assert list(strategy._pending) == [x.tobytes() for x in batch]
    means = np.stack(list(strategy._pending.values()))
    front = -np.concatenate([strategy._scaled(strategy._scores), means])
    gains = expected_improvement(means * -1, np.zeros_like(means), front[pareto_mask(front)], reference_of(front))
    np.testing.assert_allclose(gains, 0, atol=1e-12)
    strategy.tell(batch[::-1], score(batch[::-1]))
    assert not strategy._pending
    assert len(np.unique(np.concatenate([batch, strategy.ask(6).X]), axis=0)) == 12


def test_larger_fronts_than_evolution_and_chance(space):
    score = scored(space)
    whole = -score(space.enumerate())
    front = whole[pareto_mask(whole)]
    reference = reference_of(front)
    factories = (partial(ExpectedHypervolumeImprovement, predictor=process(space)), NSGA2, RandomSearch)
    for seed in range(3):
        found = [hypervolume(-told(f(space, random_state=seed), score, 60), reference) for f in factories]
        assert hypervolume(front, reference) >= found[0] > max(found[1:])


def test_one_objective_is_bayesian_optimisation(space):
    landscape = Landscape(space, 3)
    good = np.quantile(landscape(space.enumerate()), 0.999)
    for shape in ((-1,), (-1, 1)):
        strategy = ExpectedHypervolumeImprovement(space, predictor=process(space), random_state=0)
        assert told(strategy, lambda X, s=shape: landscape(X).reshape(s), 80).max() >= good


def test_limits_are_learned_and_kept(space):
    landscape, cost = Landscape(space, 0), Landscape(space, 1)
    X = space.enumerate()
    limit = float(np.quantile(cost(X), 0.02))
    best = landscape(X)[cost(X) <= limit].max()
    strategy = ExpectedHypervolumeImprovement(space, predictor=process(space), limits=(None, limit), random_state=0)
    scores = told(strategy, lambda X: np.column_stack([landscape(X), -cost(X)]), 80)
    kept = -scores[:, 1] <= limit
    assert kept[:10].mean() < 0.2
    assert kept[10:].sum() >= 10, "one in fifty is, by chance: a probability below 1e-5"
    assert scores[kept, 0].max() > np.quantile(landscape(X)[cost(X) <= limit], 0.95)
    assert scores[kept, 0].max() <= best


def test_while_nothing_keeps_the_limit_its_probability_decides(space):
    landscape, cost = Landscape(space, 0), Landscape(space, 1)
    impossible = float(cost(space.enumerate()).min()) - 1.0
    strategy = ExpectedHypervolumeImprovement(
        space, predictor=process(space), limits=(None, impossible), random_state=0
    )
    scores = told(strategy, lambda X: np.column_stack([landscape(X), -cost(X)]), 60)
    assert -scores[-20:, 1].mean() < np.quantile(cost(space.enumerate()), 0.05)


def test_a_predictor_for_each_metric(space):
    several = [process(space), predictors.Predictor(space, encodings.OneHotEncoder(space), predictors.Ridge())]
    strategy = ExpectedHypervolumeImprovement(space, predictor=several, random_state=0)
    assert len(told(strategy, scored(space), 20)) == 20
    assert not any(model in several for model in strategy._models), "copies are fitted"
    strategy = ExpectedHypervolumeImprovement(space, predictor=several[:1], random_state=0)
    with pytest.raises(InvalidInputError, match="predictor: expected one, or one for each of 2 metrics, got 1"):
        told(strategy, scored(space), 20)


def test_wrong_parameters_and_scores(space):
    for wrong in ({"n_initial": 0}, {"refit_every": 0}, {"limits": (3.0,)}):
        with pytest.raises(InvalidInputError, match=next(iter(wrong))):
            ExpectedHypervolumeImprovement(space, predictor=process(space), **wrong)
    strategy = ExpectedHypervolumeImprovement(space, predictor=process(space), random_state=0)
    X = strategy.ask(2).X
    strategy.tell(X[:1], [[1.0, 2.0]])
    with pytest.raises(InvalidInputError, match="expected 2 scores per architecture as before, got 3"):
        strategy.tell(X[1:], [[1.0, 2.0, 3.0]])
