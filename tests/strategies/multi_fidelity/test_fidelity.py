"""What all strategies share that train some architectures for longer than others."""

from functools import partial

import numpy as np
import pytest

import surrogate_nas as sn
from surrogate_nas.core import Column, InvalidInputError
from surrogate_nas.spaces import get_space
from surrogate_nas.strategies import ASHA, BOHB, Hyperband, LearningCurveStopping, SuccessiveHalving, levels_between
from surrogate_nas.testing.strategy import Landscape

CLASSES = [SuccessiveHalving, Hyperband, ASHA, BOHB, LearningCurveStopping]
every = pytest.mark.parametrize("make", CLASSES, ids=lambda c: c.__name__)


@pytest.fixture(scope="module")
def space():
    return get_space("nas-bench-201")


@pytest.fixture(scope="module")
def table(space):
    """Scores that approach their end as 1 / epochs, from far below, with noise that fades as well."""
    X = space.enumerate()
    end, noise = (Landscape(space, seed)(X) for seed in (0, 1))
    lengths = (1, 3, 9, 27)
    return sn.Table(space, X, {Column("t", "accuracy", "val", e): end - (5 + noise) / e for e in lengths})


def test_levels_are_geometric_and_end_with_the_longest():
    assert levels_between(1, 81) == (1, 3, 9, 27, 81)
    assert levels_between(1, 243) == (1, 3, 9, 27, 81, 243), "a logarithm that is rounded down loses a level"
    assert levels_between(12, 200, eta=2) == (12, 25, 50, 100, 200)
    assert levels_between(5, 10, eta=2) == (5, 10)
    assert levels_between(8, 10, eta=2) == (10,)
    for wrong in ((0, 10), (10, 10), (1, 10, 1)):
        with pytest.raises(InvalidInputError, match="1 <= shortest < longest and eta above 1"):
            levels_between(*wrong[:2], eta=wrong[2] if len(wrong) > 2 else 3)


@every
@pytest.mark.parametrize("levels", [(), (200,), (0, 10), (200, 12), (12, 12)], ids=str)
def test_wrong_levels_are_one_line(make, space, levels):
    with pytest.raises(InvalidInputError, match=r"levels: expected at least two training lengths .* got") as error:
        make(space, levels=levels)
    assert "\n" not in str(error.value)


@every
def test_epochs_are_told_as_they_were_proposed(make, space):
    strategy = make(space, levels=(12, 200), random_state=0)
    X, epochs = strategy.ask(2)
    assert epochs.tolist() == [12, 12]
    with pytest.raises(InvalidInputError, match="pass epochs=proposal.epochs"):
        strategy.tell(X, [0.1, 0.2])
    with pytest.raises(InvalidInputError, match=r"expected epochs of shape \(2,\), got shape \(1,\)"):
        strategy.tell(X, [0.1, 0.2], epochs=[12])
    strategy.tell(X, [0.1, 0.2], epochs=epochs)
    strategy.tell(space.sample(3, 7), np.zeros(3), epochs=[12, 200, 108])
    assert [len(strategy.results[e]) for e in (12, 200)] == [3, 1], "108 epochs are none of its levels"
    strategy.tell(space.sample(3, 8), np.zeros(3))
    assert [len(strategy.results[e]) for e in (12, 200)] == [3, 4]


@every
def test_an_architecture_goes_up_level_by_level(make, table):
    strategy = make(table.space, levels=(1, 3, 9, 27), random_state=0)
    objective = sn.TableObjective(table, task="t", epochs=27)
    result = sn.search(objective, strategy, budget=400)
    trained = {}
    for x, epochs in zip(result.X, result.epochs.tolist(), strict=True):
        trained.setdefault(x.tobytes(), []).append(epochs)
    begin = {1, 3, 9, 27} if make in (Hyperband, BOHB) else {1}
    assert {lengths[0] for lengths in trained.values()} == begin
    for lengths in trained.values():
        assert lengths == [e for e in (1, 3, 9, 27) if lengths[0] <= e <= lengths[-1]]
    assert max(map(len, trained.values())) == 4
    assert result.epochs[result.incumbents[-1]] == 27


@every
def test_failures_are_not_promoted(make, table):
    space = table.space
    strategy = make(space, levels=(1, 3, 9), random_state=0)
    failed, n_longer = set(), 0
    for _ in range(300):
        X, epochs = strategy.ask(1)
        assert X[0].tobytes() not in failed
        n_longer += int(epochs[0] > 1)
        score = np.nan if X.sum() % 2 else float(X.sum())
        failed |= {X[0].tobytes()} if np.isnan(score) else set()
        strategy.tell(X, [score], epochs=epochs)
    assert failed
    assert n_longer > 10


@every
def test_results_may_come_in_any_order(make, table):
    """Thirty workers, each finishing at its own time; the strategy neither stalls nor asks for a pair twice."""
    strategy = make(table.space, levels=(1, 3, 9, 27), random_state=0)
    objective = sn.TableObjective(table, task="t", epochs=27, cost=1.0)
    result = sn.search(objective, strategy, budget=500, workers=30)
    pairs = {(x.tobytes(), e) for x, e in zip(result.X, result.epochs.tolist(), strict=True)}
    assert len(pairs) == 500
    assert (result.epochs == 27).sum() > 5


@every
def test_a_search_is_continued_where_it_was(make, table, tmp_path):
    objective = sn.TableObjective(table, task="t", epochs=27)

    def run(budget, folder=None):
        strategy = make(table.space, levels=(1, 3, 9, 27), random_state=0)
        return sn.search(objective, strategy, budget=budget, batch_size=4, run_dir=folder).history

    run(61, tmp_path)
    assert run(150, tmp_path).equals(run(150))


@every
def test_repeats_are_charged_where_nothing_counts_as_the_same(make, space):
    few = space.enumerate()[:6]
    strategy = make(space, levels=(1, 3), random_state=0, key="nothing")
    strategy.restrict(allowed=lambda X: (X[:, None] == few).all(axis=2).any(axis=1))
    for step in range(60):
        X, epochs = strategy.ask(3)
        strategy.tell(X, X.sum(axis=1) / (1 + step % 7), epochs=epochs)
    assert max(len(results) for results in strategy.results.values()) == 6
    assert strategy.ledger.n_pending == 0


def test_a_strategy_of_this_kind_beats_random_search_by_epochs(table):
    """At equal epochs, the mean rank of the incumbent; a sign test over seeds decides (see check_beats_random)."""
    objective = sn.TableObjective(table, task="t", epochs=27, cost=1.0)
    n, wins = 24, np.zeros(2)
    for seed in range(n):
        random = sn.search(objective, sn.strategies.RandomSearch(table.space, random_state=seed), budget_s=27 * 30)
        for i, make in enumerate((partial(SuccessiveHalving, levels=objective.schedules), ASHA)):
            strategy = make(table.space, levels=objective.schedules, random_state=seed)
            result = sn.search(objective, strategy, budget_s=27 * 30)
            wins[i] += (result.regret()[-1] < random.regret()[-1]) + 0.5 * (result.regret()[-1] == random.regret()[-1])
    # Without a difference P(at least 21 of 24 wins) = 1.4e-4 / 1.0e0 < 1e-3.
    assert (wins >= 21).all(), wins
