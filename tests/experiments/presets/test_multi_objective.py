"""Several metrics of real tables: fronts and hypervolumes by brute force, and what the presets find of them."""

import numpy as np
import pandas as pd
import pytest

import surrogate_nas as sn
from surrogate_nas.core import InvalidInputError
from surrogate_nas.core.pareto import hypervolume, pareto_mask
from surrogate_nas.experiments.catalogue import make_strategy
from surrogate_nas.experiments.objectives import MultiObjective, TableObjective
from surrogate_nas.experiments.presets.multi_objective import constrained_evolution, ehvi, parego, scalarized_evolution
from surrogate_nas.experiments.searching.search import search
from surrogate_nas.strategies import RandomSearch, RegularizedEvolution, Scalarized
from surrogate_nas.strategies.multi_objective.hypervolume import reference_of

METRICS = ("accuracy", "latency", "params")


def objective_of(table, task, metrics=METRICS):
    return MultiObjective([TableObjective(table, task=task, metric=metric) for metric in metrics])


@pytest.fixture(scope="module")
def graph():
    return objective_of(sn.load_table("nas-bench-graph"), "cora")


@pytest.fixture(scope="module")
def images(shared_data):
    """NAS-Bench-201: accuracy, latency on an edge GPU, parameters; the last are known for 9,445 rows."""
    frame = pd.read_parquet(shared_data / "nas-bench-201.parquet")
    proxies = pd.read_parquet(shared_data / "nas-bench-201-zero-cost-cifar10.parquet")
    columns = {
        "cifar10-val-200ep": sn.Column("cifar10", "accuracy", "val", 200, unit="%"),
        "cifar10-edgegpu_latency": sn.Column("cifar10", "latency", unit="ms"),
        "params": sn.Column("cifar10", "params", unit="million"),
    }
    table = sn.Table.from_frame(
        frame.join(proxies["params"]), space=sn.get_space("nas-bench-201"), arch_column="arch_str", columns=columns
    )
    return objective_of(table, "cifar10")


def costs_of(objective):
    """Costs of everything that was measured, shape (n, m); lower is better."""
    X = objective.space.enumerate()
    return -objective.signs * objective.evaluate(X[objective.measured(X)]).scores


def check_front(costs, front):
    """Nothing is better than a row of the front, and something is better than every other row."""
    beaten = np.zeros(len(costs), dtype=bool)
    for row in costs[front]:
        assert not ((costs <= row).all(axis=1) & (costs < row).any(axis=1)).any()
        beaten |= (row <= costs).all(axis=1) & (row < costs).any(axis=1)
    np.testing.assert_array_equal(beaten, ~front)


def volume_by_cells(costs, reference):
    """The grid through all coordinates has cells that are dominated whole or not at all: add up those that are."""
    costs = costs[(costs < reference).all(axis=1)]
    edges = [np.append(np.unique(column), r) for column, r in zip(costs.T, reference, strict=True)]
    corners = np.stack(np.meshgrid(*(e[:-1] for e in edges), indexing="ij"), axis=-1)
    dominated = np.zeros(corners.shape[:-1], dtype=bool)
    for row in costs:
        dominated |= (row <= corners).all(axis=-1)
    sizes = np.ones(())
    for e in edges:
        sizes = np.multiply.outer(sizes, np.diff(e))
    return float((sizes * dominated).sum())


def check_against_brute_force(objective, size):
    costs = costs_of(objective)
    assert len(costs) == size
    for columns in ([0, 1], [0, 2], [1, 2], [0, 1, 2]):
        some = costs[:, columns]
        front = pareto_mask(some)
        check_front(some, front)
        reference = reference_of(some[front])
        assert hypervolume(some, reference) == pytest.approx(volume_by_cells(some[front], reference))


def test_nas_bench_graph_against_brute_force(graph):
    check_against_brute_force(graph, 26_206)


def test_nas_bench_201_against_brute_force(images):
    check_against_brute_force(images, 9445)


def shares(objective, strategies, budget=100):
    """Hypervolume of what each strategy found, as a share of that of the table's front."""
    costs = costs_of(objective)
    front = costs[pareto_mask(costs)]
    reference = reference_of(front)
    found = {}
    for name, strategy in strategies.items():
        result = search(objective, strategy, budget=budget, batch_size=5)
        reached = -objective.signs * result.scores
        found[name] = hypervolume(reached, reference) / hypervolume(front, reference)
        assert hypervolume(reached[result.pareto], reference) == pytest.approx(hypervolume(reached, reference))
    return found


@pytest.mark.parametrize("where", ["graph", "images"])
def test_models_find_nearly_the_whole_front(where, request):
    objective = request.getfixturevalue(where)
    space = objective.space
    found = shares(
        objective,
        {
            "ehvi": ehvi(space, random_state=0),
            "parego": parego(space, random_state=0),
            "evolution": scalarized_evolution(space, random_state=0),
            "random": RandomSearch(space, random_state=0),
        },
    )
    assert max(found.values()) <= 1
    assert found["ehvi"] > 0.9
    assert found["ehvi"] > max(found["evolution"], found["random"])
    assert found["parego"] > found["random"]


def test_the_best_within_a_latency_that_is_measured_afterwards():
    objective = objective_of(sn.load_table("nas-bench-graph"), "cora", ("accuracy", "latency"))
    accuracy, latency = objective.evaluate(objective.space.enumerate()).scores.T
    limits = (None, float(np.median(latency)))
    best = accuracy[latency <= limits[1]].max()

    def regret(strategy):
        scores = search(objective, strategy, budget=100, batch_size=5).scores
        return best - scores[scores[:, 1] <= limits[1], 0].max()

    space = objective.space
    chance = np.mean([regret(RandomSearch(space, random_state=seed)) for seed in range(10)])
    assert np.mean([regret(constrained_evolution(space, limits=limits, random_state=s)) for s in range(10)]) < chance
    assert regret(ehvi(space, limits=limits, random_state=0)) < chance


def test_by_name_with_options():
    space = sn.get_space("nas-bench-201")
    assert make_strategy("ehvi", space, refit_every=7).refit_every == 7
    assert make_strategy("parego", space, period=3).period == 3
    assert make_strategy("scalarized-evolution", space, weights=(1, 2)).weights == (1, 2)
    assert make_strategy("constrained-evolution", space, limits=(None, 3.0)).limits == (None, 3.0)
    with pytest.raises(InvalidInputError, match="unknown option 'popsize'"):
        make_strategy("nsga2", space, popsize=3)


def test_a_run_folder_remembers_what_is_inside_a_wrapper(graph, tmp_path):
    weighted = scalarized_evolution(graph.space, weights=(1, 1, 1), random_state=3)
    whole = search(graph, scalarized_evolution(graph.space, weights=(1, 1, 1), random_state=3), budget=12)
    search(graph, weighted, budget=7, run_dir=tmp_path)
    again = scalarized_evolution(graph.space, weights=(1, 1, 1), random_state=3)
    np.testing.assert_array_equal(search(graph, again, budget=12, run_dir=tmp_path).X, whole.X)
    other = Scalarized(RegularizedEvolution(graph.space, population_size=5, random_state=3), weights=(1, 1, 1))
    with pytest.raises(InvalidInputError, match="population_size"):
        search(graph, other, budget=12, run_dir=tmp_path)
