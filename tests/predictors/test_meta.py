"""Learning across tasks: the contract, useless sources, and that nothing is peeked at."""

import numpy as np
import pytest

from surrogate_nas.core import InvalidInputError, Prediction, TaskData
from surrogate_nas.core.statistics import kendall_tau
from surrogate_nas.predictors import MetaPredictor, load_predictor
from surrogate_nas.spaces import get_space

SPACE = get_space("nas-bench-graph")


def effects(rng: np.random.Generator) -> np.ndarray:
    """A made-up task: how good each operation is in each place."""
    return rng.normal(size=(4, 9))


def score(rows: np.ndarray, effect: np.ndarray, rng: np.random.Generator, noise: float = 0.2) -> np.ndarray:
    """Scores of a made-up task around 0.7."""
    total = effect[np.arange(4), rows[:, 1:]].sum(axis=1) + noise * rng.normal(size=len(rows))
    return 0.7 + 0.05 * total


@pytest.fixture(scope="module")
def made_up():
    """Four related tasks of 1,500 rows, a fifth like them as target, and rows to test on."""
    rng = np.random.default_rng(0)
    common = effects(rng)
    tasks = [common + 0.3 * effects(rng) for _ in range(5)]
    rows = SPACE.sample(1500, rng, unique=True)
    sources = {f"task {i}": (rows, score(rows, task, rng)) for i, task in enumerate(tasks[:4])}
    test = SPACE.sample(800, rng)
    return sources, (test, score(test, tasks[4], rng)), tasks[4]


@pytest.fixture(scope="module")
def meta(made_up):
    return MetaPredictor(SPACE, random_state=0).fit(made_up[0])


def target(made_up, n, seed=1):
    """n scored rows of the target."""
    rng = np.random.default_rng(seed)
    rows = SPACE.sample(n, rng)
    return rows, score(rows, made_up[2], rng)


def test_without_any_score_the_sources_speak(meta, made_up):
    _, (test, truth), _ = made_up
    prediction = meta.adapt().predict(test)
    assert kendall_tau(prediction, truth) > 0.5
    assert abs(np.median(prediction) - np.median(truth)) < 0.1


@pytest.mark.parametrize("n", [1, 2, 3, 10])
def test_any_number_of_scores(meta, made_up, n):
    test, truth = made_up[1]
    mean, std = meta.adapt(*target(made_up, n)).predict(test, return_std=True)
    assert mean.shape == std.shape == truth.shape
    assert np.isfinite(mean).all()
    assert (std > 0).all()
    assert kendall_tau(mean, truth) > 0.45


def test_scores_of_the_target_help(meta, made_up):
    test, truth = made_up[1]
    taus = [kendall_tau(meta.adapt(*target(made_up, n)).predict(test), truth) for n in (10, 100, 300)]
    assert taus[0] < taus[1] < taus[2]


def test_predictions_have_the_unit_and_sign_of_the_target(meta, made_up):
    test, truth = made_up[1]
    rows, y = target(made_up, 60)
    percent = meta.adapt(rows, 100 * y).predict(test)
    np.testing.assert_allclose(percent, 100 * meta.adapt(rows, y).predict(test), rtol=1e-5)
    error = meta.adapt(rows, 1 - y, direction="min")
    np.testing.assert_allclose(error.predict(test), 1 - meta.adapt(rows, y).predict(test), rtol=1e-5)
    best = error.rank(test, top=10).index
    assert truth[best].mean() > truth.mean()


def test_a_source_where_less_is_better_is_turned_round(made_up):
    sources, (test, truth), _ = made_up
    as_errors = {name: TaskData(X, 1 - y, direction="min") for name, (X, y) in sources.items()}
    plain = MetaPredictor(SPACE, random_state=0).fit(sources).adapt(*target(made_up, 20)).predict(test)
    turned = MetaPredictor(SPACE, random_state=0).fit(as_errors).adapt(*target(made_up, 20)).predict(test)
    np.testing.assert_allclose(plain, turned, rtol=1e-3)


def test_intervals_cover(meta, made_up):
    test, truth = made_up[1]
    mean, std = meta.adapt(*target(made_up, 100)).predict(test, return_std=True)
    assert isinstance(meta.adapt().predict(test, return_std=True), Prediction)
    assert 0.55 < np.mean(np.abs(truth - mean) < std) < 0.85


def test_constant_scores_leave_the_order_to_the_sources(meta, made_up):
    test, truth = made_up[1]
    rows, y = target(made_up, 5)
    mean = meta.adapt(rows, np.full_like(y, 0.5)).predict(test)
    assert np.isfinite(mean).all()
    assert kendall_tau(mean, truth) > 0.3


@pytest.mark.parametrize(
    ("X", "y"),
    [
        (np.zeros((2, 5)), [0.1, np.nan]),
        (np.zeros((2, 5)), [0.1, np.inf]),
        (np.zeros((2, 5)), [0.1]),
        (np.zeros((2, 4)), [0.1, 0.2]),
        (np.full((1, 5), 99), [0.1]),
        (np.zeros((2, 5)), None),
        (None, [0.1]),
    ],
)
def test_wrong_input_is_named(meta, X, y):
    with pytest.raises(InvalidInputError):
        meta.adapt(X, y)


def test_wrong_sources_are_named():
    rows = SPACE.sample(3, np.random.default_rng(0))
    for sources in ({}, {"a": (rows, [1.0, 2.0])}, {"a": (rows, [1.0, 2.0, np.nan])}, {"a": (rows[:0], [])}):
        with pytest.raises(InvalidInputError):
            MetaPredictor(SPACE).fit(sources)
    with pytest.raises(InvalidInputError, match="not fitted"):
        MetaPredictor(SPACE).adapt()


def test_a_reversed_source_helps_once_scores_are_there(made_up):
    sources, (test, truth), _ = made_up
    backwards = {name: (X, 1 - y) for name, (X, y) in sources.items()}
    learned = MetaPredictor(SPACE, random_state=0).fit(backwards)
    alone = MetaPredictor(SPACE, random_state=0).fit(noise_only(made_up))
    taus = [kendall_tau(m.adapt(*target(made_up, 60)).predict(test), truth) for m in (learned, alone)]
    assert taus[0] > taus[1]


def noise_only(made_up):
    """The same rows with scores that mean nothing."""
    rng = np.random.default_rng(5)
    return {name: (X, rng.normal(size=len(y))) for name, (X, y) in made_up[0].items()}


def test_sources_of_pure_noise_do_little_harm(made_up):
    test, truth = made_up[1]
    learned = MetaPredictor(SPACE, random_state=0).fit(noise_only(made_up))
    assert kendall_tau(learned.adapt(*target(made_up, 100)).predict(test), truth) > 0.4


def test_sources_may_be_tiny_or_partial(made_up):
    sources, (test, truth), _ = made_up
    (X0, y0), (X1, y1), *_ = sources.values()
    inside = ~np.isin(X1[:, 1:], [0, 2]).any(axis=1)
    odd = dict(sources) | {
        "two rows": (X0[:2], y0[:2]),
        "constant": (X0, np.ones(len(y0))),
        "part": (X1[inside], y1[inside]),
    }
    taus = [
        kendall_tau(MetaPredictor(SPACE, random_state=0).fit(s).adapt().predict(test), truth) for s in (sources, odd)
    ]
    assert taus[1] > taus[0] - 0.03
    single = MetaPredictor(SPACE, random_state=0).fit({"only": (X0, y0)}).adapt(*target(made_up, 10))
    assert kendall_tau(single.predict(test), truth) > 0.4


def test_same_seed_same_predictor(made_up):
    test = made_up[1][0][:50]
    a, b = (MetaPredictor(SPACE, random_state=3).fit(made_up[0]).adapt(*target(made_up, 20)) for _ in range(2))
    np.testing.assert_array_equal(a.predict(test), b.predict(test))
    np.testing.assert_allclose(a.predict(test), [a.predict(x[None])[0] for x in test], rtol=1e-4)


@pytest.mark.parametrize("n", [0, 4, 40])
def test_saved_and_loaded_it_predicts_the_same(meta, made_up, tmp_path, n):
    test = made_up[1][0]
    predictor = meta.adapt(*target(made_up, n)) if n else meta.adapt()
    predictor.save(tmp_path / "p")
    before, after = (p.predict(test, return_std=True) for p in (predictor, load_predictor(tmp_path / "p")))
    np.testing.assert_array_equal(before.mean, after.mean)
    np.testing.assert_array_equal(before.std, after.std)


def test_what_was_learned_comes_back_and_adapts_to_the_same_numbers(meta, made_up, tmp_path):
    test = made_up[1][0]
    meta.save(tmp_path / "meta")
    loaded = load_predictor(tmp_path / "meta")
    assert isinstance(loaded, MetaPredictor)
    assert loaded.space is SPACE
    for support in ((), target(made_up, 4), target(made_up, 40)):
        before, after = (m.adapt(*support).predict(test, return_std=True) for m in (meta, loaded))
        np.testing.assert_array_equal(before.mean, after.mean)
        np.testing.assert_array_equal(before.std, after.std)
    rows, y = target(made_up, 12)
    before, after = (m.adapt(rows, -y, direction="min").predict(test) for m in (meta, loaded))
    np.testing.assert_array_equal(before, after)


def test_nothing_is_read_from_disk(made_up, monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError(f"opened {args}")

    MetaPredictor(SPACE, random_state=0).fit({"warm": made_up[0]["task 0"]})  # imports may read files, fits may not
    monkeypatch.setattr("builtins.open", refuse)
    monkeypatch.setattr("io.open", refuse)
    MetaPredictor(SPACE, random_state=0).fit(made_up[0]).adapt(*target(made_up, 5))


def test_what_is_learned_depends_on_the_sources_alone(made_up):
    sources, (test, _), _ = made_up
    short = dict(list(sources.items())[:2])
    once = MetaPredictor(SPACE, random_state=0)
    once.fit(sources)
    again = once.fit(short).adapt().predict(test)
    fresh = MetaPredictor(SPACE, random_state=0).fit(short).adapt().predict(test)
    np.testing.assert_array_equal(again, fresh)
    assert not np.allclose(fresh, MetaPredictor(SPACE, random_state=0).fit(sources).adapt().predict(test))
