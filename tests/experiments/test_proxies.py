"""Tables of proxies: the same however they were computed, and of use to predictors."""

import json

import numpy as np
import pytest

import surrogate_nas as sn
from surrogate_nas.core import InvalidInputError, UnknownNameError
from surrogate_nas.experiments.proxies import PROXY_LOG, proxy_table
from surrogate_nas.training.proxies import PROXIES, ProxyScorer, data_batch, random_batch

SMALL = {"stages": (1, 1, 1), "channels": (4, 4, 4)}


@pytest.fixture(scope="module")
def space():
    return sn.get_space("nas-bench-201")


@pytest.fixture(scope="module")
def noise():
    return random_batch((3, 8, 8), 4, size=8)


@pytest.fixture(scope="module")
def table(space, noise):
    X = space.sample(6, np.random.default_rng(0), unique=True)
    return X, proxy_table(space, X, noise, skeleton=SMALL)


def test_one_row_per_architecture_and_one_column_per_proxy(space, table):
    X, found = table
    assert list(found.columns) == list(PROXIES)
    assert list(found.index) == space.format(X)
    assert np.isfinite(found[["params", "flops", "l2_norm"]].to_numpy()).all()


def test_many_are_the_same_as_each_alone_in_any_process(space, noise, table):
    X, found = table
    scorer = ProxyScorer(space=space, batch=noise, skeleton=SMALL)
    alone = [list(scorer.score(space.canonical(x)[0]).values.values()) for x in X]
    np.testing.assert_array_equal(found.to_numpy(), alone)
    two = proxy_table(space, X[::-1], noise, skeleton=SMALL, jobs=2)
    np.testing.assert_array_equal(two.to_numpy()[::-1], found.to_numpy())


def test_the_seed_decides(space, noise, table):
    X, found = table
    other = proxy_table(space, X[:2], noise, skeleton=SMALL, seed=1, names=["params", "snip"])
    np.testing.assert_array_equal(other["params"], found["params"][:2])
    assert (other["snip"].to_numpy() != found["snip"].to_numpy()[:2]).all()


def test_rows_that_mean_the_same_network_share_their_values(space, noise):
    X = space.parse(
        [
            "|nor_conv_3x3~0|+|none~0|skip_connect~1|+|none~0|none~1|skip_connect~2|",
            "|nor_conv_3x3~0|+|none~0|none~1|+|none~0|skip_connect~1|none~2|",
        ]
    )
    first, second = proxy_table(space, X, noise, skeleton=SMALL).to_numpy()
    np.testing.assert_array_equal(first, second)


def test_a_network_that_leads_nowhere_has_sizes_and_little_else(space, noise):
    X = space.parse(["|none~0|+|none~0|none~1|+|none~0|none~1|none~2|"])
    found = proxy_table(space, X, noise, skeleton=SMALL).iloc[0]
    assert np.isnan(found[["synflow", "jacov", "epe_nas"]].to_numpy()).all()
    assert found["params"] > 0
    assert found["snip"] == 0


def test_what_was_stopped_goes_on(space, noise, table, tmp_path):
    X, found = table
    proxy_table(space, X[:3], noise, skeleton=SMALL, run_dir=tmp_path)
    log = tmp_path / PROXY_LOG
    log.write_bytes(log.read_bytes()[:-20])  # killed while it wrote
    kept = [json.loads(line)["architecture"] for line in log.read_bytes().splitlines()[1:-1]]
    assert len(kept) == 2
    again = proxy_table(space, X, noise, skeleton=SMALL, run_dir=tmp_path)
    np.testing.assert_array_equal(again.to_numpy(), found.to_numpy())
    lines = log.read_text().splitlines()
    assert len(lines) == 1 + len(X)
    assert [json.loads(line)["architecture"] for line in lines[1:3]] == kept
    with pytest.raises(InvalidInputError, match="holds another run: seed was 0, now 1"):
        proxy_table(space, X, noise, skeleton=SMALL, run_dir=tmp_path, seed=1)


def test_images_sequences_and_tables_all_have_proxies(space):
    for name, kind in (("digits", "image"), ("mnist-1d", "sequence")):
        data = sn.training.load_dataset(name, kind)
        X = space.parse(["|nor_conv_3x3~0|+|skip_connect~0|nor_conv_1x1~1|+|none~0|avg_pool_3x3~1|nor_conv_3x3~2|"])
        found = proxy_table(space, X, data, skeleton=SMALL, batch_size=16)
        assert np.isfinite(found.to_numpy()).all()
    layers = sn.get_space("mlp")
    data = sn.training.load_dataset("diabetes", "tabular")
    found = proxy_table(layers, layers.sample(2, np.random.default_rng(0)), data, batch_size=16)
    assert list(found.columns[found.isna().any()]) == ["epe_nas"]  # a regression


def test_a_batch_is_drawn_from_the_training_part_and_standardised():
    data = sn.training.load_dataset("digits", "image")
    batch = data_batch(data, size=32, random_state=1)
    assert batch.inputs.shape == (32, 1, 8, 8)
    assert batch.num_outputs == 10
    assert abs(batch.inputs.mean()) < 0.2
    train = data.splits[0].train
    assert set(batch.targets) <= set(data.y[train])
    again = data_batch(data, size=32, random_state=1)
    np.testing.assert_array_equal(batch.inputs, again.inputs)


def test_predictors_take_them_as_side_features(space, table):
    X, proxies = table
    y = proxies["synflow"].to_numpy() + proxies["params"].to_numpy()
    known = np.isfinite(y)
    X, proxies, y = X[known], proxies[known], y[known]
    predictor = sn.AutoPredictor(space, random_state=0).fit(X, y, extra=proxies)
    assert predictor.n_extra_ == len(PROXIES)
    assert np.isfinite(predictor.predict(X, extra=proxies)).all()


def test_wrong_input_is_said_in_one_line(space, noise):
    X = space.sample(1, np.random.default_rng(0))
    graphs = sn.get_space("nas-bench-graph")
    cases = [
        (lambda: proxy_table(space, X, "no-such-data"), UnknownNameError, "unknown dataset"),
        (lambda: proxy_table(space, X, noise, names=["zenn"]), UnknownNameError, "did you mean 'zen'"),
        (lambda: proxy_table(space, X, noise, jobs=0), InvalidInputError, "jobs"),
        (lambda: proxy_table(space, X, random_batch((5,), 3)), InvalidInputError, "input_shape"),
        (lambda: proxy_table(graphs, graphs.sample(1, np.random.default_rng(0)), "wine"), InvalidInputError, "graph"),
        (lambda: random_batch((3, 8, 8), 4, size=1), InvalidInputError, "at least 2 samples"),
        (lambda: random_batch((0, 8), 4), InvalidInputError, "positive sizes"),
    ]
    for call, kind, said in cases:
        with pytest.raises(kind, match=said) as error:
            call()
        assert "\n" not in str(error.value)


@pytest.mark.slow
def test_published_values_are_met(space, shared_data):
    """Sizes are those that NAS-Bench-Suite-Zero published, and synflow of other weights orders networks alike."""
    import pandas as pd

    from surrogate_nas.core.statistics import spearman

    published = pd.read_parquet(shared_data / "nas-bench-201-zero-cost-cifar10.parquet")
    published = published.iloc[np.random.default_rng(0).choice(len(published), 60, replace=False)]
    X = space.parse(list(published.index))
    found = proxy_table(space, X, random_batch((3, 32, 32), 10, size=2), names=["params", "flops", "synflow"])
    np.testing.assert_allclose(found["params"], published["params"], rtol=1e-9)
    assert spearman(found["flops"].to_numpy(), published["flops"].to_numpy()) > 0.999
    assert spearman(found["synflow"].to_numpy(), published["synflow"].to_numpy()) > 0.95
