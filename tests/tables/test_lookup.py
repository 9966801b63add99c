import numpy as np
import pytest

from surrogate_nas.core import InvalidInputError
from surrogate_nas.spaces import get_space
from surrogate_nas.tables import lookup
from surrogate_nas.tables.lookup import ABSENT, DenseLookup, HashedLookup, build_lookup


def naive(space, X, rows, canonical):
    place = {tuple(r): i for i, r in enumerate(X.tolist())}
    keys = space.canonical(rows) if canonical else rows
    return [place.get(tuple(k), ABSENT) for k in keys.tolist()]


@pytest.mark.parametrize("form", [DenseLookup, HashedLookup])
@pytest.mark.parametrize("canonical", [True, False])
@pytest.mark.parametrize("name", ["nas-bench-graph", "nas-bench-201"])
def test_both_forms_agree_with_a_dictionary(form, canonical, name, rng):
    space = get_space(name)
    X = space.sample(500, rng, unique=True)
    if canonical:
        X = np.unique(space.canonical(X), axis=0)
    rows = rng.integers(0, space.cardinalities, size=(3_000, space.n_genes)).astype(np.int16)
    rows = np.concatenate([X, rows])
    found = form(space, X, canonical=canonical)
    expected = naive(space, X, rows, canonical)
    for _ in range(2):  # the second time from memory
        np.testing.assert_array_equal(found.positions(rows), expected)
    fresh = form(space, X, canonical=canonical)
    assert [fresh.positions(r[None])[0] for r in rows[:800]] == expected[:800]
    assert fresh.positions(rows[:0]).shape == (0,)


@pytest.mark.parametrize("form", [DenseLookup, HashedLookup])
@pytest.mark.parametrize("wrong", [-1, 9, 300])
def test_genes_that_do_not_exist_are_named(form, wrong):
    space = get_space("nas-bench-graph")
    found = form(space, space.enumerate()[:5], canonical=True)
    rows = space.enumerate()[:3].copy()
    rows[2, 3] = wrong
    for asked, position in ((rows, 2), (rows[2:], 0)):
        with pytest.raises(InvalidInputError, match=f"row {position}, gene 'op2': expected 0 to 8, got {wrong}"):
            found.positions(asked)


def test_the_form_follows_the_size_of_the_space(monkeypatch):
    space = get_space("nas-bench-201")
    X = space.enumerate()[:5]
    assert isinstance(build_lookup(space, X, canonical=False), DenseLookup)
    monkeypatch.setattr(lookup, "DENSE_LIMIT", 5**6 - 1)
    assert isinstance(build_lookup(space, X, canonical=False), HashedLookup)


def test_hashing_refuses_repeated_rows():
    space = get_space("nas-bench-201")
    X = space.enumerate()[[0, 1, 0]]
    with pytest.raises(InvalidInputError, match="expected different rows"):
        HashedLookup(space, X, canonical=False)
