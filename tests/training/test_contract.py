"""Every kind of training: one split, several resplits at once, a user's own graph."""

import numpy as np
import pytest

import surrogate_nas as sn
from surrogate_nas.testing.trainer import CHECKS
from surrogate_nas.training import graph_dataset

RNG = np.random.default_rng(0)
Y = np.repeat([0, 1, 2], 20)
OWN = graph_dataset(Y[:, None] + RNG.normal(size=(60, 4)), Y, k=3, labelled_per_class=5, resplits=2)
NARROW = {"skeleton": {"channels": 8}}
DEEPER = {"skeleton": {"channels": 8, "stem_layers": 1, "head_layers": 1}}
SPACE = sn.get_space("nas-bench-graph")
TRAINERS = {
    "digits": sn.Trainer(space=SPACE, dataset="digits", epochs=3, recipe=NARROW, device="cpu"),
    "wine": sn.Trainer(space=SPACE, dataset="wine", epochs=4, recipe=DEEPER, device="cpu"),
    "own": sn.Trainer(space=SPACE, dataset=OWN, epochs=5, recipe={**NARROW, "evaluate_every": 1}, device="cpu"),
}


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", TRAINERS)
def test_contract(name, check):
    check(TRAINERS[name])
