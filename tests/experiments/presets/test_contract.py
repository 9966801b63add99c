"""Whatever has a name keeps the contract of strategies on every family of spaces; presets are run through all of it."""

from functools import partial

import numpy as np
import pytest

from surrogate_nas.core import TaskData
from surrogate_nas.experiments.catalogue import list_strategies, make_strategy
from surrogate_nas.experiments.comparing.sources import Sources
from surrogate_nas.spaces import get_space
from surrogate_nas.strategies.ledger import MAX_LISTED
from surrogate_nas.testing.strategy import CHECKS, Landscape, check_same_sequence_in_another_process, evaluations

#: One space of each family: with twins and without, listed and beyond listing.
SPACES = ["nas-bench-201", "nas-bench-graph", "nas-bench-graph-proteins", "nas-bench-301", "transnas-macro", "mlp"]

#: Fits are what costs; how often there is one decides nothing that is checked here.
RARELY = {"refit_every": 200}
OPTIONS = {
    **dict.fromkeys(("default", "bayesian-optimization", "bananas", "npenas", "brp-nas", "ehvi"), RARELY),
    "weaknas": {**RARELY, "pool_size": 300},
    "gradient-ascent": {**RARELY, "n_steps": 4},
    "parego": {"period": 100},
    **dict.fromkeys(("successive-halving", "hyperband", "asha", "bohb", "learning-curve"), {"levels": (1, 3, 9)}),
}
#: What begins with what other tasks have shown is tested in test_transfer.py.
NAMES = [name for name in list_strategies() if name not in ("library-search", "warm-evolution", "source-ensemble")]
CASES = [(n, s) for n in NAMES for s in SPACES if n != "exhaustive" or get_space(s).size <= MAX_LISTED]


def named(space, random_state, name):
    return make_strategy(name, space, random_state=random_state, **OPTIONS.get(name, {}))


@pytest.mark.parametrize(("name", "space"), CASES)
def test_every_name_searches_every_space(name, space):
    """Valid, new, and the same again from the same seed; some evaluations fail."""
    space = get_space(space)
    landscape = Landscape(space)

    def often(X):
        return np.where(X.sum(axis=1) % 4 == 0, np.nan, landscape(X))

    first, again = (evaluations(named(space, 0, name), often, 32, 8) for _ in range(2))
    np.testing.assert_array_equal(first.X, again.X)
    np.testing.assert_array_equal(first.epochs, again.epochs)
    assert space.valid(first.X).all()
    pairs = np.column_stack([space.canonical(first.X), first.epochs])
    assert len(np.unique(pairs, axis=0)) == len(pairs) >= 32


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", ["default", "bananas", "weaknas"])
def test_contract(name, check):
    check(partial(named, name=name), get_space("nas-bench-201"))


@pytest.fixture(scope="module")
def learner():
    """The default strategy with two earlier tasks."""
    space = get_space("nas-bench-201")
    X = space.sample(100, 0, unique=True)
    sources = Sources({f"task-{i}": TaskData(X, Landscape(space, i)(X)) for i in range(2)}, space)
    return lambda space, random_state: make_strategy(
        "default", space, random_state=random_state, sources=sources, **RARELY
    )


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_contract_with_sources(learner, check):
    check(learner, get_space("nas-bench-201"))


def test_same_sequence_in_another_process():
    check_same_sequence_in_another_process(partial(named, name="bananas"), get_space("nas-bench-201"))
