"""Tree models from files: what XGBoost writes is read as it is, everything else is refused before XGBoost sees it."""

import json

import numpy as np
import pytest
import xgboost

from surrogate_nas.core import InvalidInputError
from surrogate_nas.predictors import BoostedTrees, Forest
from surrogate_nas.predictors.boosted import load_booster
from surrogate_nas.predictors.ubj import check_booster, read_ubj

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 4))
RAW = Forest(n_estimators=3).fit(X, X[:, 0]).get_state().boosters["forest-0"]


def plain(value):
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    if isinstance(value, np.ndarray | list):
        return [plain(v) for v in value]
    return value.item() if isinstance(value, np.generic) else value


def test_the_document_is_what_xgboost_writes_as_json():
    booster = xgboost.Booster()
    booster.load_model(bytearray(RAW))
    expected = json.loads(bytes(booster.save_raw("json")))
    found = plain(read_ubj(RAW))

    def same(a, b):
        if isinstance(a, dict):
            assert a.keys() == b.keys()
            for key in a:
                same(a[key], b[key])
        elif isinstance(a, list) and a and isinstance(a[0], dict | list):
            for x, y in zip(a, b, strict=True):
                same(x, y)
        elif isinstance(a, float) or (isinstance(a, list) and a and isinstance(a[0], float)):
            np.testing.assert_array_equal(np.float32(a), np.float32(b))
        else:
            assert a == b

    same(found, expected)


@pytest.mark.parametrize("regressor", [Forest(n_estimators=4), BoostedTrees(n_estimators=30, n_models=2)])
def test_what_was_trained_passes(regressor):
    state = regressor.fit(X, X[:, 0] + X[:, 1]).get_state()
    for raw in state.boosters.values():
        assert check_booster(raw, 4)
        with pytest.raises(InvalidInputError, match="over 3 features"):
            check_booster(raw, 3)


def test_every_cut_is_noticed():
    for length in [*range(200), *range(200, len(RAW), 97), len(RAW) - 1]:
        with pytest.raises(InvalidInputError):
            check_booster(RAW[:length], 4)
    with pytest.raises(InvalidInputError, match="follows"):
        check_booster(RAW + b"}", 4)


def test_flipped_bytes_are_refused_or_harmless():
    """What is not refused loads and predicts; XGBoost alone would abort the process on some."""
    rng = np.random.default_rng(1)
    passed = 0
    for _ in range(300):
        raw = bytearray(RAW)
        for at in rng.integers(0, len(raw), size=rng.integers(1, 4)):
            raw[at] ^= 1 << int(rng.integers(8))
        try:
            booster = load_booster(bytes(raw), 4, 1)
        except InvalidInputError:
            continue
        assert booster.inplace_predict(X.astype(np.float32)).shape == (60,)
        passed += 1
    assert passed < 300, "some flips hit what matters"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("left_children", 10_000),
        ("right_children", 0),
        ("left_children", 2),  # the right child too: a node with two parents
        ("split_indices", 4),
        ("split_indices", -1),
        ("split_type", 1),
    ],
)
def test_a_tree_that_leads_astray_is_refused(name, value):
    raw = bytearray(RAW)
    marker = b"U" if name == "split_type" else b"l"
    head = len(name).to_bytes(8, "big") + name.encode() + b"[$" + marker + b"#L"
    at = raw.index(head) + len(head) + 8
    raw[at : at + (1 if marker == b"U" else 4)] = value.to_bytes(1 if marker == b"U" else 4, "big", signed=True)
    with pytest.raises(InvalidInputError, match="something else"):
        check_booster(bytes(raw), 4)


@pytest.mark.parametrize("raw", [b"", b"{", b"[" * 10_000, b"{}", b"i\x01", b"[#L" + b"\x7f" * 8, b"not a booster"])
def test_other_bytes(raw):
    with pytest.raises(InvalidInputError):
        check_booster(raw, 4)
