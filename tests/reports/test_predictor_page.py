"""The page of a predictor: its numbers are those of the parts it is made of, and the file needs nothing else."""

import re

import numpy as np
import pytest

import surrogate_nas as sn
from surrogate_nas.core import InvalidInputError
from surrogate_nas.core.statistics import kendall_tau
from surrogate_nas.encodings import OneHotEncoder
from surrogate_nas.predictors import AutoPredictor, BoostedTrees, GaussianProcess, Predictor, leave_out
from surrogate_nas.reports import write_predictor_report
from surrogate_nas.reports.predictor import figures
from surrogate_nas.reports.predictor.findings import find
from surrogate_nas.reports.predictor.page import SECTIONS, render

pytestmark = pytest.mark.xdist_group("reports")

SPACE = sn.get_space("nas-bench-graph")


@pytest.fixture(scope="module")
def measured():
    X, y = sn.load_table("nas-bench-graph").data(task="cora", metric="accuracy", split="val")
    chosen = np.random.default_rng(0).permutation(len(y))[:60]
    return X[chosen], 100 * y[chosen]


@pytest.fixture(scope="module")
def predictor(measured):
    return Predictor(SPACE, OneHotEncoder(SPACE), BoostedTrees(n_estimators=60, n_models=2)).fit(*measured)


@pytest.fixture(scope="module")
def found(predictor, measured):
    return find(predictor, *measured, unit="%")


@pytest.fixture(scope="module")
def page(found):
    return render(found, "Cora <1>")


def test_the_numbers_are_those_of_left_out_rows_and_of_the_predictor(found, predictor, measured):
    X, y = measured
    assert found.left_out.kendall == kendall_tau(found.left_out.mean, y)
    assert found.yardsticks[0].kendall == found.left_out.kendall
    assert found.yardsticks[-1].kendall == 0.0
    ranking = predictor.rank(top=10)
    assert list(found.best["architecture"]) == ranking.texts
    np.testing.assert_allclose(found.best["mean"], ranking.mean)
    assert (found.best["low"] <= found.best["mean"]).all()
    known = dict(zip(SPACE.format(X), y, strict=True))
    for row in found.best.itertuples():
        assert np.isnan(row.measured) if row.architecture not in known else row.measured == known[row.architecture]
    assert found.first.architecture == ranking.texts[0]
    assert found.learned.rows == SPACE.size


def test_the_page_needs_nothing_else_and_says_everything(page, found):
    assert page.startswith("<!DOCTYPE html>")
    assert not re.search(r"<script|https?://(?!www\.w3\.org)|<link|@import|url\(http", page)
    assert "prefers-color-scheme: dark" in page
    assert "<h1>Cora &lt;1&gt;</h1>" in page
    for anchor, title, _ in SECTIONS:
        assert f'<section id="{anchor}"><h2>{title}</h2>' in page
    for words in (f"{found.left_out.kendall:.3f}", "XGBoost on one-hot", "the same score for all", "the whole space"):
        assert words in page
    for sentence in found.learned.sentences(6):
        assert sentence.replace("<", "&lt;") in page
    assert page.count("<svg role") >= 5
    names = re.findall(r' id="([^"]*)"', page)
    assert len(names) == len(set(names))


def test_a_page_made_twice_is_the_same_page(page, predictor, measured):
    again = find(predictor, *measured, unit="%", left_out=leave_out(predictor, *measured))
    assert render(again, "Cora <1>") == page


def test_it_is_written_where_it_was_asked_for(predictor, measured, tmp_path):
    path = write_predictor_report(predictor, tmp_path / "page.html", *measured)
    assert path.read_text(encoding="utf-8").count("A predictor for nas-bench-graph") == 2
    with pytest.raises(InvalidInputError, match="expected a file that can be written"):
        write_predictor_report(predictor, tmp_path / "nowhere" / "page.html", *measured)


@pytest.mark.parametrize("n", [1, 2, 9, 10])
def test_few_measurements_give_a_page_that_says_so(measured, n, tmp_path):
    X, y = measured[0][:n], measured[1][:n]
    fitted = Predictor(SPACE, OneHotEncoder(SPACE), GaussianProcess()).fit(X, y)
    page = write_predictor_report(fitted, tmp_path / "page.html", X, y).read_text(encoding="utf-8")
    assert ("Too few measurements" in page) == (n < 10)


def test_equal_scores_give_a_page(measured, tmp_path):
    X, y = measured[0][:20], np.full(20, 0.5)
    fitted = Predictor(SPACE, OneHotEncoder(SPACE), BoostedTrees(n_estimators=5)).fit(X, y)
    page = write_predictor_report(fitted, tmp_path / "page.html", X, y).read_text(encoding="utf-8")
    assert "Every architecture is predicted the same score" in page


def test_costs_are_better_when_low(measured):
    X, y = measured
    fitted = Predictor(SPACE, OneHotEncoder(SPACE), BoostedTrees(n_estimators=60), direction="min").fit(X, y)
    found = find(fitted, X, y, unit="ms")
    assert found.best["mean"].is_monotonic_increasing
    page = render(found, "Latency")
    assert "lower is better" in page
    assert "saves −" in page or "saves -" in page


def test_side_features_keep_to_the_measured_rows(measured):
    X, y = measured
    fitted = AutoPredictor(SPACE).fit(X, y, extra=y[:, None])
    found = find(fitted, X, y, extra=y[:, None])
    assert found.candidates == len(y)
    assert found.best["measured"].notna().all()
    assert "side feature 1" in render(found, "With a proxy")


@pytest.mark.parametrize("name", ["nas-bench-301", "mlp", "chain", "nas-bench-101"])
def test_every_family_of_spaces_has_its_maps(name):
    space = sn.get_space(name)
    X = space.sample(60, np.random.default_rng(0))
    y = X[:, :3].sum(axis=1).astype(float)
    fitted = Predictor(space, OneHotEncoder(space), BoostedTrees(n_estimators=30, n_models=2)).fit(X, y)
    explained = sn.explain(fitted, X=X)
    drawn = figures.maps(explained)
    assert drawn
    assert all("<title>" in svg for svg in drawn)
    assert "<svg" in figures.changes(sn.explain(fitted, X[0]))


def test_without_measurements_the_page_says_what_was_learned(predictor, tmp_path):
    page = write_predictor_report(predictor, tmp_path / "page.html").read_text(encoding="utf-8")
    assert "No measurements were given" in page
    assert 'id="quality"' not in page
    assert 'id="learned"' in page
    with pytest.raises(InvalidInputError, match="both or neither"):
        write_predictor_report(predictor, tmp_path / "page.html", SPACE.sample(3, 0))
