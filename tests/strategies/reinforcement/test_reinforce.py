"""REINFORCE: the policy is a distribution, its gradient is exact, and what is better becomes more probable."""

import numpy as np
import pytest
from scipy.optimize import approx_fprime
from scipy.special import rel_entr
from scipy.stats import chisquare

from surrogate_nas.core import InvalidInputError
from surrogate_nas.spaces import EdgeCellSpace, Operation, Skeleton, get_space
from surrogate_nas.strategies import RandomSearch, Reinforce
from surrogate_nas.strategies.reinforcement.adam import Adam
from surrogate_nas.strategies.reinforcement.controller import Controller
from surrogate_nas.strategies.reinforcement.rewards import RunningRank
from surrogate_nas.testing.strategy import Landscape, check_beats_random, run

FALSE_ALARM = 1e-6
CARDINALITIES = np.array([3, 2, 4])


@pytest.fixture(params=[0, 2], ids=["independent", "recurrent"])
def controller(request):
    rng = np.random.default_rng(0)
    made = Controller(CARDINALITIES, request.param, rng)
    made.parameters[:] = rng.normal(size=len(made.parameters))
    return made


def all_rows():
    return np.array(list(np.ndindex(*CARDINALITIES)), dtype=np.int16)


def one_gene(n_values):
    operations = [Operation(f"op{i}", "convolution", 1 + 2 * i, True, 1.0 + i) for i in range(n_values)]
    return EdgeCellSpace("bandit", operations, 2, Skeleton(input_kind="image"))


def test_probabilities_add_up_and_samples_follow_them(controller):
    p = np.exp(controller.log_prob(all_rows()))
    assert p.sum() == pytest.approx(1)
    X = controller.sample(20_000, np.random.default_rng(1))
    counts = np.bincount(np.ravel_multi_index(X.T, CARDINALITIES), minlength=len(p))
    assert chisquare(counts, 20_000 * p).pvalue > FALSE_ALARM


def test_a_new_policy_is_uniform():
    for hidden in (0, 5):
        fresh = Controller(CARDINALITIES, hidden, np.random.default_rng(0))
        np.testing.assert_allclose(fresh.log_prob(all_rows()), -np.log(24))


def test_only_the_recurrent_policy_can_say_that_two_genes_agree():
    equal = np.array([[0, 0, 0], [1, 1, 0]])
    unequal = np.array([[0, 1, 0], [1, 0, 0]])
    gaps = []
    for hidden in (0, 2):
        made = Controller(CARDINALITIES, hidden, np.random.default_rng(0))
        adam = Adam(len(made.parameters), 0.1)
        for _ in range(100):
            rows = np.concatenate([equal, unequal])
            made.parameters += adam.step(made.gradient(rows, np.array([1.0, 1.0, -1.0, -1.0]), 0.0))
        gaps.append(made.log_prob(equal).min() - made.log_prob(unequal).max())
    assert gaps[0] < 1e-9 < 3 < gaps[1]


def test_the_gradient_equals_finite_differences(controller):
    rng = np.random.default_rng(2)
    X, advantage = controller.sample(7, rng), rng.normal(size=7)
    there = controller.parameters.copy()

    def objective(parameters):
        controller.parameters[:] = parameters
        return controller.objective(X, advantage, 0.3)

    expected = approx_fprime(there, objective, 1e-7)
    controller.parameters[:] = there
    np.testing.assert_allclose(controller.gradient(X, advantage, 0.3), expected, atol=1e-6)


@pytest.mark.parametrize("baseline", [0.0, 0.7])
def test_the_expected_estimate_is_the_gradient_of_the_expected_reward(controller, baseline):
    """Williams 1992, theorem 1: summed over all rows by their probability, for any baseline."""
    rewards = np.random.default_rng(3).normal(size=24)
    X = all_rows()
    p = np.exp(controller.log_prob(X))
    estimate = sum(p[i] * controller.gradient(X[i : i + 1], rewards[i : i + 1] - baseline, 0.0) for i in range(len(X)))
    there = controller.parameters.copy()

    def expected_reward(parameters):
        controller.parameters[:] = parameters
        return float(np.exp(controller.log_prob(X)) @ rewards)

    np.testing.assert_allclose(estimate, approx_fprime(there, expected_reward, 1e-7), atol=1e-6)


def test_a_bandit_with_two_arms_has_the_gradient_of_the_textbook():
    made = Controller(np.array([2]), 0, np.random.default_rng(0))
    made.bias[0] = 0.4, -0.3
    p = np.exp(made.bias[0]) / np.exp(made.bias[0]).sum()
    arms, rewards = np.array([[0], [1]]), np.array([0.9, 0.2])
    estimate = sum(p[a] * made.gradient(arms[a : a + 1], rewards[a : a + 1], 0.0) for a in range(2))
    slope = p[0] * p[1] * (rewards[0] - rewards[1])
    np.testing.assert_allclose(estimate, [slope, -slope])


def test_the_bonus_alone_leads_to_the_uniform_policy(controller):
    adam = Adam(len(controller.parameters), 0.05)
    rng = np.random.default_rng(4)
    for _ in range(400):
        X = controller.sample(8, rng)
        controller.parameters += adam.step(controller.gradient(X, np.zeros(8), 1.0))
    p = np.exp(controller.log_prob(all_rows()))
    assert rel_entr(p, 1 / 24).sum() < 0.01


def test_adam_steps_as_published():
    """The first step is the learning rate in the direction of the sign; the second one by hand."""
    adam = Adam(2, 0.1)
    np.testing.assert_allclose(adam.step(np.array([5.0, -0.01])), [0.1, -0.1], rtol=1e-5)
    mean = (0.9 * 0.1 * 5 + 0.1 * 1) / (1 - 0.9**2)
    square = (0.999 * 0.001 * 25 + 0.001 * 1) / (1 - 0.999**2)
    assert adam.step(np.array([1.0, 0.0]))[0] == pytest.approx(0.1 * mean / np.sqrt(square))


def test_rewards_are_ranks_among_earlier_scores():
    rank = RunningRank()
    assert [rank.add(s) for s in (3.0, 5.0, 1.0, 3.0)] == [1 / 2, 1.5 / 2, 0.5 / 3, 2 / 4]
    assert rank.add(np.nan) == 0
    assert rank.add(np.nan) == 0
    assert rank.add(-1e300) == (2 + 0.5) / 7, "a failure is worse than any score"


def test_increasing_transformations_change_nothing():
    space = get_space("nas-bench-201")
    landscape = Landscape(space)
    X, Y = (
        run(Reinforce(space, random_state=0), score, 100) for score in (landscape, lambda X: np.exp(landscape(X) - 50))
    )
    np.testing.assert_array_equal(X, Y)


def test_the_better_arm_becomes_more_probable():
    space = one_gene(5)
    strategy = Reinforce(space, random_state=0, key="nothing", batch_size=1)
    for _ in range(60):
        X = strategy.ask(1).X
        strategy.tell(X, (X[:, 0] == 3).astype(float))
    p = np.exp(strategy.controller.log_prob(np.arange(5, dtype=np.int16)[:, None]))
    assert p.argmax() == 3
    assert p[3] > 0.5


def test_earlier_results_teach():
    space = get_space("nas-bench-201")
    strategy = Reinforce(space, random_state=0)
    X = space.sample(300, np.random.default_rng(0), unique=True)
    strategy.tell(X, (X[:, 2] == 4).astype(float))
    assert np.mean(strategy.ask(50).X[:, 2] == 4) > 0.5


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"hidden": -1}, "hidden and entropy: expected at least 0, got -1"),
        ({"batch_size": 0}, "expected above 0 and at least 1, got 0.2 and 0"),
        ({"learning_rate": 0.0}, "expected above 0 and at least 1, got 0.0 and 3"),
    ],
)
def test_wrong_parameters(options, message):
    with pytest.raises(InvalidInputError, match=message):
        Reinforce(get_space("nas-bench-201"), **options)


@pytest.mark.slow
@pytest.mark.parametrize("space", ["nas-bench-201", "nas-bench-graph", "nas-bench-301", "transnas-macro", "mlp"])
def test_it_beats_random_search(space):
    check_beats_random(Reinforce, RandomSearch, get_space(space), budget=150)
