"""BOHB: its density ratio by hand, and that it pays."""

import os
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import chisquare

import surrogate_nas as sn
from surrogate_nas.core import InvalidInputError
from surrogate_nas.experiments.catalogue import make_strategy
from surrogate_nas.spaces import get_space
from surrogate_nas.strategies import BOHB, hyperband_brackets
from surrogate_nas.strategies.multi_fidelity.bohb import SPREAD, DensityRatio, kernels, log_density

FALSE_ALARM = 1e-6


@pytest.fixture(scope="module")
def space():
    return get_space("nas-bench-201")


@pytest.mark.parametrize("name", ["nas-bench-201", "nas-bench-graph", "nas-bench-301", "transnas-macro", "mlp"])
@pytest.mark.parametrize("width", [1.0, 3.0])
def test_kernels_are_distributions_with_their_centre_in_front(name, width):
    space = get_space(name)
    for n in (1, 7, 300):
        kernel = kernels(space, n, width)
        for j, c in enumerate(space.cardinalities):
            np.testing.assert_allclose(kernel[j, :c].sum(axis=1), 1)
            assert (kernel[j, :c, :c] > 0).all()
            assert (kernel[j, :, c:] == 0).all()
            assert (kernel[j, :c, :c].argmax(axis=1) == np.arange(c)).all() or np.ptp(kernel[j, :c, :c]) < 1e-12


def test_the_kernel_of_an_unordered_gene_by_hand(space):
    """n = 32 rows of 6 genes: share 32^(-2/10) = 1/2, so 1/2 + 1/10 for the centre and 1/10 for the four others."""
    kernel = kernels(space, 32)
    np.testing.assert_allclose(kernel[0], 0.5 * np.eye(5) + 0.1)


def test_the_kernel_of_an_ordered_gene_by_hand():
    """A gene with values 0, 1/5, 1/2 and 1: a normal curve of width SPREAD n^(-1/13) at their distances."""
    space = get_space("mlp")
    scale, h = np.array([0.0, 0.2, 0.5, 1.0]), SPREAD * 50 ** (-1 / 13)
    weight = np.exp(-0.5 * (scale[:, None] - scale) ** 2 / h**2)
    np.testing.assert_allclose(kernels(space, 50)[8, :4, :4], weight / weight.sum(axis=1, keepdims=True))


def test_a_value_that_is_off_the_scale_is_far_from_all():
    kernel = kernels(get_space("mlp"), 50)[1]  # sixteen values: "no layer", then fifteen widths
    assert np.ptp(kernel[0, 1:]) < 1e-12
    assert kernel[0, 1] < kernel[1, 2] / 10


def test_the_density_ratio_by_hand(space):
    good, bad = np.array([[0] * 6, [0] * 5 + [1]], dtype=np.int16), np.array([[2] * 6], dtype=np.int16)
    ratio = DensityRatio.of(space, good, bad)
    same_2, other_2 = (1 - 2**-0.2) + 2**-0.2 / 5, 2**-0.2 / 5  # two rows
    same_1, other_1 = 1 / 5, 1 / 5  # one row: the kernel is uniform
    x = np.array([[0, 0, 0, 0, 2, 1]], dtype=np.int16)
    first = (same_2**4 * other_2**2 + same_2**5 * other_2) / 2
    second = same_1 * other_1**5
    np.testing.assert_allclose(ratio.log_ratio(x), np.log(first / second))


def test_densities_sum_to_one_over_the_space(space):
    centres = space.sample(20, 0)
    X = space.enumerate()
    np.testing.assert_allclose(np.exp(log_density(X, centres, kernels(space, 20))).sum(), 1)


def test_candidates_follow_the_wide_kernels(space):
    """A goodness-of-fit test per gene; chance of a false alarm below 6e-6."""
    good = np.array([[0, 1, 2, 3, 4, 0]] * 8, dtype=np.int16)
    X = DensityRatio.of(space, good, good).sample(4000, np.random.default_rng(0))
    expected = kernels(space, 8, 1.0 * 3.0)
    share = 3 * 8**-0.2
    assert share > 1, "with so few rows the wide kernel is uniform"
    for j in range(6):
        np.testing.assert_allclose(expected[j], 0.2)
        assert chisquare(np.bincount(X[:, j], minlength=5)).pvalue > FALSE_ALARM
    many = np.repeat(good, 1000, axis=0)
    X = DensityRatio.of(space, many, many).sample(4000, np.random.default_rng(0))
    for j, value in enumerate(good[0]):
        p = kernels(space, 8000, 3.0)[j, value]
        assert chisquare(np.bincount(X[:, j], minlength=5), 4000 * p).pvalue > FALSE_ALARM


def test_the_model_is_of_the_longest_schedule_with_enough_results(space):
    strategy = BOHB(space, levels=(1, 3, 9), random_state=0)
    X = np.unique(space.sample(100, 0), axis=0)
    least = space.n_genes + 3
    assert strategy._density_ratio() is None
    strategy.tell(X[: least - 1], np.arange(least - 1.0), epochs=[9] * (least - 1))
    assert strategy._density_ratio() is None, "one is missing"
    strategy.tell(X[:40], -np.arange(40.0), epochs=[3] * 40)
    model = strategy._density_ratio()
    np.testing.assert_array_equal(model.good, X[:7], "the best 15%, and at least one more than there are genes")
    np.testing.assert_array_equal(model.bad, X[7:40])
    strategy.tell(X[60:61], [100.0], epochs=[9])
    model = strategy._density_ratio()
    np.testing.assert_array_equal(model.good[0], X[60])
    np.testing.assert_array_equal(model.bad[-1], X[0], "the worst of nine")


def test_failures_are_bad(space):
    strategy = BOHB(space, levels=(1, 3), random_state=0)
    X = np.unique(space.sample(100, 0), axis=0)[:30]
    strategy.tell(X, np.where(np.arange(30) < 20, np.nan, np.arange(30.0)), epochs=[3] * 30)
    model = strategy._density_ratio()
    np.testing.assert_array_equal(model.good, X[:22:-1])
    assert {x.tobytes() for x in X[:20]} <= {x.tobytes() for x in model.bad}
    strategy = BOHB(space, levels=(1, 3), random_state=0)
    strategy.tell(X, np.full(30, np.nan), epochs=[3] * 30)
    assert strategy._density_ratio() is None, "nothing can be said about what is good"


def test_a_gene_that_decides_is_found(space):
    """What is good has value 3 in the first gene: new ones have it far more often than one time in five."""
    strategy = BOHB(space, levels=(1, 3), random_share=0.0, random_state=0)
    X = space.sample(200, 1, unique=True)
    strategy.tell(X, (X[:, 0] == 3).astype(float), epochs=[3] * 200)
    new = strategy.ask(17).X
    assert (new[:, 0] == 3).sum() >= 14  # for random ones, P(binomial(17, 1/5) >= 14) = 6e-8


def test_wrong_options_are_one_line(space):
    for options in ({"good": 0.0}, {"good": 1.0}, {"random_share": 1.1}, {"candidates": 0}):
        with pytest.raises(InvalidInputError, match="BOHB: expected 0 < good < 1"):
            BOHB(space, levels=(1, 3), **options)


def test_its_brackets_are_those_of_hyperband(space):
    strategy = BOHB(space, levels=(1, 3, 9, 27, 81), random_state=0)
    told = []
    for _ in range(187):
        X, epochs = strategy.ask(1)
        strategy.tell(X, X.sum(axis=1), epochs=epochs)
        told += epochs.tolist()
    brackets = hyperband_brackets((1, 3, 9, 27, 81))
    assert told == [rung.epochs for bracket in brackets for rung in bracket for _ in range(rung.n)]


def nas_bench_201():
    """CIFAR-10 validation accuracy after 12 and after 200 epochs; a second of search is an epoch."""
    pd = pytest.importorskip("pandas")
    folder = os.environ.get("SURROGATE_NAS_DATA")
    if not folder:
        pytest.skip("SURROGATE_NAS_DATA is not set: no published table with two schedules")
    frame = pd.read_parquet(Path(folder) / "nas-bench-201.parquet")
    columns = {f"cifar10-val-{e}ep": sn.Column("cifar10", "accuracy", "val", e, unit="%") for e in (12, 200)}
    table = sn.Table.from_frame(frame, space=get_space("nas-bench-201"), arch_column="arch_str", columns=columns)
    return sn.TableObjective(table, task="cifar10", epochs=200, cost=1.0)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["bohb", "learning-curve"])
def test_it_beats_hyperband_and_random_search_on_real_trainings(name):
    """A hundred full trainings' worth of epochs, forty seeds; without a difference P(wins >= 32 of 40) = 9e-5."""
    objective = nas_bench_201()

    def regret(strategy, seed):
        options = {} if strategy == "random" else {"levels": objective.schedules}
        made = make_strategy(strategy, objective.space, random_state=seed, **options)
        return sn.search(objective, made, budget_s=100 * 200).regret()[-1]

    for other in ("hyperband", "random"):
        pairs = [(regret(name, seed), regret(other, seed)) for seed in range(200, 240)]
        wins = sum((a < b) + 0.5 * (a == b) for a, b in pairs)
        assert wins >= 32, f"{name} beat {other} in {wins} of 40 searches"
