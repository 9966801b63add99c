"""Every space of the catalogue, and a few that are shaped otherwise: the contract that ships with the package."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from surrogate_nas.core import InvalidInputError
from surrogate_nas.spaces import EdgeCellSpace, NodeCellSpace, Operation, Skeleton, get_space, list_spaces
from surrogate_nas.testing.space import CHECKS

CONV, POOL, SKIP, NONE = (
    Operation("conv", "convolution", 3, True, 1.0),
    Operation("pool", "pooling", 3),
    Operation("through", "identity"),
    Operation("zero", "none"),
)
SKELETON = Skeleton("image")

#: What the benchmarks publish, or what follows from what they state.
SIZES = {
    "hw-fbnet": 9**22,
    "nas-bench-101": 423_624,
    "nas-bench-201": 15_625,
    "nas-bench-301": (1 * 3 * 6 * 10 * 7**8) ** 2,
    "nas-bench-graph": 26_206,
    "nas-bench-graph-proteins": 2_021,
    "nas-bench-macro": 3**8,
    "nats-sss": 32_768,
    "transnas-macro": 3_256,
    "transnas-micro": 4_096,
}

# The zero operation is not the first one and edges have other names: nothing hangs on either.
SPACES = [get_space(name) for name in list_spaces()] + [
    EdgeCellSpace("three nodes", (CONV, SKIP, NONE, POOL), 3, SKELETON),
    EdgeCellSpace("five nodes", (CONV, SKIP, NONE), 5, SKELETON),
    EdgeCellSpace("one edge", (CONV, POOL), 2, SKELETON),
    NodeCellSpace("two trees", (SKIP, CONV, POOL), [(0, 1, 1), (0, 0, 2)], SKELETON),
    NodeCellSpace("five operations", (CONV, SKIP, POOL), [(0, 1, 2, 3, 4), (0, 1, 1, 2, 3), (0, 0, 0, 0, 0)], SKELETON),
    NodeCellSpace("one operation", (CONV, POOL, SKIP), [(0,)], SKELETON),
]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("space", SPACES, ids=lambda space: space.name)
@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=4, deadline=None)
def test_contract(space, check, seed):
    check(space, np.random.default_rng(seed))


@pytest.mark.parametrize(("name", "size"), SIZES.items(), ids=SIZES)
def test_sizes_are_the_published_ones(name, size):
    space = get_space(name)
    assert space.size == size
    assert space.size > 2**22 or len(space.enumerate()) == size


@pytest.mark.parametrize("space", SPACES, ids=lambda space: space.name)
def test_batches_of_a_wrong_length_are_refused(space):
    X = space.sample(3, 0)
    for ask in (space.neighbors, space.show, lambda x: space.distance(x, X)):
        for x in (X[:2], X[:0]):
            with pytest.raises(InvalidInputError, match=f"x: expected one row, got {len(x)}"):
                ask(x)
    with pytest.raises(InvalidInputError, match="as many first as second parents, got 3 and 1"):
        space.crossover(X, X[:1], 0)
    for n in (-1, 1.5, "2", None):
        for unique in (False, True):
            with pytest.raises(InvalidInputError, match=f"n: expected a whole number of at least 0, got {n!r}"):
                space.sample(n, 0, unique=unique)
