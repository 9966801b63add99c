"""Every predictor keeps the contract, and gives the same numbers in another process."""

import json
import subprocess
import sys
from functools import cache

import numpy as np
import pytest

from surrogate_nas.encodings import AdjacencyEncoder, DepthFeatures, GraphFeatures, OneHotEncoder
from surrogate_nas.predictors import (
    AutoPredictor,
    BoostedTrees,
    Forest,
    GaussianProcess,
    GraphNetwork,
    MetaPredictor,
    MLPEnsemble,
    Predictor,
    RelaxedPredictor,
    Ridge,
)
from surrogate_nas.predictors.transfer.predictor import TransferPredictor
from surrogate_nas.spaces import get_space
from surrogate_nas.testing.predictor import CHECKS, check_constant_scores, fingerprint
from surrogate_nas.testing.strategy import Landscape


@cache
def learned(space):
    """What three tasks teach that resemble the one of the contract more or less."""
    rng = np.random.default_rng(1)
    X = space.sample(400, rng, unique=True)
    y = 3 * Landscape(space)(X)
    return MetaPredictor(space, random_state=0).fit({str(s): (X, y + rng.normal(0, s, len(y))) for s in (1, 2, 4)})


def across(space, direction):
    """A predictor across tasks that has not seen its own yet."""
    made = learned(space).adapt(direction=direction)
    return TransferPredictor(made.prior, made.scale, direction=direction)


FACTORIES = {
    "across": across,
    "auto": lambda space, direction: AutoPredictor(space, direction=direction),
    "boosted": lambda space, direction: Predictor(
        space,
        GraphFeatures(space, pairs=False),
        BoostedTrees(n_estimators=30, learning_rate=0.2, n_models=2),
        direction=direction,
    ),
    "pairwise": lambda space, direction: Predictor(
        space,
        GraphFeatures(space, pairs=False),
        BoostedTrees(objective="pairwise", n_estimators=60, learning_rate=0.1),
        direction=direction,
    ),
    "ridge": lambda space, direction: Predictor(space, GraphFeatures(space), Ridge(), direction=direction),
    "forest": lambda space, direction: Predictor(
        space, AdjacencyEncoder(space), Forest(n_estimators=40), direction=direction
    ),
    "process": lambda space, direction: Predictor(
        space, DepthFeatures(space), GaussianProcess(kernel="rbf"), direction=direction
    ),
    "linear": lambda space, direction: Predictor(
        space, OneHotEncoder(space), GaussianProcess(max_rows=50), direction=direction
    ),
    "network": lambda space, direction: GraphNetwork(space, n_models=2, hidden=12, epochs=8, direction=direction),
    "perceptron": lambda space, direction: Predictor(
        space, GraphFeatures(space), MLPEnsemble(n_models=3, hidden=16, epochs=40), direction=direction
    ),
    "relaxed": lambda space, direction: RelaxedPredictor(space, direction=direction),
}
CASES = [*((name, "nas-bench-201") for name in FACTORIES), ("auto", "nas-bench-graph")]


@pytest.mark.parametrize(("name", "space"), CASES)
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_contract(check, name, space, request):
    if name == "across" and check is check_constant_scores:
        reason = "equal scores do not unsay the order that other tasks suggest"
        request.applymarker(pytest.mark.xfail(reason=reason, strict=True, raises=AssertionError))
    check(FACTORIES[name], get_space(space))


def prints() -> dict[str, list[float]]:
    return {name: fingerprint(factory, get_space("nas-bench-201")) for name, factory in FACTORIES.items()}


def test_another_process_gives_the_same_numbers():
    here = prints()
    found = subprocess.run([sys.executable, __file__], capture_output=True, text=True, check=True)
    assert json.loads(found.stdout) == here


if __name__ == "__main__":
    sys.stdout.write(json.dumps(prints()))
