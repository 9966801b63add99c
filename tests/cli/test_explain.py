"""``surrogate-nas explain`` as a user meets it."""

import json

import numpy as np
import pandas as pd
import pytest

import surrogate_nas as sn
from surrogate_nas.cli.app import WRONG_INPUT, execute
from surrogate_nas.encodings import OneHotEncoder
from surrogate_nas.predictors import BoostedTrees, Predictor

SPACE = sn.get_space("nas-bench-graph")


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A saved predictor, the file it was fitted to, and one architecture."""
    folder = tmp_path_factory.mktemp("explain")
    X, y = sn.load_table("nas-bench-graph").data(task="cora", metric="accuracy", split="val")
    chosen = np.random.default_rng(0).permutation(len(y))[:60]
    X, y = X[chosen], 100 * y[chosen]
    regressor = BoostedTrees(n_estimators=40, n_models=2)
    Predictor(SPACE, OneHotEncoder(SPACE), regressor).fit(X, y).save(folder / "predictor")
    pd.DataFrame({"architecture": SPACE.format(X), "accuracy": y}).to_csv(folder / "measured.csv", index=False)
    return folder, SPACE.format(X[:1])[0]


@pytest.fixture
def run(capsys):
    def run(*arguments):
        code = execute(["explain", *map(str, arguments)])
        out, err = capsys.readouterr()
        return code, out, err

    return run


def test_the_space_in_sentences_and_tables(run, saved):
    code, out, err = run("--predictor", saved[0] / "predictor", "--unit", "%", "--top", 4)
    assert code == 0, err
    assert out.startswith("What decides most")
    assert " points on average." in out
    assert out.count("wiring") >= 1
    assert " ± " not in out  # a space looked at in full, and nothing known of the measurements


def test_measurements_give_standard_errors_and_a_full_page(run, saved, tmp_path):
    page = tmp_path / "page.html"
    code, out, err = run(
        "--predictor", saved[0] / "predictor", "--measured", saved[0] / "measured.csv", "--report", page
    )
    assert code == 0, err
    assert " ± " in out
    assert "60 architecture(s) measured" in err
    assert f"Report: {page}" in out
    assert "Typical error" in page.read_text(encoding="utf-8")


def test_one_architecture_change_by_change(run, saved):
    code, out, _ = run("--predictor", saved[0] / "predictor", saved[1])
    assert code == 0
    assert out.startswith(f"{saved[1]} is predicted ")
    assert " instead of " in out


def test_json_holds_the_numbers_of_python(run, saved):
    code, out, _ = run("--predictor", saved[0] / "predictor", "--json", saved[1], saved[1])
    assert code == 0
    both = json.loads(out)["explanations"]
    expected = sn.explain(sn.load_predictor(saved[0] / "predictor"), SPACE.parse(saved[1])[0])
    assert both[0] == both[1]
    assert [e["effect"] for e in both[0]["effects"]] == pytest.approx(list(expected.effects["effect"]))
    assert both[0]["sentences"] == expected.sentences(5)


def test_what_was_learned_across_tasks_is_explained_before_any_measurement(run):
    code, out, err = run("--predictor", "nas-bench-graph", "--top", 3)
    assert code == 0, err
    assert "What decides most" in out


def test_mistakes_are_one_line(run, saved, tmp_path):
    with_proxy = sn.AutoPredictor(SPACE).fit(SPACE.sample(12, 0), np.arange(12.0), extra=np.arange(12.0))
    with_proxy.save(tmp_path / "proxy")
    for arguments, words in (
        ((), "--predictor"),
        (("--predictor", saved[0] / "predictor", "--top", 0), "--top"),
        (("--predictor", saved[0] / "predictor", "no architecture"), "no architecture"),
        (("--predictor", tmp_path / "proxy"), "1 side features"),
        (("--predictor", tmp_path / "nothing"), "nothing"),
    ):
        code, out, err = run(*arguments)
        assert (code, out) == (WRONG_INPUT, "")
        assert words in err
        assert err.count("\n") == 1
