"""Learning across tasks: the contract, useless sources, and that nothing is peeked at."""

import numpy as np
import pytest

from surrogate_nas.core import InvalidInputError, Prediction, TaskData
from surrogate_nas.core.statistics import kendall_tau
from surrogate_nas.predictors import AutoPredictor, MetaPredictor, load_predictor
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
    alone = AutoPredictor(SPACE).fit(*target(made_up, 100))
    assert few_percent(learned.adapt(*target(made_up, 100)), alone, test, truth) < 0.01


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
    really_open = open

    def refuse(file, *args, **kwargs):
        if str(file).startswith("/proc/"):  # which libraries are loaded, to limit their threads
            return really_open(file, *args, **kwargs)
        raise AssertionError(f"opened {file}")

    MetaPredictor(SPACE, random_state=0).fit(made_up[0]).adapt(
        *target(made_up, 10)
    )  # imports may read files, fits may not
    monkeypatch.setattr("builtins.open", refuse)
    monkeypatch.setattr("io.open", refuse)
    MetaPredictor(SPACE, random_state=0).fit(made_up[0]).adapt(*target(made_up, 10))


def test_what_is_learned_depends_on_the_sources_alone(made_up):
    sources, (test, _), _ = made_up
    short = dict(list(sources.items())[:2])
    once = MetaPredictor(SPACE, random_state=0)
    once.fit(sources)
    again = once.fit(short).adapt().predict(test)
    fresh = MetaPredictor(SPACE, random_state=0).fit(short).adapt().predict(test)
    np.testing.assert_array_equal(again, fresh)
    assert not np.allclose(fresh, MetaPredictor(SPACE, random_state=0).fit(sources).adapt().predict(test))


def few_percent(predictor, plain, test, truth):
    """How much worse than a predictor that knows no other task."""
    return kendall_tau(plain.predict(test), truth) - kendall_tau(predictor.predict(test), truth)


@pytest.mark.parametrize("harm", ["noise", "reversed", "both"])
@pytest.mark.parametrize("n", [30, 150])
def test_bad_sources_do_no_harm(made_up, harm, n):
    """Against from scratch, paired over targets: sources of noise, sources that are the wrong way round."""
    sources, (test, truth), _ = made_up
    backwards = {f"reversed {name}": (X, 1.4 - y) for name, (X, y) in sources.items()}
    noise = noise_only(made_up)
    learned = {"noise": noise, "reversed": backwards, "both": {**noise, **dict(list(backwards.items())[:1])}}[harm]
    meta = MetaPredictor(SPACE, random_state=0).fit(learned)
    losses = []
    for seed in range(4):
        rows, y = target(made_up, n, seed)
        losses.append(few_percent(meta.adapt(rows, y), AutoPredictor(SPACE).fit(rows, y), test, truth))
    assert np.mean(losses) < 0.03


def test_side_features_of_the_sources_help(made_up):
    """A proxy that tells the score well in the sources is believed in the target, also without scores."""
    sources, (test, truth), effect = made_up
    rng = np.random.default_rng(3)

    def proxy(X, noise):
        clean = score(X, effect, np.random.default_rng(0), noise=0.0)
        return np.stack([clean + 0.01 * rng.normal(size=len(X)), noise * rng.normal(size=len(X))], axis=1)

    with_proxies = {name: TaskData(X, y, extra=proxy(X, 1.0)) for name, (X, y) in sources.items()}
    meta = MetaPredictor(SPACE, random_state=0).fit(with_proxies)
    extra = proxy(test, 1.0)
    extra[::50, 0] = np.nan
    rows, y = target(made_up, 20)
    taus = []
    for predictor in (meta.adapt(), meta.adapt(rows, y, extra=proxy(rows, 1.0))):
        taus.append(kendall_tau(predictor.predict(test, extra=extra), truth))
        with pytest.raises(InvalidInputError, match="extra"):
            predictor.predict(test)
    assert taus[0] > 0.5
    assert taus[1] > kendall_tau(MetaPredictor(SPACE, random_state=0).fit(sources).adapt(rows, y).predict(test), truth)
    with pytest.raises(InvalidInputError, match="2 side features"):
        meta.adapt(rows, y)
    with pytest.raises(InvalidInputError, match="same side features"):
        MetaPredictor(SPACE).fit(with_proxies | {"bare": sources["task 0"]})


def test_with_side_features_saved_and_loaded_it_predicts_the_same(made_up, tmp_path):
    sources, (test, _), _ = made_up
    rng = np.random.default_rng(0)
    data = {name: TaskData(X, y, extra=rng.normal(size=(len(y), 3))) for name, (X, y) in sources.items()}
    rows, y = target(made_up, 40)
    predictor = MetaPredictor(SPACE, random_state=0).fit(data).adapt(rows, y, extra=rng.normal(size=(40, 3)))
    predictor.save(tmp_path / "p")
    extra = rng.normal(size=(len(test), 3))
    expected = predictor.predict(test, extra=extra, return_std=True)
    found = load_predictor(tmp_path / "p").predict(test, extra=extra, return_std=True)
    np.testing.assert_array_equal(found, expected)


def test_descriptors_say_which_sources_are_of_a_kind():
    """Three small tasks of one kind and three large ones of another; the target is small."""
    rng = np.random.default_rng(0)
    kinds = [effects(rng), effects(rng)]
    rows = SPACE.sample(600, rng, unique=True)
    tasks = {}
    for i in range(6):
        effect = kinds[i % 2] + 0.3 * effects(rng)
        size = [50.0, 5000.0][i % 2] * (1 + 0.1 * i)
        tasks[f"task {i}"] = TaskData(rows, score(rows, effect, rng), descriptors={"nodes": size, "classes": 3.0})
    test = SPACE.sample(600, rng)
    truth = score(test, kinds[0], rng)
    meta = MetaPredictor(SPACE, random_state=0).fit(tasks)
    blind = kendall_tau(meta.adapt().predict(test), truth)
    told = kendall_tau(meta.adapt(descriptors={"nodes": 60.0, "unheard of": 1.0}).predict(test), truth)
    assert told > blind + 0.1
    with pytest.raises(InvalidInputError, match="nodes"):
        meta.adapt(descriptors={"unheard of": 1.0})


def test_a_device_like_one_of_the_sources_is_recognised(made_up):
    """Four tasks that have nothing in common; the target is one of them again."""
    rng = np.random.default_rng(0)
    kinds = [effects(rng) for _ in range(8)]
    rows, test = SPACE.sample(500, rng, unique=True), SPACE.sample(600, rng)
    tasks = {f"{i} {j}": (rows, score(rows, kind, rng, noise=0.05)) for i, kind in enumerate(kinds) for j in range(2)}
    few = SPACE.sample(12, rng)
    predictor = MetaPredictor(SPACE, random_state=0).fit(tasks).adapt(few, score(few, kinds[5], rng, noise=0.05))
    assert kendall_tau(predictor.predict(test), score(test, kinds[5], rng, noise=0.0)) > 0.75


def test_tasks_of_another_space_are_sources_too():
    """What the proteins space, a part of the same operations, teaches is of use in the large one."""
    rng = np.random.default_rng(0)
    other = get_space("nas-bench-graph-proteins")
    rows = other.sample(800, rng, unique=True)

    def depth(space, X):
        batch = space.graphs(X)
        weights = np.array([op.has_weights for op in batch.vocabulary])
        return (weights[batch.ops] & batch.mask).sum(axis=1) + 0.15 * rng.normal(size=len(X))

    sources = {"proteins": TaskData(rows, depth(other, rows), space=other, direction="max", unit="%")}
    test = SPACE.sample(500, rng)
    predictor = MetaPredictor(SPACE, random_state=0).fit(sources).adapt()
    assert kendall_tau(predictor.predict(test), depth(SPACE, test)) > 0.2
    few = SPACE.sample(60, rng)
    both = MetaPredictor(SPACE, random_state=0).fit(sources | {"own": (few, depth(SPACE, few))})
    assert np.isfinite(both.adapt(few[:10], depth(SPACE, few[:10])).predict(test)).all()


def test_the_order_of_rows_does_not_matter(made_up):
    sources, (test, _), _ = made_up
    rng = np.random.default_rng(0)
    rows, y = target(made_up, 40)
    once = MetaPredictor(SPACE, random_state=0).fit(sources).adapt(rows, y).predict(test)
    shuffled = {}
    for name, (X, scores) in sources.items():
        order = rng.permutation(len(X))
        shuffled[name] = (X[order], scores[order])
    order = rng.permutation(40)
    again = MetaPredictor(SPACE, random_state=0).fit(shuffled).adapt(rows[order], y[order]).predict(test)
    np.testing.assert_array_equal(again, once)


def test_useless_sources_do_not_spoil_a_good_one(made_up):
    sources, (test, truth), _ = made_up
    X, y = sources["task 0"]
    rng = np.random.default_rng(0)
    far = get_space("nas-bench-201")
    rows = far.sample(300, rng)
    useless = {
        "one row": (X[:1], y[:1]),
        "constant": (X, np.ones(len(X))),
        "elsewhere": TaskData(rows, rng.normal(size=300), space=far),
    }
    support = target(made_up, 10)
    alone = MetaPredictor(SPACE, random_state=0).fit({"good": (X, y)})
    expected = [kendall_tau(p.predict(test), truth) for p in (alone.adapt(), alone.adapt(*support))]
    for name, junk in useless.items():
        meta = MetaPredictor(SPACE, random_state=0).fit({"good": (X, y), name: junk})
        found = [kendall_tau(p.predict(test), truth) for p in (meta.adapt(), meta.adapt(*support))]
        assert np.min(np.array(found) - expected) > -0.08, name


def test_where_no_source_says_anything_it_is_learning_from_scratch(made_up):
    test, _ = made_up[1]
    X, y = made_up[0]["task 0"]
    rows, scores = target(made_up, 12)
    meta = MetaPredictor(SPACE, random_state=0).fit({"constant": (X, np.ones(len(y)))})
    assert np.isfinite(meta.adapt().predict(test)).all()
    order = meta.adapt(rows, scores).predict(test)
    assert kendall_tau(order, AutoPredictor(SPACE).fit(rows, scores).predict(test)) > 0.5


def test_a_wrong_direction_or_space_is_named(made_up):
    X, y = made_up[0]["task 0"]
    with pytest.raises(InvalidInputError, match="'up'"):
        TaskData(X, y, direction="up")
    with pytest.raises(InvalidInputError, match="get_space"):
        MetaPredictor(SPACE).fit({"a": TaskData(X, y, space="nas-bench-201")})
    with pytest.raises(InvalidInputError, match="get_space"):
        AutoPredictor("nas-bench-201").fit(X, y)
    with pytest.raises(InvalidInputError, match="'up'"):
        AutoPredictor(SPACE, direction="up").fit(X, y)
