"""Monte-Carlo tree search: UCB1 by hand, visits at the known rate, a tree that holds every result."""

import math

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.stats import chisquare

from surrogate_nas.core import InvalidInputError
from surrogate_nas.spaces import get_space
from surrogate_nas.strategies import MonteCarloTreeSearch, RandomSearch
from surrogate_nas.strategies.reinforcement.tree_search import Node
from surrogate_nas.testing.strategy import Landscape, check_beats_random, run

FALSE_ALARM = 1e-6


@pytest.fixture
def space():
    return get_space("nas-bench-201")


def tree_of(rewards):
    """A root with one child per list of rewards."""
    root = Node(0, -1)
    root.is_open = True
    for value, results in enumerate(rewards):
        root.children[value] = Node(1, value)
        for reward in results:
            root.children[value].add([value], reward)
            root.add([value], reward)
    return root


def test_ucb1_by_hand():
    root = tree_of([[0.5, 0.7], [0.9], [0.2, 0.3, 0.4, 0.5]])
    assert root.mean == pytest.approx(3.5 / 7)
    # Means 0.6, 0.9, 0.35; widths sqrt(log(7) / n) = 0.986, 1.395, 0.697 at weight 1.
    assert root.most_promising(0.0).value == 1
    assert root.most_promising(1.0).value == 1
    root.children[1].visits += 3  # pending ones make it look better known: 0.697 + 0.9, and 8 and 3 are 10 visits
    root.visits += 3
    for exploration in (0.0, 0.5, 1.0, 3.0):
        bounds = [c.mean + exploration * math.sqrt(math.log(10) / c.visits) for c in root.children.values()]
        assert root.most_promising(exploration).value == np.argmax(bounds)
    assert root.most_promising(3.0).value == 0


def test_who_was_never_visited_comes_first():
    root = tree_of([[1.0] * 50, [], [0.9]])
    assert root.most_promising(0.01).value == 1


def play(root, arms, n, exploration):
    for _ in range(n):
        child = root.most_promising(exploration)
        reward = arms(child.value)
        child.add([child.value], reward)
        root.add([child.value], reward)
    return [child.visits for child in root.children.values()]


def test_visits_concentrate_at_the_known_rate():
    """With certain rewards both bounds stay equal: mean + c sqrt(log N / n) of the worse arm = that of the better."""
    n, c, means = 5000, 0.5, (0.8, 0.6)
    worse, better = play(tree_of([[], []]), lambda value: means[1 - value], n, c)

    def gap(k):
        return means[1] + c * math.sqrt(math.log(n) / k) - means[0] - c * math.sqrt(math.log(n) / (n - k))

    assert worse == pytest.approx(brentq(gap, 1, n / 2), abs=2)
    assert better == n - worse


def test_regret_is_logarithmic_as_proved():
    """Auer et al. 2002, theorem 1: at most 8 log(n) / gap^2 + 1 + pi^2 / 3 visits of the worse arm are expected."""
    n, p, runs = 1500, (0.9, 0.4), 20
    rng = np.random.default_rng(0)
    worse = [
        play(tree_of([[], []]), lambda value: float(rng.random() < p[value]), n, math.sqrt(2))[1] for _ in range(runs)
    ]
    assert np.mean(worse) < 8 * math.log(n) / (p[0] - p[1]) ** 2 + 1 + math.pi**2 / 3


def walk(node, prefix=()):
    yield node, prefix
    for child in node.children.values():
        yield from walk(child, (*prefix, child.value))


def test_every_node_holds_the_results_that_begin_like_it(space):
    strategy, landscape = MonteCarloTreeSearch(space, random_state=0), Landscape(space)
    earlier = space.sample(20, np.random.default_rng(1), unique=True)
    strategy.tell(earlier, landscape(earlier))
    X = np.concatenate([earlier, run(strategy, landscape, 100, 3)])
    n_nodes = 0
    for node, prefix in walk(strategy.root):
        below = (X[:, : len(prefix)] == prefix).all(axis=1)
        assert node.visits == len(node.results) == below.sum()
        assert sorted(row for row, _ in node.results) == sorted(X[below].tolist())
        if node.results:
            assert node.mean == pytest.approx(np.mean([reward for _, reward in node.results]))
        n_nodes += 1
    assert n_nodes > 50


def test_pending_ones_count_as_visits_until_they_are_told(space):
    strategy = MonteCarloTreeSearch(space, random_state=0)
    X = strategy.ask(40).X
    assert strategy.root.visits == 40
    assert len(np.unique(X[:, 0])) == 5, "the first gene takes every value before any comes again"
    assert np.ptp(np.bincount(X[:, 0])) <= 1, "and nothing told them apart"
    strategy.tell(X, np.zeros(40))
    assert strategy.root.visits == 40
    assert all(node.visits == len(node.results) for node, _ in walk(strategy.root))


def test_rollouts_are_uniform_over_the_valid_rows_below():
    space = get_space("nas-bench-graph")
    rows = space.enumerate()
    begin = np.repeat(rows[5000:5001, :3], 4000, axis=0)
    strategy = MonteCarloTreeSearch(space, random_state=0)
    below = rows[(rows[:, :3] == begin[0]).all(axis=1)]
    found = strategy._uniform(begin)
    assert len(found) == 4000
    counts = (found[:, None] == below).all(axis=2).sum(axis=0)
    assert counts.sum() == 4000
    assert chisquare(counts).pvalue > FALSE_ALARM


def test_rollouts_keep_to_values_that_did_well(space):
    strategy = MonteCarloTreeSearch(space, temperature=0.5, random_state=0)
    strategy.tell([[0] * 6, [1] * 6], [1.0, 2.0])  # the first is in the middle, the second above it
    means = np.array([(0.5 + 0.5) / 2, (0.5 + 0.75) / 2, 0.5, 0.5, 0.5])  # with one result of 0.5 for each beforehand
    found = strategy._likely(np.full((4000, 5), 2, dtype=np.int16))
    assert (found[:, :5] == 2).all()
    expected = 4000 * np.exp(means / 0.5) / np.exp(means / 0.5).sum()
    assert chisquare(np.bincount(found[:, 5], minlength=5), expected).pvalue > FALSE_ALARM


def test_it_finds_the_branch_that_is_better(space):
    X = run(MonteCarloTreeSearch(space, random_state=0), lambda X: (X[:, 0] == 3) + (X[:, 1] == 2) * 0.5, 150)
    assert np.mean((X[75:, 0] == 3) & (X[75:, 1] == 2)) > 0.5, "the share of a random row is 1 in 25"


def test_increasing_transformations_change_nothing(space):
    landscape = Landscape(space)
    X, Y = (
        run(MonteCarloTreeSearch(space, random_state=0), score, 100)
        for score in (landscape, lambda X: np.exp(landscape(X) - 50))
    )
    np.testing.assert_array_equal(X, Y)


def test_wrong_parameters(space):
    with pytest.raises(InvalidInputError, match="temperature: expected above 0, or None for uniform rollouts, got 0"):
        MonteCarloTreeSearch(space, temperature=0)
    with pytest.raises(InvalidInputError, match="exploration: expected a finite number of at least 0, got -1"):
        MonteCarloTreeSearch(space, exploration=-1)


@pytest.mark.slow
@pytest.mark.parametrize("space", ["nas-bench-201", "nas-bench-graph", "nas-bench-301", "transnas-macro", "mlp"])
def test_it_beats_random_search(space):
    check_beats_random(MonteCarloTreeSearch, RandomSearch, get_space(space), budget=150)
