"""Tables of trainings that only grow: several tasks in one folder, and what may not be joined."""

import numpy as np
import pytest

import surrogate_nas as sn
from surrogate_nas.core import InvalidInputError
from surrogate_nas.experiments import collect, collect_tasks
from surrogate_nas.experiments.trainings import recipe
from surrogate_nas.training import array_dataset

GRAPHS = sn.get_space("nas-bench-graph")
ROWS = GRAPHS.sample(3, 0, unique=True)


def space_of(widths):
    """Networks of one layer."""
    layer = {"name": "linear", "kind": "linear", "has_weights": True, "cost": 1.0}
    choice = {"name": "width", "options": list(widths), "operations": layer, "sets": "width"}
    skeleton = {"input_kind": "tabular"}
    return sn.define_space({"family": "choices", "name": "small", "choices": [choice], "skeleton": skeleton})


def graph_trainer(task, **settings):
    return sn.Trainer(space=GRAPHS, dataset=task, epochs=1, device="cpu", **settings)


def table_trainer(shift=0.0, widths=(8, 16), name="mine"):
    rng = np.random.default_rng(0)
    y = np.arange(60) % 2
    data = array_dataset(rng.normal(size=(60, 3)) + y[:, None] + shift, y, name=name)
    return sn.Trainer(space=space_of(widths), dataset=data, epochs=1, device="cpu")


def test_a_folder_grows_by_tasks_rows_and_seeds(tmp_path):
    wine, cancer = graph_trainer("wine"), graph_trainer("breast-cancer")
    first = collect_tasks([wine], ROWS[:1], [0], run_dir=tmp_path)
    assert first.tasks == ("wine",)
    assert (tmp_path / "trainings.jsonl").exists()
    both = collect_tasks([cancer, wine], ROWS, [0], run_dir=tmp_path)
    assert set(both.tasks) == {"wine", "breast-cancer"}
    assert len(both) == 3
    assert (tmp_path / "breast-cancer" / "trainings.jsonl").exists()
    before = (tmp_path / "trainings.jsonl").read_bytes()
    more = collect_tasks([cancer], ROWS[:1], [1], run_dir=tmp_path)
    assert (tmp_path / "trainings.jsonl").read_bytes() == before
    asked = {"metric": "loss", "split": "val", "task": "wine", "seed": 0}
    np.testing.assert_array_equal(more.query(ROWS, **asked), collect(wine, ROWS, [0]).query(ROWS, **asked))
    column = more.query(ROWS, task="breast-cancer", metric="loss", split="val", seed=1)
    np.testing.assert_array_equal(np.isnan(column), [False, True, True])


def test_runs_inside_the_folder_are_not_taken_for_tasks(tmp_path):
    wine = graph_trainer("wine")
    collect_tasks([wine], ROWS[:1], [0], run_dir=tmp_path)
    collect(wine, ROWS, [0], run_dir=tmp_path / "confirmed")
    assert len(collect_tasks([wine], ROWS[:1], [0], run_dir=tmp_path)) == 1


def test_what_cannot_be_joined_is_refused_before_anything_is_trained(tmp_path):
    mine = table_trainer()
    rows = mine.space.sample(2, 0, unique=True)
    collect_tasks([mine], rows, [0], run_dir=tmp_path)
    with pytest.raises(InvalidInputError, match="expected trainings in space 'nas-bench-graph', got some in 'small'"):
        collect_tasks([graph_trainer("wine")], ROWS, [0], run_dir=tmp_path)
    with pytest.raises(InvalidInputError, match="the space 'small' as it was when the folder was begun"):
        collect_tasks([table_trainer(widths=(8, 32), name="other")], rows, [0], run_dir=tmp_path)
    with pytest.raises(InvalidInputError, match="holds another run: digest_of_data was '.*', now '.*'; choose"):
        collect_tasks([table_trainer(shift=0.5)], rows, [0], run_dir=tmp_path)
    with pytest.raises(InvalidInputError, match="expected different ones, got mine, mine"):
        collect_tasks([mine, mine], rows, [0], run_dir=tmp_path)
    assert [p.name for p in tmp_path.iterdir() if not p.name.startswith(".")] == ["trainings.jsonl"]


def test_a_name_that_is_no_name_of_a_folder(tmp_path):
    trainers = [table_trainer(), table_trainer(name="a/b: c")]
    rows = trainers[0].space.sample(1, 0)
    table = collect_tasks(trainers, rows, [0], run_dir=tmp_path)
    assert set(table.tasks) == {"mine", "a/b: c"}
    assert (tmp_path / "a-b-c" / "trainings.jsonl").exists()


def test_a_recipe_tells_own_spaces_and_data_by_what_they_hold():
    assert not {"digest_of_space", "digest_of_data"} & set(recipe(graph_trainer("wine")))
    ours, other = recipe(table_trainer()), recipe(table_trainer(widths=(8, 32), shift=1.0))
    assert ours == recipe(table_trainer())
    assert all(ours[key] != other[key] for key in ("digest_of_space", "digest_of_data"))
