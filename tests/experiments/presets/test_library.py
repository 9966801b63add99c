"""What was good on similar tasks comes first, and the target never counts."""

import numpy as np
import pytest

import surrogate_nas as sn
from surrogate_nas.core import InvalidInputError, TaskData, UnknownNameError
from surrogate_nas.experiments.presets.library import ArchitectureLibrary


def val(table, X, task):
    """Validation scores of rows."""
    return table.query(X, task=task, metric="accuracy", split="val")


@pytest.fixture(scope="module")
def table():
    return sn.load_table("nas-bench-graph")


@pytest.fixture(scope="module")
def tasks(table):
    """Three tasks of the same eight rows, best first: 7 6 5 4 3 2 1 0, 0 1 2 ..., and 7 0 1 2 3 4 5 6."""
    X = table.X[:8]
    y = np.arange(8.0)
    return {"up": (X, y), "down": (X, -y), "mixed": (X, np.array([6.5, 6, 5, 4, 3, 2, 1, 9]))}


def places(library, table, *args, **kwargs):
    return [int(np.flatnonzero((table.X[:8] == x).all(axis=1))[0]) for x in library.retrieve(*args, **kwargs)]


def test_places_in_the_rankings_are_fused_by_hand(table, tasks):
    library = ArchitectureLibrary(table.space, tasks)
    # row 7: 1 + 1/8 + 1; row 0: 1/8 + 1 + 1/2; row 6: 1/2 + 1/7 + 1/8; row 1: 1/7 + 1/2 + 1/3; row 2: 1/6 + 1/3 + 1/4
    assert places(library, table, k=5) == [7, 0, 1, 6, 2]
    assert places(library, table, k=3, exclude=["down", "mixed"]) == [7, 6, 5]
    assert places(library, table, k=3, exclude="up") == [0, 7, 1]
    assert len(library.retrieve(k=100)) == 8


def test_on_a_slice_of_the_real_table_by_hand(table):
    names, rows = ("cora", "cs"), slice(100, 140)
    data = {name: (table.X[rows], val(table, table.X[rows], name)) for name in names}
    worth = sum(1 / (1 + np.argsort(np.argsort(-y, kind="stable"))) for _, y in data.values())
    found = ArchitectureLibrary(table.space, data).retrieve(k=6)
    np.testing.assert_array_equal(found, table.X[rows][np.argsort(-worth, kind="stable")[:6]])


def test_similar_tasks_weigh_more(table, tasks):
    sizes = {"up": 1e3, "down": 1e6, "mixed": 2e3}
    data = {
        name: TaskData(X, y, descriptors={"nodes": sizes[name], "only here" + name: 1.0})
        for name, (X, y) in tasks.items()
    }
    library = ArchitectureLibrary(table.space, data)
    assert places(library, table, {"nodes": 1e3}, k=2, exclude="mixed") == [7, 6]
    assert places(library, table, {"nodes": 1e7, "classes": 3}, k=2) == [0, 1]
    weights = library._weights(["up", "down"], {"nodes": 1e3})
    assert weights[0] == pytest.approx(1.0)
    assert weights[1] == pytest.approx(np.exp(-0.5 * 2**2))  # two tasks are two standard deviations apart
    with pytest.raises(InvalidInputError, match="expected some of nodes, got size"):
        library.retrieve({"size": 1.0})


def test_costs_count_the_other_way_round(table, tasks):
    X, y = tasks["up"]
    library = ArchitectureLibrary(table.space, {"latency": TaskData(X, y, direction="min")})
    assert places(library, table, k=2) == [0, 1]


def test_twins_come_once_as_the_better_one_was_measured():
    space = sn.get_space("nas-bench-201")
    rows = space.enumerate()
    keys = space.canonical_index(rows)
    a, b = np.flatnonzero(keys == np.flatnonzero(np.bincount(keys) > 1)[0])[:2]
    other = rows[keys != keys[a]][:1]
    X = np.concatenate([rows[[a, b]], other])
    found = ArchitectureLibrary(space, {"t": (X, [1.0, 3.0, 2.0])}).retrieve(k=5)
    np.testing.assert_array_equal(found, [rows[b], other[0]])


def test_a_table_is_a_library_of_all_its_tasks_but_the_target(table):
    library = ArchitectureLibrary.from_table(table, exclude=["cora"])
    assert library.tasks == tuple(task for task in table.tasks if task != "cora")
    assert repr(library).startswith("<ArchitectureLibrary of 8 tasks on 'nas-bench-graph': citeseer")
    assert table.space.valid(library.retrieve()).all()
    assert library.retrieve().shape == (10, table.space.n_genes)
    excluded = ArchitectureLibrary.from_table(table).retrieve(k=30, exclude="cora")
    np.testing.assert_array_equal(library.retrieve(k=30), excluded)


def test_descriptors_of_a_table_are_told_by_task(table):
    nodes = {"cora": 2_708, "citeseer": 3_327, "pubmed": 19_717, "cs": 18_333, "physics": 34_493, "photo": 7_650}
    nodes |= {"computers": 13_752, "arxiv": 169_343, "proteins": 132_534}
    library = ArchitectureLibrary.from_table(table, descriptors={t: {"nodes": n} for t, n in nodes.items()})
    near = library.retrieve({"nodes": 3_000}, k=1)
    assert {tuple(near[0])} <= {tuple(library.retrieve(k=1, exclude=set(nodes) - {t})[0]) for t in ("cora", "citeseer")}


def test_wrong_names_and_nothing_to_count_are_refused(table, tasks):
    library = ArchitectureLibrary(table.space, tasks)
    with pytest.raises(UnknownNameError, match="unknown task 'upp'"):
        library.retrieve(exclude="upp")
    with pytest.raises(InvalidInputError, match="expected at least one task that counts"):
        library.retrieve(exclude=list(tasks))
    with pytest.raises(InvalidInputError, match="expected at least one measured task of the space"):
        ArchitectureLibrary(table.space, {})
