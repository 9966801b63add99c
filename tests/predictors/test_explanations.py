"""What a predictor has learned: exact where there is a closed form, and in words that say the right direction."""

import numpy as np
import pytest

import surrogate_nas as sn
from surrogate_nas.core import InvalidInputError
from surrogate_nas.encodings import OneHotEncoder
from surrogate_nas.predictors import AutoPredictor, BoostedTrees, GaussianProcess, Predictor, leave_out
from surrogate_nas.predictors.explaining.decisions import decisions_of, options_of
from surrogate_nas.predictors.explaining.effects import jackknife
from surrogate_nas.predictors.explaining.space import explain_scores
from surrogate_nas.predictors.explaining.trees import contributions, feature_importance, tree_view
from surrogate_nas.predictors.explaining.wording import Wording

CELLS = sn.get_space("transnas-micro")
GRAPHS = sn.get_space("nas-bench-graph")


@pytest.fixture(scope="module")
def measured():
    X, y = sn.load_table("nas-bench-graph").data(task="cora", metric="accuracy", split="val")
    chosen = np.random.default_rng(0).permutation(len(y))[:120]
    return X[chosen], 100 * y[chosen]


@pytest.fixture(scope="module")
def auto(measured):
    return AutoPredictor(GRAPHS).fit(*measured)


def planted(X):
    """Two single effects and one that takes two operations together, in a space of all combinations."""
    single = 3.0 * (X[:, 0] == 1) - 2.0 * (X[:, 5] == 0)
    return single + 4.0 * ((X[:, 1] == 2) & (X[:, 2] == 3))


def test_main_effects_shares_and_interactions_are_those_of_the_closed_form():
    X = CELLS.enumerate()
    found = explain_scores(CELLS, X, planted(X), unit="%")
    effects = found.effects.set_index(["decision", "option"])["effect"]
    names, ops = [d.name for d in decisions_of(CELLS)], decisions_of(CELLS)[0].options
    assert found.whole
    assert found.effects["std"].isna().all()
    assert found.mean == pytest.approx(0.75 - 0.5 + 0.25)
    assert effects[names[0], ops[1]] == pytest.approx(3.0 * 0.75)
    assert effects[names[5], ops[0]] == pytest.approx(-2.0 * 0.75)
    assert effects[names[1], ops[2]] == pytest.approx(4.0 * (1 / 4 - 1 / 16))
    assert effects[names[3]].abs().max() == pytest.approx(0.0, abs=1e-12)
    variance = planted(X).var()
    share = found.decisions.set_index("decision")["share"]
    assert share[names[0]] == pytest.approx(9.0 * 3 / 16 / variance)
    assert found.additive == pytest.approx(share.sum())
    first = found.interactions.iloc[0]
    assert {first.decision, first.other} == {names[1], names[2]}
    assert {first.option, first.other_option} == {ops[2], ops[3]}
    assert first.effect == pytest.approx(4.0 * 9 / 16)
    assert first.share == pytest.approx(1 - found.additive)
    assert found.interactions["share"].iloc[1] == pytest.approx(0.0, abs=1e-12)


def test_of_a_sample_the_same_numbers_come_with_their_error():
    X = CELLS.sample(1000, np.random.default_rng(0))
    noise = np.random.default_rng(1).normal(size=1000)
    found, exact = (explain_scores(CELLS, rows, y) for rows, y in (
        (X, planted(X) + noise), (CELLS.enumerate(), planted(CELLS.enumerate()))
    ))  # fmt: skip
    errors = (found.effects["effect"] - exact.effects["effect"]) / found.effects["std"]
    assert (errors.abs() < 4).all()
    assert 0.5 < np.sqrt((errors**2).mean()) < 1.6
    # Decisions without any effect get no share by chance, but for the rounding of it.
    idle = found.decisions.set_index("decision")["share"][[decisions_of(CELLS)[g].name for g in (3, 4)]]
    assert (idle < 0.01).all()


def test_a_constant_predictor_has_nothing_to_tell():
    X = CELLS.enumerate()
    found = explain_scores(CELLS, X, np.full(len(X), 0.1))
    assert (found.decisions["share"] == 0).all()
    assert found.sentences() == ["Every architecture is predicted the same score, 0.10."]


def test_sentences_say_what_is_better_in_the_unit_of_the_target():
    X = CELLS.enumerate()
    more = explain_scores(CELLS, X, planted(X), unit="%").sentences(2)
    less = explain_scores(CELLS, X, planted(X), unit="ms", direction="min").sentences(2)
    place, option = decisions_of(CELLS)[0].name, decisions_of(CELLS)[0].options[1]
    assert any(s.startswith(f"{place}: {option} is worth +2.2") and s.endswith(" points on average.") for s in more)
    assert any(s.startswith(f"{place}: {option} costs +2.2") and s.endswith(" ms on average.") for s in less)
    assert any(": none saves -1.5" in s for s in less)
    assert any("beyond what each does alone" in s for s in more)


@pytest.mark.parametrize(
    ("direction", "value", "words"),
    [
        ("max", 1.8, "is worth +1.80 ± 0.20 points"),
        ("max", -0.4, "costs -0.40 ± 0.20 points"),
        ("min", 0.8, "costs +0.80 ± 0.20 points"),
        ("min", -0.3, "saves -0.30 ± 0.20 points"),
        ("max", -0.004, "makes no difference"),
    ],
)
def test_changes_in_words(direction, value, words):
    assert Wording("points", direction, 2).worth(value, 0.2) == words


def test_a_change_that_rounds_to_nothing_has_no_minus():
    assert Wording("ms", "max", 1).change(-0.01) == "+0.0 ms"


@pytest.mark.parametrize("name", sn.list_spaces())
def test_every_space_has_words_for_every_value(name):
    space = sn.get_space(name)
    decisions = decisions_of(space)
    X = space.sample(300, np.random.default_rng(0))
    assert len(decisions) == space.n_genes
    assert len({d.name for d in decisions}) == space.n_genes
    for decision, k in zip(decisions, space.cardinalities, strict=True):
        assert len(decision.option_of) == k
        assert len(set(decision.options)) == len(decision.options)
        assert set(decision.option_of) == set(range(len(decision.options)))
    taken = options_of(decisions, X)
    assert taken.shape == X.shape
    found = explain_scores(space, X, X.astype(float) @ np.arange(1, space.n_genes + 1))
    assert found.sentences()
    assert found.additive == pytest.approx(1.0, abs=0.05)


def test_words_are_those_of_the_text_form():
    cell = sn.get_space("nas-bench-201")
    assert decisions_of(cell)[3].name == "node 3 <- node 0"
    assert "nor_conv_3x3" in decisions_of(cell)[3].options
    assert decisions_of(GRAPHS)[0].options[0] == "[0,0,0,0]"
    long = next(d for d in decisions_of(sn.get_space("chain")) if "filters" in d.name)
    assert long.options[0] == "not made"
    assert len(long.options) == 9
    assert " to " in long.options[1]


def test_contributions_of_features_add_up_to_the_prediction(measured):
    X, y = measured
    for regressor in (BoostedTrees(n_estimators=40), BoostedTrees(n_estimators=20, n_models=1)):
        predictor = Predictor(GRAPHS, OneHotEncoder(GRAPHS), regressor).fit(X, y)
        found = sn.explain(predictor, X[3])
        total = found.features["contribution"].sum() + found.expected
        assert total == pytest.approx(predictor.predict(X[3:4])[0], rel=1e-5)
        assert set(found.features["feature"]) == set(predictor.encoder_.get_feature_names_out())


def test_contributions_of_the_trees_inside_the_default(auto, measured):
    X, _ = measured
    view = tree_view(auto, X[:7], None)
    found, expected = contributions(view)
    each = [t.weight * t.to_score(t.model.predict(view.floats[:, : t.width])) for t in view.trees]
    np.testing.assert_allclose(found.sum(axis=1) + expected, np.sum(each, axis=0), rtol=1e-5)
    assert sum(t.weight for t in view.trees) == pytest.approx(1.0)
    importance = feature_importance(auto, X, None)
    assert importance["importance"].is_monotonic_decreasing
    assert importance["about"].str.contains("gat").any()


def test_a_predictor_without_trees_has_no_features(measured):
    predictor = Predictor(GRAPHS, OneHotEncoder(GRAPHS), GaussianProcess()).fit(*measured)
    assert not len(sn.explain(predictor, X=measured[0]).features)
    assert np.isnan(sn.explain(predictor, measured[0][0]).expected)


def test_ablations_are_the_predictions_of_the_neighbours(auto, measured):
    x = measured[0][0]
    found = sn.explain(auto, x, unit="%")
    rows = GRAPHS.parse(list(found.effects["architecture"]))
    np.testing.assert_allclose(auto.predict(rows), found.effects["score"])
    np.testing.assert_allclose(found.effects["score"] - found.score, found.effects["effect"])
    assert found.effects["effect"].is_monotonic_decreasing
    # Each other value of each gene, unless it means no network of the space.
    assert len(found.effects) <= (GRAPHS.cardinalities - 1).sum()
    one = found.effects[found.effects["decision"] == "operation 2"]
    decided = found.decisions.set_index("decision").loc["operation 2"]
    assert decided.worth == pytest.approx(-one["effect"].mean())
    assert decided.best_effect == one["effect"].max()
    assert found.sentences(2)[0] == f"{GRAPHS.format(x)[0]} is predicted {found.wording.score(found.score)}."


def test_where_edits_are_no_single_genes_the_neighbours_are_the_space_s_own():
    for name in ("nas-bench-101", "nas-bench-301", "mlp"):
        space = sn.get_space(name)
        X = space.sample(40, np.random.default_rng(0))
        predictor = Predictor(space, OneHotEncoder(space), GaussianProcess()).fit(X, X.sum(axis=1).astype(float))
        found = sn.explain(predictor, X[0])
        assert len(found.effects) == len(space.neighbors(X[0]))
        assert found.sentences()


def test_predictors_that_missed_a_part_of_the_data_give_standard_errors(auto, measured):
    out = leave_out(auto, *measured)
    assert len(out.predictors) == 5
    assert np.bincount(out.fold).tolist() == [24] * 5
    refitted = AutoPredictor(GRAPHS).fit(measured[0][out.fold != 2], measured[1][out.fold != 2])
    np.testing.assert_allclose(out.mean[out.fold == 2], refitted.predict(measured[0][out.fold == 2]))
    assert out.kendall > 0.25
    assert {0.5, 0.8, 0.95} <= set(out.inside)
    sampled = measured[0]
    with_errors = sn.explain(auto, X=sampled, left_out=out.predictors)
    plain = sn.explain(auto, X=sampled)
    known = plain.effects["rows"] > 1
    assert (with_errors.effects["std"] >= plain.effects["std"])[known].all()
    assert plain.effects["std"].isna().equals(~known)
    assert (sn.explain(auto, sampled[0], left_out=out.predictors).effects["std"] >= 0).all()


def test_the_jackknife_of_a_mean_is_its_standard_error():
    y = np.random.default_rng(0).normal(size=50)
    left_out = np.array([np.delete(y, i).mean() for i in range(50)])
    assert jackknife(left_out) == pytest.approx(y.std(ddof=1) / np.sqrt(50))
    assert np.isnan(jackknife(left_out[:1]))


def test_leaving_out_changes_nothing_and_needs_two_rows(auto, measured):
    before = auto.predict(measured[0])
    leave_out(auto, measured[0][:6], measured[1][:6], folds=9)
    np.testing.assert_array_equal(auto.predict(measured[0]), before)
    with pytest.raises(InvalidInputError, match="at least 2 rows"):
        leave_out(auto, measured[0][:1], measured[1][:1])


def test_side_features_stay_with_the_architecture(measured):
    X, y = measured
    proxy = np.column_stack([y, np.zeros(len(y))])
    predictor = AutoPredictor(GRAPHS).fit(X, y, extra=proxy)
    found = sn.explain(predictor, X[0], extra=proxy[:1])
    assert found.score == pytest.approx(predictor.predict(X[:1], extra=proxy[:1])[0])
    assert "side feature 1" in set(sn.explain(predictor, X=X, extra=proxy).features["feature"].head(20))
    with pytest.raises(InvalidInputError, match="2 side features"):
        sn.explain(predictor)


def test_what_cannot_be_explained_is_refused_in_one_line(auto, measured):
    plain = AutoPredictor().fit(np.random.default_rng(0).normal(size=(20, 3)), np.arange(20.0))
    for wrong, words in (
        (lambda: sn.explain(plain), "plain features"),
        (lambda: sn.explain(AutoPredictor(GRAPHS)), "not fitted"),
        (lambda: sn.explain(auto, measured[0][0], X=measured[0]), "got both"),
        (lambda: sn.explain(auto, X=measured[0][:0]), "at least one row"),
    ):
        with pytest.raises(InvalidInputError, match=words) as caught:
            wrong()
        assert "\n" not in str(caught.value)


def test_a_few_failures_do_not_set_the_digits():
    good = np.linspace(90.0, 91.0, 50)
    assert Wording.of("%", "max", np.append(good, [10.0, 10.0])).decimals == Wording.of("%", "max", good).decimals


def test_what_is_not_sure_is_not_said():
    space = sn.get_space("nas-bench-301")
    X = space.sample(400, np.random.default_rng(0))
    noise = np.random.default_rng(1).normal(size=400)
    found = explain_scores(space, X, 5.0 * (X[:, 1] == 2) + noise)
    strong = found.strongest(100)
    assert strong["option"].iloc[0] == decisions_of(space)[1].options[2]
    assert (strong["effect"].abs() >= 2 * strong["std"]).all()
    assert (strong["rows"] >= 10).all()
    said = " ".join(found.sentences())
    assert "100% of the best predicted hundredth" in said
    assert "take 0 and 1 at normal cell, node 2, reads" not in said  # all do: there is no choice
