"""Data sets as TOML files: read as the functions read them, read again when they change, one-line errors."""

import os
import pickle

import numpy as np
import pandas as pd
import pytest

import surrogate_nas as sn
from surrogate_nas.core import InvalidInputError, UnknownNameError
from surrogate_nas.training import csv_dataset, image_folder, list_datasets, load_dataset
from surrogate_nas.training.datasets.content import content_digest
from surrogate_nas.training.datasets.described import described_dataset, is_described

RNG = np.random.default_rng(0)

STEPS = """
format = "csv"
file = "data/steps.csv.gz"
target = "activity"
window = "window"
group = "person"
folds = 3
name = "steps of four"

[recipe]
epochs = 2
skeleton = { dropout = 0.1 }
"""


@pytest.fixture
def steps(tmp_path):
    """Windows of two channels in a compressed file, in a folder beside the description."""
    rows = [(w, *RNG.normal(size=2).round(3), "ab"[w % 2], f"p{w // 8}") for w in range(48) for _ in range(10)]
    frame = pd.DataFrame(rows, columns=["window", "ax", "ay", "activity", "person"])
    (tmp_path / "data").mkdir()
    frame.to_csv(tmp_path / "data" / "steps.csv.gz", index=False)
    path = tmp_path / "steps.toml"
    path.write_text(STEPS)
    return path


def test_a_csv_file(steps):
    data = load_dataset(steps)
    options = {"target": "activity", "window": "window", "group": "person", "folds": 3}
    same = csv_dataset(steps.parent / "data" / "steps.csv.gz", **options)
    assert same.name == "steps"
    assert (data.name, data.input_kind, data.input_shape) == ("steps of four", "sequence", (2, 10))
    assert data.recipe == {"epochs": 2, "skeleton": {"dropout": 0.1}}
    assert content_digest(data) == content_digest(same)


def test_images(tmp_path):
    from PIL import Image

    for name in "rose", "tulip":
        (tmp_path / "flowers" / name).mkdir(parents=True)
        for i in range(8):
            pixels = RNG.integers(0, 255, (9, 9, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "flowers" / name / f"{i}.png")
    path = tmp_path / "garden.toml"
    path.write_text('format = "images"\nfolder = "flowers"\nsize = [6, 8]\nrepeats = 2\n')
    data = described_dataset(path)
    assert (data.name, data.input_kind, data.input_shape, len(data.splits)) == ("garden", "image", (3, 6, 8), 2)
    assert content_digest(data) == content_digest(image_folder(tmp_path / "flowers", size=(6, 8), repeats=2))
    Image.fromarray(pixels).save(tmp_path / "flowers" / "tulip" / "8.png")
    assert len(described_dataset(path).y) == len(data.y) + 1


def test_it_is_read_once_and_again_when_a_file_changed(steps):
    data = load_dataset(steps)
    assert load_dataset(str(steps), "sequence") is data
    steps.write_text(STEPS.replace("folds = 3", "folds = 2"))
    assert len(load_dataset(steps).splits) == 2
    file = steps.parent / "data" / "steps.csv.gz"
    frame = pd.read_csv(file)
    frame.loc[0, "ax"] += 1
    frame.to_csv(file, index=False)
    os.utime(file, ns=(0, 0))  # a clock that counts coarsely must not hide it
    assert content_digest(load_dataset(steps)) != content_digest(data)


def test_a_trainer_takes_it_and_stays_small(steps):
    trainer = sn.Trainer(space=sn.get_space("chain"), dataset=str(steps), device="cpu")
    assert trainer.settings.epochs == 2
    assert trainer.data is load_dataset(steps)
    assert len(pickle.dumps(trainer.dataset)) < 1000
    with pytest.raises(InvalidInputError, match="expected graph data for networks of 'nas-bench-graph', got sequence"):
        sn.Trainer(space=sn.get_space("nas-bench-graph"), dataset=steps)
    with pytest.raises(InvalidInputError, match="steps.toml: expected image or tabular data, got sequence data"):
        load_dataset(steps, ["image", "tabular"])


def test_digests_tell_data_apart():
    digests = [content_digest(load_dataset("digits", kind)) for kind in ("graph", "image", "tabular")]
    assert len(set(digests)) == 3
    assert digests[0] == content_digest(load_dataset("digits"))
    assert content_digest(load_dataset("mnist-1d")) == content_digest(load_dataset("mnist-1d", "sequence"))


def test_names_are_no_descriptions():
    assert not any(is_described(name) for name in list_datasets())
    assert is_described("a/b.TOML")


@pytest.mark.parametrize(
    ("old", "new", "error", "message"),
    [
        ('"csv"', '"cvs"', UnknownNameError, "unknown format 'cvs': expected one of csv, images; did you mean 'csv'"),
        ('format = "csv"', "", UnknownNameError, "unknown format ''"),
        ("target", "targt", UnknownNameError, "unknown key 'targt'.*did you mean 'target'"),
        ('target = "activity"', "", InvalidInputError, "expected a line target = ..., got format, file, window"),
        ("folds = 3", 'folds = "3"', InvalidInputError, "folds: expected a whole number, got '3'"),
        ("folds = 3", "folds = 1", InvalidInputError, "folds: expected a whole number of at least 2, got 1"),
        ("folds = 3", 'channels = "ax"', InvalidInputError, "channels: expected a list of texts, got 'ax'"),
        ("folds = 3", "size = 8", UnknownNameError, "unknown key 'size'"),
        ('"activity"', '"activty"', UnknownNameError, "unknown column 'activty'.*did you mean 'activity'"),
        ("steps.csv.gz", "step.csv", InvalidInputError, "expected a readable CSV file .No such file"),
        ("epochs", "epoch", UnknownNameError, "unknown field of a recipe 'epoch'.*did you mean 'epochs'"),
        ("epochs = 2", "epochs = 0", InvalidInputError, "epochs: expected a whole number of at least 1, got 0"),
        ("[recipe]", "[recipe", InvalidInputError, "expected TOML"),
        ("folds = 3", "recipe = 3", InvalidInputError, "expected TOML"),
    ],
)
def test_mistakes_are_one_line_that_names_the_file(steps, old, new, error, message):
    steps.write_text(STEPS.replace(old, new))
    with pytest.raises(error, match=message) as caught:
        load_dataset(steps)
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith(str(steps))


def test_a_file_that_is_missing_or_no_text(tmp_path):
    with pytest.raises(InvalidInputError, match="a.toml: expected a TOML file that describes a data set .No such file"):
        load_dataset(tmp_path / "a.toml")
    (tmp_path / "a.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InvalidInputError, match="expected text in UTF-8"):
        load_dataset(tmp_path / "a.toml")
