"""Every kind of training: graphs, images, sequences and tables; classes and numbers; one split and several."""

import numpy as np
import pytest

import surrogate_nas as sn
from surrogate_nas.testing.trainer import CHECKS
from surrogate_nas.training import array_dataset, graph_dataset

RNG = np.random.default_rng(0)
Y = np.repeat([0, 1, 2], 20)
GRAPH = graph_dataset(Y[:, None] + RNG.normal(size=(60, 4)), Y, k=3, labelled_per_class=5, resplits=2)
IMAGES = array_dataset((40 * Y[:, None, None, None] + RNG.integers(0, 99, (60, 3, 8, 8))).astype(np.uint8), Y)
SEQUENCES = array_dataset(Y[:, None, None] + RNG.normal(size=(60, 2, 12)), Y, recipe={"augmentation": ("shift",)})
TABLE = array_dataset(Y[:, None] + RNG.normal(size=(60, 5)), Y, folds=3)
NUMBERS = array_dataset(RNG.normal(size=(60, 5)), RNG.normal(100.0, 9.0, size=60), repeats=2)

NODES, CELLS, LAYERS = (sn.get_space(name) for name in ("nas-bench-graph", "nas-bench-201", "mlp"))
NARROW = {"skeleton": {"channels": 8}}
DEEPER = {"skeleton": {"channels": 8, "stem_layers": 1, "head_layers": 1}}
SMALL = {"width": 0.25, "cells": 1, "batch_size": 16}
TRAINERS = {
    "digits": sn.Trainer(space=NODES, dataset="digits", epochs=3, recipe=NARROW, device="cpu"),
    "wine": sn.Trainer(space=NODES, dataset="wine", epochs=4, recipe=DEEPER, device="cpu"),
    "graph": sn.Trainer(space=NODES, dataset=GRAPH, epochs=5, recipe={**NARROW, "evaluate_every": 1}, device="cpu"),
    "images": sn.Trainer(space=CELLS, dataset=IMAGES, epochs=2, recipe=SMALL, device="cpu"),
    "sequences": sn.Trainer(space=CELLS, dataset=SEQUENCES, epochs=2, recipe=SMALL, device="cpu"),
    "table": sn.Trainer(space=LAYERS, dataset=TABLE, epochs=2, recipe={"width": 0.1}, device="cpu"),
    "numbers": sn.Trainer(space=LAYERS, dataset=NUMBERS, epochs=2, recipe={"width": 0.1}, device="cpu"),
}


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", TRAINERS)
def test_contract(name, check):
    check(TRAINERS[name])
