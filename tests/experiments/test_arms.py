"""The comparison with random search: fair by construction, checked on replayed real trainings."""

import numpy as np
import pytest

import surrogate_nas as sn
from surrogate_nas.core import InvalidInputError
from surrogate_nas.experiments import Budget, ReplayedTrainings, play
from surrogate_nas.experiments.arms import SEARCH_SEED, FromScratch, best_mean, finalists

BUDGET = Budget(support=10, further=6, rounds=2, finalists=2, seeds=2)


class Spy:
    """Replayed trainings that remember what was asked."""

    def __init__(self, trainings):
        self.trainings = trainings
        self.space = trainings.space
        self.asked = []

    def candidates(self):
        return self.trainings.candidates()

    def train(self, X, seeds, label=""):
        self.asked.append((np.array(X), list(seeds)))
        return self.trainings.train(X, seeds, label)


@pytest.fixture(scope="module")
def table():
    return sn.load_table("graph-tasks")


@pytest.fixture
def spy(table):
    return Spy(ReplayedTrainings(table, table.tasks[0]))


@pytest.fixture(scope="module")
def advisers(small_sources, table):
    return (sn.MetaPredictor(table.space, random_state=0).fit(small_sources), FromScratch(table.space))


@pytest.mark.parametrize("proposer", ["ranking", "evolution"])
def test_both_arms_pay_the_same_and_share_the_support(spy, advisers, proposer):
    outcome = play(spy, advisers, BUDGET, proposer=proposer, random_state=3)
    guided, luck = outcome.guided, outcome.random
    assert len(guided.tried) == len(luck.tried) == BUDGET.support + BUDGET.further
    np.testing.assert_array_equal(guided.tried[: BUDGET.support], luck.tried[: BUDGET.support])
    for arm in (guided, luck):
        assert len(np.unique(spy.space.codes(arm.tried))) == len(arm.tried), "something was trained twice"
        assert arm.confirmed.val.shape == arm.confirmed.test.shape == (BUDGET.finalists, BUDGET.seeds)
        assert np.isin(spy.space.codes(arm.finalists), spy.space.codes(arm.tried)).all()


def test_confirmation_uses_seeds_that_no_choice_has_seen(spy, advisers):
    play(spy, advisers, BUDGET, random_state=0)
    for _, seeds in spy.asked:
        assert seeds == [SEARCH_SEED] or SEARCH_SEED not in seeds


def test_the_winner_is_chosen_on_validation(spy, advisers):
    for seed in range(3):
        for arm in (o := play(spy, advisers, BUDGET, random_state=seed), o)[:1]:
            for played in (arm.guided, arm.random):
                assert played.winner == np.argmax(played.confirmed.val.mean(axis=1))
                assert played.test == played.confirmed.test[played.winner].mean()


def test_test_scores_change_no_choice(spy, advisers, monkeypatch):
    honest = play(spy, advisers, BUDGET, random_state=1)
    train = spy.trainings.train

    def shuffled(X, seeds, label=""):
        scores = train(X, seeds, label)
        return type(scores)(scores.val, 1 - scores.test, scores.seconds)

    monkeypatch.setattr(spy.trainings, "train", shuffled)
    other = play(spy, advisers, BUDGET, random_state=1)
    np.testing.assert_array_equal(honest.guided.tried, other.guided.tried)
    assert honest.guided.winner == other.guided.winner
    assert other.guided.test == pytest.approx(1 - honest.guided.test)


def test_the_same_seed_plays_the_same_game_and_another_does_not(spy, advisers):
    first, again, other = (play(spy, advisers, BUDGET, random_state=s) for s in (5, 5, 6))
    np.testing.assert_array_equal(first.guided.tried, again.guided.tried)
    assert not np.array_equal(first.random.tried, other.random.tried)


def test_failed_trainings_are_never_finalists():
    found = np.array([0.9, np.nan, 0.7, 0.8])
    assert finalists(np.array([1.0, 9.0, 2.0, 3.0]), found, 3).tolist() == [3, 2, 0]
    assert best_mean(np.array([[np.nan, np.nan], [0.1, np.nan], [0.05, 0.2]])) == 2
    assert best_mean(np.array([[np.nan], [0.1]])) == 1


def test_every_training_failed_is_said_in_one_line(spy, advisers, monkeypatch):
    train = spy.trainings.train

    def failing(X, seeds, label=""):
        scores = train(X, seeds, label)
        return type(scores)(np.full_like(scores.val, np.nan), scores.test, scores.seconds)

    monkeypatch.setattr(spy.trainings, "train", failing)
    with pytest.raises(InvalidInputError, match="every training failed"):
        play(spy, advisers, BUDGET)


def test_no_support_at_all_starts_from_what_earlier_tasks_say(spy, advisers):
    outcome = play(spy, advisers, Budget(support=0, further=3, rounds=1, finalists=1, seeds=1), random_state=0)
    assert len(outcome.guided.tried) == 3


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"support": -1}, "support: expected at least 0, got -1"),
        ({"support": 0, "further": 0}, "at least one training"),
        ({"rounds": 0}, "rounds: expected at least 1, got 0"),
        ({"support": 1, "further": 1, "finalists": 3}, "finalists: expected at most the 2"),
        ({"seeds": 0}, "seeds: expected at least 1"),
    ],
)
def test_budgets_that_make_no_sense(settings, message):
    with pytest.raises(InvalidInputError, match=message):
        Budget(**settings)


def test_more_trainings_than_architectures(spy, advisers):
    with pytest.raises(InvalidInputError, match=r"expected at most the \d+ architectures there are"):
        play(spy, advisers, Budget(support=10**6))
