"""Presets keep the contract of strategies, each on spaces of every family."""

from functools import partial

import numpy as np
import pytest

from surrogate_nas.core import TaskData
from surrogate_nas.experiments.catalogue import make_strategy
from surrogate_nas.experiments.comparing.sources import Sources
from surrogate_nas.spaces import get_space
from surrogate_nas.testing.strategy import CHECKS, Landscape, check_same_sequence_in_another_process, evaluations

#: One space of each family: with twins and without, listed and beyond listing.
SPACES = ["nas-bench-201", "nas-bench-graph", "nas-bench-graph-proteins", "nas-bench-301", "transnas-macro", "mlp"]

#: Fits are what costs; how often there is one decides nothing that is checked here.
RARELY = {"refit_every": 200}
PRESETS = {
    "default": RARELY,
    "bayesian-optimization": RARELY,
    "bananas": RARELY,
    "npenas": RARELY,
    "weaknas": {**RARELY, "pool_size": 300},
    "brp-nas": RARELY,
    "gradient-ascent": {**RARELY, "n_steps": 4},
    "ehvi": RARELY,
    "parego": {"period": 100},
    "scalarized-evolution": {},
    "constrained-evolution": {},
}


def preset(space, random_state, name):
    return make_strategy(name, space, random_state=random_state, **PRESETS[name])


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_searches_any_space(name, space):
    """Valid, new, and the same again from the same seed; some evaluations fail."""
    space = get_space(space)
    landscape = Landscape(space)

    def often(X):
        return np.where(X.sum(axis=1) % 4 == 0, np.nan, landscape(X))

    first, again = (evaluations(preset(space, 0, name), often, 32, 8).X for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert space.valid(first).all()
    assert len(np.unique(space.canonical(first), axis=0)) == len(first) >= 32


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", ["default", "bananas", "weaknas"])
def test_contract(name, check):
    check(partial(preset, name=name), get_space("nas-bench-201"))


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
    check_same_sequence_in_another_process(partial(preset, name="bananas"), get_space("nas-bench-201"))
