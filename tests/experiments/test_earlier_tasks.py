"""Which space and which earlier tasks go with a new task."""

import numpy as np
import pytest

import surrogate_nas as sn
from surrogate_nas.core import InvalidInputError, UnknownNameError
from surrogate_nas.experiments.earlier_tasks import earlier_tasks


def test_a_graph_learns_from_the_table_of_graphs():
    earlier = earlier_tasks("digits")
    assert earlier.space.skeleton.input_kind == "graph"
    assert len(earlier.tasks) == 9
    sources = earlier.sources()
    assert list(sources) == list(earlier.tasks)
    assert all(data.space is None for data in sources.values())


def test_the_new_task_is_not_among_the_earlier_ones():
    earlier = earlier_tasks("wine", table="graph-tasks")
    assert earlier.tasks == ("digits", "breast-cancer")
    assert "wine" not in earlier.sources()


def test_a_space_decides_what_the_networks_read():
    earlier = earlier_tasks("digits", space="mlp")
    assert earlier.space.name == "mlp"
    assert earlier.table is None
    assert earlier.sources() == {}


def test_a_table_of_another_space_says_so_with_every_task():
    mlp = sn.get_space("mlp")
    earlier = earlier_tasks("digits", space=mlp, table="graph-tasks")
    assert earlier.space is mlp
    assert {data.space.name for data in earlier.sources().values()} == {"nas-bench-graph"}


def test_data_of_ones_own_are_known_by_what_a_sample_is():
    X = np.random.default_rng(0).normal(size=(60, 5))
    data = sn.training.graph_dataset(X, np.arange(60) % 2, k=3, labelled_per_class=5, name="mine")
    assert earlier_tasks(data).space.skeleton.input_kind == "graph"
    table = sn.training.array_dataset(X, np.arange(60) % 2)
    with pytest.raises(InvalidInputError, match="task 'user': expected a space to search"):
        earlier_tasks(table)


def test_unknown_names_are_one_line():
    with pytest.raises(InvalidInputError, match="task 'diabetes': expected a space to search.*--space"):
        earlier_tasks("diabetes")
    with pytest.raises(UnknownNameError):
        earlier_tasks("digits", space="nas-bench-2001")
