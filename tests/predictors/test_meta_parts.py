"""The parts of learning across tasks, each against something simpler."""

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from surrogate_nas.core import InvalidInputError
from surrogate_nas.predictors.transfer.features import TransferFeatures
from surrogate_nas.predictors.transfer.kernel import LearnedKernel, learn_kernel
from surrogate_nas.predictors.transfer.kinship import Kinship, guess
from surrogate_nas.predictors.transfer.learning import Sample, _negative_log_evidence, _share, rescaled
from surrogate_nas.predictors.transfer.prior import Hypothesis, effect_covariances
from surrogate_nas.predictors.transfer.scores import ScoreScale, latent
from surrogate_nas.predictors.transfer.sources import Leftovers, Source, denoise, genes_matter
from surrogate_nas.spaces import get_space, list_spaces


def test_counts_of_one_architecture():
    space = get_space("nas-bench-graph")
    features = TransferFeatures(space)
    row = space.parse(["[0,1,2,1] gcn|gin|fc|cheb"])
    found = (features.transform(row) + features.mean)[0]
    blocks = {g.name: found[g.columns].reshape(g.contexts, g.operations) for g in features.groups}
    names = [op.name for op in space.operations]
    assert blocks["count"].sum() == 4
    assert blocks["edge"].sum() == 3  # gcn -> gin, gin -> fc, gcn -> cheb
    assert blocks["edge"][names.index("gin"), names.index("fc")] == 1
    assert blocks["skip_edge"][names.index("gcn"), names.index("fc")] == 1
    assert {names[i] for i in np.flatnonzero(blocks["leaf"][0])} == {"fc", "cheb"}
    assert blocks["shape"].sum() == blocks["wiring"].sum() / 4 == 1


@pytest.mark.parametrize("name", list_spaces())
def test_features_of_every_space(name):
    space = get_space(name)
    features = TransferFeatures(space)
    rows = space.sample(300, np.random.default_rng(1))
    found = features.transform(rows)
    assert found.shape == (300, features.width)
    assert found.dtype == np.float32
    assert np.isfinite(found).all()
    np.testing.assert_array_equal(found[7], features.transform(rows[7])[0])
    assert features.transform(rows[:0]).shape == (0, features.width)
    again = TransferFeatures.from_state(features.get_state())
    np.testing.assert_array_equal(again.transform(rows), found)
    varies = [g.varies for g in features.groups]
    assert varies == sorted(varies), "kernels read the groups that vary as one slice at the end"


def test_scores_find_their_way_back():
    rng = np.random.default_rng(0)
    y = 0.8 - 0.05 * rng.exponential(size=2000)
    scale = ScoreScale.of(y)
    # 33 knots on 2,000 scores: within the middle 95%, a few percent of the spread.
    middle = np.abs(y - np.median(y)).argsort()[:1500]
    assert np.abs(scale.restore(latent(y)) - y)[middle].max() < 0.1 * y.std()
    grid = np.linspace(-4, 4, 400)
    assert (np.diff(scale.restore(grid)) > 0).all()
    assert (latent(np.ones(5)) == 0).all()


def test_few_scores_keep_the_shape_of_other_tasks():
    rng = np.random.default_rng(0)
    guess = ScoreScale.among([ScoreScale.of(rng.normal(m, 2.0, 500)) for m in (10.0, 20.0)])
    assert guess.doubt == pytest.approx(5.0, abs=0.3)
    seen = guess.seen(np.array([100.0]))
    assert (seen.centre, seen.spread, seen.doubt) == (100.0, guess.spread, 0.0)
    equal = guess.seen(np.full(30, 7.0))
    assert (equal.centre, equal.spread) == (7.0, guess.spread)


def covariances(n, c, rng):
    """c random covariances of n rows."""
    roots = rng.normal(size=(c, n, n)) / np.sqrt(n)
    return roots @ roots.transpose(0, 2, 1)


def test_evidence_and_its_gradient():
    rng = np.random.default_rng(0)
    n, c = 12, 3
    parts = covariances(n, c, rng)
    flat = parts.reshape(c, -1).astype(np.float32)
    sample = Sample(flat, flat, rng.normal(size=n), rng.normal(size=n), rng.normal(size=(n, 2)))
    theta = np.array([-1.0, 0.2, -0.5, -1.2, 0.7])
    value, gradient = _negative_log_evidence(sample, theta, c)
    k = np.tensordot(np.exp(theta[:c]), parts, axes=1) + np.exp(theta[c]) * np.eye(n)
    textbook = -multivariate_normal(0.7 * sample.mean, k).logpdf(sample.y) - 0.5 * n * np.log(2 * np.pi)
    assert value == pytest.approx(textbook, rel=1e-4)
    step = 1e-3  # kernels are single precision
    for i in range(c + 2):
        e = step * np.eye(c + 2)[i]
        slope = (_negative_log_evidence(sample, theta + e, c)[0] - _negative_log_evidence(sample, theta - e, c)[0]) / 2
        assert gradient[i] == pytest.approx(slope / step, rel=2e-2, abs=2e-2)


def test_a_task_unlike_the_sources_gets_more_room():
    rng = np.random.default_rng(0)
    n = 80
    k = covariances(n, 1, rng)[0] + 0.3 * np.eye(n)
    hyper = Hypothesis(np.array([0.01]), 0.01, 1.0, np.ones(1))
    mean = rng.normal(size=n)
    y = 0.5 * mean + rng.multivariate_normal(np.zeros(n), k)
    best, evidence = rescaled(hyper, 0.01 * k, y, mean, np.ones(n))
    assert best.amplitudes[0] >= 0.16
    assert best.beta in (0.0, 0.5)
    likely = multivariate_normal(best.beta * mean, best.amplitudes[0] * k + best.noise * np.eye(n)).logpdf(y)
    prior = (np.log(best.amplitudes[0] / 0.01)) ** 2 + np.log(best.noise / 0.01) ** 2 + ((best.beta - 1) / 0.5) ** 2
    assert evidence == pytest.approx(likely + 0.5 * n * np.log(2 * np.pi) - 0.5 * prior, rel=1e-6)


def test_operations_that_did_alike_are_expected_to_do_alike():
    space = get_space("nas-bench-graph")
    features = TransferFeatures(space)
    rng = np.random.default_rng(0)
    weights = np.zeros((features.width, 4))
    group = next(g for g in features.groups if g.name == "node")
    effects = rng.normal(size=(group.contexts, group.operations, 4))
    effects[:, 1] = effects[:, 0]
    weights[group.columns] = effects.reshape(-1, 4)
    found = effect_covariances(features.groups, weights, np.eye(features.width))["node"]
    assert found[0, 1] > 0.5 * found[0, 0]
    assert abs(found[0, 2]) < 0.5 * found[0, 0]
    assert np.linalg.eigvalsh(found).min() > 0
    assert np.trace(found) == pytest.approx(1.0, rel=1e-4)


def test_reliability_tells_signal_from_noise_and_from_a_corner():
    space = get_space("nas-bench-graph")
    features = TransferFeatures(space)
    rng = np.random.default_rng(0)
    rows = space.sample(2000, rng, unique=True)
    x = features.transform(rows)
    signal = x @ rng.normal(size=features.width)
    corner = np.flatnonzero((rows[:, 1:] >= 5).all(axis=1))
    models = denoise(
        space,
        [
            Source(rows, x, signal),
            Source(rows, x, rng.normal(size=2000)),
            Source(rows[corner], x[corner], signal[corner]),
            Source(rows[:2], x[:2], signal[:2]),
            Source(rows, x, np.ones(2000)),
        ],
    )
    good, noise, part, two, constant = models.reliability
    assert good > 0.9
    assert noise < 0.3
    assert part < 0.7 * good
    assert two < 0.2
    assert constant == 0
    assert np.isfinite(models.weights).all()


def test_leftovers_are_looked_up():
    space = get_space("nas-bench-graph")
    rows = space.sample(50, np.random.default_rng(0), unique=True)
    codes = np.sort(space.codes(rows))
    values = np.arange(100, dtype=np.float32).reshape(50, 2)
    leftovers = Leftovers(codes[:40], values[:40])
    found = leftovers.of(space, space.from_codes(codes))
    np.testing.assert_array_equal(found[:40], values[:40])
    assert (found[40:] == 0).all()
    np.testing.assert_array_equal(leftovers.without(0).of(space, space.from_codes(codes[:3]))[:, 0], values[:3, 1])


def test_sources_that_agree_count_about_once():
    between = np.array([[1.0, 0.98, 0.0], [0.98, 1.0, 0.0], [0.0, 0.0, 1.0]])
    twins, apart = guess(between, np.ones(3))[1:]
    assert apart > 1.3 * twins
    assert guess(between, np.ones(3)) @ between @ guess(between, np.ones(3)) == pytest.approx(1.0)
    np.testing.assert_array_equal(guess(between, np.zeros(3)), 0.0)
    near = guess(between, np.ones(3), np.array([1.0, 1.0, 0.1]))
    assert near[2] < near[0]


def test_kinship_is_learned_where_descriptors_tell_who_agrees():
    sizes = [10.0, 12.0, 11.0, 9000.0, 11000.0, 10000.0]
    descriptors = [{"nodes": size, "constant": 3.0} for size in sizes]
    small = np.array([1, 1, 1, 0, 0, 0], dtype=bool)
    between = np.where(small[:, None] == small, 0.7, -0.2) + 0.3 * np.eye(6)
    kin = Kinship.learn(descriptors, between, np.ones(6))
    assert kin is not None
    near = kin.weights({"nodes": 11.0, "unheard of": 1.0})
    assert near[small].min() > 10 * near[~small].max()
    again = Kinship.from_state(kin.get_state())
    np.testing.assert_array_equal(again.weights({"nodes": 500.0}), kin.weights({"nodes": 500.0}))
    for wrong in ({}, {"edges": 2.0}, {"nodes": np.nan}):
        with pytest.raises(InvalidInputError, match="descriptors"):
            kin.weights(wrong)
    assert Kinship.learn(descriptors, np.full((6, 6), 0.5) + 0.5 * np.eye(6), np.ones(6)) is None
    assert Kinship.learn([*descriptors[:5], None], between, np.ones(6)) is None


def test_share_of_cases_is_found_again():
    rng = np.random.default_rng(0)
    second = rng.random(400) < 0.3
    gain = np.where(second, 1.0, -1.0) * 2 + 2 * rng.normal(
        size=400
    )  # the log Bayes factor of N(1, 1) against N(-1, 1)
    assert _share(gain) == pytest.approx(0.3, abs=0.06)
    assert _share(np.full(9, 50.0)) > 0.9


def test_dead_operations_matter_for_costs_and_not_for_accuracies():
    space = get_space("nas-bench-201")
    rng = np.random.default_rng(0)
    rows = space.sample(600, rng, unique=True)
    plain, exact = TransferFeatures(space), TransferFeatures(space, exact=True)
    cost = (rows[:, :, None] == [2, 3]).sum(axis=(1, 2)) + 0.1 * rng.normal(size=600)
    what_is_computed = plain.transform(rows) @ rng.normal(size=plain.width)
    assert genes_matter(plain, exact, [(rows, cost, None)])
    assert not genes_matter(plain, exact, [(rows, what_is_computed, None)])
    assert not genes_matter(plain, exact, [(space.canonical(rows), cost, None)])
    twin = rows[(space.canonical(rows) != rows).any(axis=1)][:1]
    np.testing.assert_array_equal(plain.transform(twin), plain.transform(space.canonical(twin)))
    assert not np.array_equal(exact.transform(twin), exact.transform(space.canonical(twin)))


def test_learned_features_survive_saving_and_make_a_kernel():
    space = get_space("nas-bench-graph")
    features = TransferFeatures(space)
    rng = np.random.default_rng(0)
    rows = space.sample(400, rng, unique=True)
    x = features.transform(rows)
    flow = features.groups[-1]
    sources = [Source(rows, x, x[:, flow.columns] @ rng.normal(size=flow.contexts)) for _ in range(4)]
    models = denoise(space, sources)
    kernel = learn_kernel(features, sources, models, np.random.default_rng(1))
    assert kernel is not None
    z = kernel.of(x)
    assert z.shape == (400, 32)
    assert np.isfinite(z).all()
    assert (kernel.amplitudes > 0).all()
    again = learn_kernel(features, sources, models, np.random.default_rng(1))
    assert again is not None
    np.testing.assert_array_equal(again.of(x), z)
    np.testing.assert_array_equal(LearnedKernel.from_state(kernel.get_state()).of(x), z)
    assert learn_kernel(features, sources[:3], denoise(space, sources[:3]), np.random.default_rng(1)) is None
