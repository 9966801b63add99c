"""A trained supernet is searched like a table: by any strategy, resumed from its log, never trained again."""

import numpy as np
import pytest

import surrogate_nas as sn
from surrogate_nas.core import InvalidInputError
from surrogate_nas.experiments.objectives import SupernetObjective
from surrogate_nas.spaces import EdgeCellSpace, Operation, Skeleton
from surrogate_nas.training.supernet import Supernet

SPACE = EdgeCellSpace(
    "small",
    [Operation("none", "none"), Operation("skip", "identity"), Operation("conv", "convolution", 3, True, 1.0)],
    3,
    Skeleton("image", stages=(1, 1), channels=(6, 12), stem_layers=1, reduction="residual", last_activation=True),
)


@pytest.fixture(scope="module")
def supernet() -> Supernet:
    return Supernet(SPACE, "digits", epochs=2).train(0)


@pytest.mark.parametrize("name", ["regularized-evolution", "reinforce", "local-search", "bayesian-optimization"])
def test_strategies_search_it(supernet: Supernet, name: str) -> None:
    objective = SupernetObjective(supernet)
    strategy = sn.make_strategy(name, SPACE, random_state=0)
    result = sn.search(objective, strategy, budget=7)
    assert len(result.history) == 7
    assert result.best_score == pytest.approx(supernet.evaluate(result.best[None])[0])
    assert (result.history["cost_s"] > 0).all()


def test_losses_are_minimised(supernet: Supernet) -> None:
    objective = SupernetObjective(supernet, metric="loss")
    result = sn.search(objective, sn.make_strategy("random", SPACE, random_state=0), budget=6)
    assert objective.direction == "min"
    assert result.best_score == result.history["score"].min()


def test_a_run_goes_on_with_the_same_supernet_alone(supernet: Supernet, tmp_path) -> None:
    def run(of: Supernet, budget: int):
        strategy = sn.make_strategy("random", SPACE, random_state=0)
        return sn.search(SupernetObjective(of), strategy, budget=budget, run_dir=tmp_path)

    first = run(supernet, 3)
    assert np.array_equal(run(supernet, 5).history["score"][:3], first.history["score"])
    with pytest.raises(InvalidInputError, match="seed"):
        run(Supernet(SPACE, "digits", epochs=2).initialise(1), 6)


def test_what_cannot_be_asked_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="call train"):
        SupernetObjective(Supernet(SPACE, "digits", epochs=2))
    with pytest.raises(InvalidInputError, match="supernet: expected a trained one"):
        SupernetObjective(SPACE)
