"""Values joined to rows: exact ones and twins, what is not known, and unions with other encodings."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.pipeline import FeatureUnion

from surrogate_nas.core import InvalidInputError
from surrogate_nas.encodings import GraphFeatures, SideFeatures
from surrogate_nas.predictors import BoostedTrees, Predictor, load_predictor
from surrogate_nas.spaces import get_space
from surrogate_nas.testing.encoder import CHECKS

CELL = get_space("nas-bench-201")
ROWS = CELL.sample(300, np.random.default_rng(0), unique=True)
VALUES = np.stack([ROWS.sum(axis=1), ROWS @ np.arange(6)], axis=1).astype(float)


def known_everywhere(space):
    """Values for rows of every batch that the checks draw: canonical genes, so that twins agree."""
    rows = np.concatenate([space.sample(n, np.random.default_rng(7)) for n in (200, 2000, 4096)])
    return SideFeatures(space, rows, space.canonical(rows))


@pytest.mark.parametrize("name", ["nas-bench-201", "nas-bench-301", "chain"])
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_contract(check, name):
    check(known_everywhere, get_space(name))


def test_values_go_to_their_rows():
    encoder = SideFeatures(CELL, ROWS, VALUES, ["sum", "weighted sum"], exact=True).fit()
    order = np.random.default_rng(1).permutation(len(ROWS))
    np.testing.assert_array_equal(encoder.transform(ROWS[order]), VALUES[order])
    assert encoder.get_feature_names_out().tolist() == ["sum", "weighted sum"]


def test_what_is_not_known_is_nan():
    encoder = SideFeatures(CELL, ROWS[:100], VALUES[:100], exact=True).fit()
    assert np.isnan(encoder.transform(ROWS[100:])).all()
    holes = VALUES.copy()
    holes[3, 1] = np.nan
    found = SideFeatures(CELL, ROWS, holes, exact=True).fit().transform(ROWS)
    np.testing.assert_array_equal(found, holes)


def test_twins_share_the_mean_of_what_is_known():
    skip = CELL.parse("|nor_conv_3x3~0|+|none~0|skip_connect~1|+|none~0|none~1|skip_connect~2|")
    direct = CELL.parse("|none~0|+|none~0|none~1|+|nor_conv_3x3~0|none~1|none~2|")
    np.testing.assert_array_equal(CELL.canonical(skip), CELL.canonical(direct))
    X = np.concatenate([skip, direct])
    assert SideFeatures(CELL, X, [1.0, 3.0]).fit().transform(X).tolist() == [[2.0], [2.0]]
    assert SideFeatures(CELL, X, [1.0, np.nan]).fit().transform(X).tolist() == [[1.0], [1.0]]
    assert SideFeatures(CELL, skip, [1.0]).fit().transform(direct).tolist() == [[1.0]]
    assert np.isnan(SideFeatures(CELL, skip, [1.0], exact=True).fit().transform(direct)).all()


def test_a_union_with_graph_features_inside_a_predictor():
    union = FeatureUnion(
        [("graph", GraphFeatures(CELL)), ("side", SideFeatures(CELL, ROWS[:250], VALUES[:250], exact=True))]
    )
    predictor = Predictor(CELL, union, BoostedTrees(n_models=1))
    y = VALUES[:, 1]
    fitted = clone(predictor).fit(ROWS[:100], y[:100])
    alone = Predictor(CELL, GraphFeatures(CELL), BoostedTrees(n_models=1)).fit(ROWS[:100], y[:100])
    errors = [np.abs(p.predict(ROWS[100:250]) - y[100:250]).mean() for p in (fitted, alone)]
    assert errors[0] < errors[1] / 2
    assert np.isfinite(fitted.predict(ROWS[250:])).all()
    names = fitted.encoder_.get_feature_names_out().tolist()
    assert names[-2:] == ["side__side 0", "side__side 1"]
    assert clone(union).transformer_list[1][1].space is CELL


def test_it_is_saved_with_its_values(tmp_path):
    encoder = SideFeatures(CELL, ROWS, VALUES, ["sum", "weighted sum"])
    predictor = Predictor(CELL, encoder, BoostedTrees(n_models=1)).fit(ROWS[:50], VALUES[:50, 0])
    predictor.save(tmp_path / "it")
    again = load_predictor(tmp_path / "it")
    np.testing.assert_array_equal(again.predict(ROWS), predictor.predict(ROWS))
    np.testing.assert_array_equal(again.encoder_.fit().transform(ROWS), encoder.fit().transform(ROWS))


@pytest.mark.parametrize(
    ("X", "values", "names"),
    [
        (ROWS, VALUES[:10], None),
        (ROWS[:0], VALUES[:0], None),
        (np.full((1, 6), 9), VALUES[:1], None),
        (ROWS, np.full(300, np.inf), None),
        (ROWS, ["text"] * 300, None),
        (ROWS, VALUES, ["one"]),
        (ROWS, VALUES, ["same", "same"]),
    ],
)
def test_wrong_input_is_one_line(X, values, names):
    with pytest.raises(InvalidInputError, match="SideFeatures: expected") as error:
        SideFeatures(CELL, X, values, names).fit()
    assert "\n" not in str(error.value)
