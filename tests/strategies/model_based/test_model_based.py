"""What a model-based strategy asks its predictor, when, and what it makes of the answers."""

import numpy as np
import pytest

from surrogate_nas.core import InvalidInputError, SpaceExhaustedError
from surrogate_nas.core.statistics import normal_scores
from surrogate_nas.encodings import OneHotEncoder
from surrogate_nas.predictors import Predictor, Ridge
from surrogate_nas.spaces import get_space
from surrogate_nas.strategies import Beliefs, ModelBased, RandomSearch, UpperConfidenceBound
from surrogate_nas.strategies.ledger import Ledger
from surrogate_nas.strategies.model_based.penalisation import penalised_order
from surrogate_nas.strategies.model_based.pool import CandidatePool, best_rows
from surrogate_nas.testing.strategy import Landscape, check_beats_random, run

SPACE = get_space("nas-bench-201")


def ridge(space=SPACE):
    return Predictor(space, OneHotEncoder(space), Ridge())


class Listening:
    """A real predictor that remembers what it was taught."""

    def __init__(self, space=SPACE):
        self.inner = ridge(space)
        self.lessons = []

    def fit(self, X, y):
        self.lessons.append((np.array(X), np.array(y)))
        self.inner.fit(X, y)
        return self

    def predict(self, X, *, return_std=False):
        return self.inner.predict(X, return_std=return_std)


def test_it_learns_from_ranks_after_every_so_many_scores():
    model, landscape = Listening(), Landscape(SPACE)
    X = run(ModelBased(SPACE, predictor=model, n_initial=10, refit_every=5, random_state=0), landscape, 31)
    assert [len(y) for _, y in model.lessons] == [10, 15, 20, 25, 30]
    rows, scores = model.lessons[2]
    np.testing.assert_array_equal(rows, X[:20])
    np.testing.assert_allclose(scores, normal_scores(landscape(X[:20])))


def test_it_learns_less_often_as_scores_get_many():
    model = Listening()
    run(
        ModelBased(SPACE, predictor=model, n_initial=4, refit_every=1, growth=0.5, random_state=0), Landscape(SPACE), 40
    )
    assert [len(y) for _, y in model.lessons] == [4, 6, 9, 14, 21, 32]


def test_a_failed_evaluation_counts_as_the_worst():
    model = Listening()
    strategy = ModelBased(SPACE, predictor=model, n_initial=4, random_state=0)
    X = strategy.ask(4).X
    strategy.tell(X, [1.0, np.nan, -3.0, 2.0])
    strategy.ask(1)
    _, scores = model.lessons[0]
    np.testing.assert_allclose(scores, normal_scores([1.0, -3.0, -3.0, 2.0]))


def test_the_first_are_random_and_then_the_best_expected():
    strategy = ModelBased(
        SPACE, predictor=ridge(), n_initial=30, refit_every=3, acquisition="greedy", pool_size=20_000, random_state=0
    )
    landscape = Landscape(SPACE)
    X = strategy.ask(30).X
    strategy.tell(X, landscape(X))
    rest = SPACE.enumerate()
    mean = ridge().fit(X, normal_scores(landscape(X))).predict(rest)
    seen = (SPACE.canonical(rest)[:, None] == SPACE.canonical(X)).all(axis=2).any(axis=1)
    best = rest[np.argsort(-np.where(seen, -np.inf, mean), kind="stable")[0]]
    np.testing.assert_array_equal(strategy.ask(1).X[0], best)


def test_without_initial_architectures_it_asks_at_once():
    class Knowing:
        """Knows without scores: the sum of genes."""

        def fit(self, X, y):
            assert X.shape == (0, SPACE.n_genes)
            return self

        def predict(self, X, *, return_std):
            mean = X.sum(axis=1).astype(float)
            return (mean, np.ones(len(X))) if return_std else mean

    strategy = ModelBased(
        SPACE, predictor=Knowing(), n_initial=0, acquisition="greedy", pool_size=20_000, random_state=0
    )
    assert strategy.ask(1).X.sum() == (SPACE.cardinalities - 1).sum()


def test_a_larger_batch_than_one_fit_allows_goes_down_the_ranking():
    strategy = ModelBased(SPACE, predictor=ridge(), n_initial=5, refit_every=2, pool_size=50, random_state=0)
    X = strategy.ask(64).X  # nothing is known yet: random
    strategy.tell(X, Landscape(SPACE)(X))
    assert len(strategy.ask(64).X) == 64  # more than the pool has


def test_the_handed_predictor_is_left_alone():
    model = ridge()
    run(ModelBased(SPACE, predictor=model, random_state=0), Landscape(SPACE), 20)
    assert not hasattr(model, "regressor_")


def test_wrong_settings():
    for wrong in (
        {"n_initial": -1},
        {"refit_every": 0},
        {"random_share": 2},
        {"pool_size": 0},
        {"mutants": -0.1},
        {"n_elites": -1},
        {"growth": float("nan")},
    ):
        with pytest.raises(InvalidInputError, match="expected"):
            ModelBased(SPACE, predictor=ridge(), **wrong)


def test_a_small_space_is_offered_whole_without_what_was_seen():
    ledger = Ledger(SPACE, key="row", allowed=lambda X: X[:, 0] == 1)
    pool = CandidatePool(ledger, size=SPACE.size)
    everything = SPACE.enumerate()[SPACE.enumerate()[:, 0] == 1]
    np.testing.assert_array_equal(pool.draw(everything[:0], np.random.default_rng(0)), everything)
    ledger.settle(everything[:10])
    np.testing.assert_array_equal(pool.draw(everything[:0], np.random.default_rng(0)), everything[10:])


def test_a_large_space_is_offered_in_part_near_the_best():
    space = get_space("nas-bench-301")
    rng = np.random.default_rng(0)
    elites = space.sample(3, rng)
    pool = CandidatePool(Ledger(space), size=400, mutants=0.5).draw(elites, rng)
    assert 300 < len(pool) <= 400
    assert space.valid(pool).all()
    edits = np.array([space.distance(elite, pool) for elite in elites]).min(axis=0)
    assert (edits <= 2).sum() > 120
    assert len(np.unique(pool, axis=0)) == len(pool)
    assert not len(CandidatePool(Ledger(space, allowed=lambda X: X[:, 0] < 0), size=50).draw(elites, rng))


def test_best_rows_leaves_out_failures():
    X = np.arange(8, dtype=np.int16).reshape(4, 2)
    np.testing.assert_array_equal(best_rows(X, np.array([1.0, np.nan, 3.0, 2.0]), 9), X[[2, 3, 0]])


def test_penalised_picks_keep_away_from_each_other_and_from_pending_ones():
    rows = SPACE.canonical(SPACE.sample(400, np.random.default_rng(0), unique=True))
    mean = -0.1 * SPACE.distance(rows[0], rows)  # one hill, its top at the first row
    beliefs = Beliefs(mean, np.full(len(rows), 0.05), best=0.0, n_told=10)
    none = rows[:0]
    plain = np.argsort(-mean, kind="stable")
    order = penalised_order(SPACE, rows, mean, beliefs, none, 4)
    assert sorted(order) == list(range(len(rows)))
    assert order[0] == plain[0] == 0

    def apart(picks):
        return min(SPACE.distance(rows[i], rows[picks[picks != i]]).min() for i in picks)

    assert apart(order[:4]) > apart(plain[:4]) or apart(order[:4]) >= 2
    assert penalised_order(SPACE, rows, mean, beliefs, rows[:1], 4)[0] != 0  # its score is still to come


@pytest.mark.slow
@pytest.mark.parametrize(
    "options", [{}, {"acquisition": UpperConfidenceBound(2.0), "diverse": True}], ids=["ei", "ucb"]
)
def test_it_beats_random_search(options):
    def factory(space, random_state):
        return ModelBased(space, predictor=ridge(space), random_state=random_state, **options)

    check_beats_random(factory, RandomSearch, SPACE, budget=40)


def test_nothing_left_is_said():
    strategy = ModelBased(SPACE, predictor=ridge(), n_initial=0, random_state=0)
    strategy.restrict(allowed=lambda X: np.zeros(len(X), dtype=bool))
    with pytest.raises((SpaceExhaustedError, InvalidInputError)):
        strategy.ask(1)
