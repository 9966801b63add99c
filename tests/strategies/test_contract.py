"""Every strategy on every space: the contract that ships with the package."""

from functools import partial

import numpy as np
import pytest

from surrogate_nas import encodings, predictors
from surrogate_nas.encodings import OneHotEncoder
from surrogate_nas.predictors import Predictor, Ridge
from surrogate_nas.spaces import EdgeCellSpace, Operation, Skeleton, get_space
from surrogate_nas.strategies import (
    ASHA,
    BOHB,
    NSGA2,
    Constrained,
    Exhaustive,
    ExpectedHypervolumeImprovement,
    GeneticAlgorithm,
    GradientAscent,
    HybridSearch,
    Hyperband,
    LearningCurveStopping,
    LocalSearch,
    ModelBased,
    MonteCarloTreeSearch,
    RandomSearch,
    RegularizedEvolution,
    Reinforce,
    Scalarized,
    SimulatedAnnealing,
    SteadyStateEvolution,
    SuccessiveHalving,
    WarmStart,
)
from surrogate_nas.strategies.ledger import MAX_LISTED
from surrogate_nas.testing.strategy import (
    CHECKS,
    Landscape,
    check_beats_random,
    check_same_sequence_in_another_process,
    run,
)


class Additive:
    """A predictor with an opinion."""

    direction = "max"

    def predict(self, X):
        return np.asarray(X).sum(axis=1).astype(float)


def warm(space, random_state):
    """Evolution that begins with given architectures."""
    return WarmStart(RegularizedEvolution(space, random_state=random_state), space.sample(20, 99))


def expected_hypervolume(space, *, random_state):
    model = predictors.Predictor(space, encodings.OneHotEncoder(space), predictors.Ridge())
    return ExpectedHypervolumeImprovement(
        space, predictor=model, refit_every=20, pool_size=200, random_state=random_state
    )


def scalarized(space, *, random_state):
    return Scalarized(RegularizedEvolution(space, random_state=random_state))


def constrained(space, *, random_state):
    return Constrained(RegularizedEvolution(space, random_state=random_state), limits=(None,))


def climbing(space, *, random_state):
    predictor = predictors.RelaxedPredictor(space, n_models=2, hidden=8, epochs=3, random_state=0)
    return GradientAscent(space, predictor=predictor, refit_every=80, n_steps=4, random_state=random_state)


def modelled(space, *, random_state, **options):
    predictor = Predictor(space, OneHotEncoder(space), Ridge())
    settings = {"refit_every": 20, "pool_size": 200, **options}
    return ModelBased(space, predictor=predictor, random_state=random_state, **settings)


FACTORIES = {
    "random": RandomSearch,
    "exhaustive": Exhaustive,
    "ranked": partial(Exhaustive, predictor=Additive()),
    "evolution": RegularizedEvolution,
    "small evolution": partial(RegularizedEvolution, population_size=10, sample_size=3),
    "local": LocalSearch,
    "best neighbour": partial(LocalSearch, initial_size=1, move="best", restart="random"),
    "steady state": SteadyStateEvolution,
    "genetic": GeneticAlgorithm,
    "small genetic": partial(GeneticAlgorithm, population_size=20),
    "annealing": SimulatedAnnealing,
    "model": modelled,
    "diverse model": partial(modelled, acquisition="thompson", diverse=True, random_share=0.2),
    "reinforce": Reinforce,
    "successive halving": partial(SuccessiveHalving, levels=(12, 200)),
    "hyperband": partial(Hyperband, levels=(1, 3, 9, 27, 81)),
    "asha": partial(ASHA, levels=(1, 3, 9, 27)),
    "bohb": partial(BOHB, levels=(1, 3, 9)),
    "learning curve": partial(LearningCurveStopping, levels=(12, 200)),
    "learning curve shapes": partial(LearningCurveStopping, levels=(1, 2, 4, 8, 16, 32), forecast="shape"),
    "warm start": warm,
    "nsga2": partial(NSGA2, population_size=10, n_offspring=5),
    "tree search": MonteCarloTreeSearch,
    "scalarized": scalarized,
    "constrained": constrained,
    "gradient ascent": climbing,
    "hybrid": HybridSearch,
    "expected hypervolume": expected_hypervolume,
}


#: One space of each family: with twins and without, listed and beyond listing.
SPACES = ["nas-bench-201", "nas-bench-graph", "nas-bench-graph-proteins", "nas-bench-301", "transnas-macro", "mlp"]
LISTS = {"exhaustive", "ranked"}  # what a strategy that goes through the whole space cannot do in a large one
CASES = [(f, s) for f in FACTORIES for s in SPACES if f not in LISTS or get_space(s).size <= MAX_LISTED]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize(("name", "space"), CASES)
def test_contract(name, space, check):
    factory = FACTORIES[name]
    check(factory, get_space(space))


@pytest.mark.parametrize("factory", FACTORIES.values(), ids=FACTORIES)
def test_same_sequence_in_another_process(factory):
    check_same_sequence_in_another_process(factory, get_space(SPACES[0]))


@pytest.mark.parametrize("factory", FACTORIES.values(), ids=FACTORIES)
def test_a_space_that_has_one_architecture(factory):
    skeleton = Skeleton(input_kind="image")
    space = EdgeCellSpace("one", [Operation("only", "convolution", 3, True, 1.0)], 2, skeleton)
    assert np.unique(run(factory(space, random_state=0), Landscape(space), 20, 4), axis=0).tolist() == [[0]]


#: Evaluations after which a strategy is better than random search, on every space.
BETTER_AFTER = {
    "evolution": 150,
    "local": 150,
    "best neighbour": 600,  # one neighbourhood of a large space is more than 200
    "steady state": 150,
    "genetic": 300,  # its first hundred are random
    "small genetic": 150,
    "annealing": 150,
}


@pytest.mark.slow
@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize(("name", "budget"), BETTER_AFTER.items(), ids=BETTER_AFTER)
def test_better_than_random_search(name, budget, space):
    check_beats_random(FACTORIES[name], RandomSearch, get_space(space), budget=budget)


def test_the_comparison_with_random_search_can_fail():
    with pytest.raises(AssertionError, match="p ="):
        check_beats_random(RandomSearch, RandomSearch, get_space(SPACES[0]), budget=10, runs=20)
