"""A training that was killed goes on as if it had not been; files that cannot be gone on with are told in one line."""

import json
import signal
import subprocess
import sys
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save

import surrogate_nas as sn
from surrogate_nas.core import InvalidInputError
from surrogate_nas.testing.trainer import timeless
from surrogate_nas.training import array_dataset, graph_dataset

RNG = np.random.default_rng(0)
Y = np.arange(60) % 3
IMAGES = array_dataset(Y[:, None, None, None] + RNG.normal(size=(60, 2, 6, 6)), Y, repeats=2)
NUMBERS = array_dataset(RNG.normal(size=(60, 4)), RNG.normal(size=60), folds=2)
GRAPH = graph_dataset(Y[:, None] + RNG.normal(size=(60, 4)), Y, k=3, labelled_per_class=5, resplits=2)
SMALL = {"width": 0.25, "cells": 1, "batch_size": 16, "augmentation": ("crop",)}
TRAINERS = {
    "images": sn.Trainer(space=sn.get_space("nas-bench-201"), dataset=IMAGES, epochs=12, recipe=SMALL, device="cpu"),
    "numbers": sn.Trainer(space=sn.get_space("mlp"), dataset=NUMBERS, epochs=60, recipe={"width": 0.1}, device="cpu"),
    "graph": sn.Trainer(space=sn.get_space("nas-bench-graph"), dataset=GRAPH, epochs=60, device="cpu"),
}

#: A process that trains and is killed in an epoch, before it has written that one down.
SCRIPT = """
import os, signal, sys
sys.path.insert(0, {folder!r})
from test_checkpoint import TRAINERS, row
from surrogate_nas.training.checkpoint import Checkpoint

write = Checkpoint.write_if_due

def write_or_die(self, learners, progress):
    if progress.epoch == {epoch}:
        os.kill(os.getpid(), signal.SIGKILL)
    write(self, learners, progress)

Checkpoint.write_if_due = write_or_die
TRAINERS[{name!r}].train(row({name!r}), 1, checkpoint={path!r}, checkpoint_every_s=0)
"""


def row(name):
    return TRAINERS[name].space.sample(1, np.random.default_rng(2))[0]


@cache
def killed(name):
    """What a killed process left: the bytes of its checkpoint, and the epoch that it died in."""
    epoch = int(np.random.default_rng().integers(2, TRAINERS[name].settings.epochs + 1))
    with TemporaryDirectory() as folder:
        path = Path(folder) / "kept" / "checkpoint.safetensors"
        script = SCRIPT.format(folder=str(Path(__file__).parent), name=name, path=str(path), epoch=epoch)
        assert subprocess.run([sys.executable, "-c", script]).returncode == -signal.SIGKILL
        assert list(path.parent.iterdir()) == [path]
        return path.read_bytes(), epoch


@pytest.mark.parametrize("name", TRAINERS)
def test_a_killed_training_ends_as_the_unbroken_one(name, tmp_path):
    trainer, x, checkpoint = TRAINERS[name], row(name), tmp_path / "checkpoint"
    content, epoch = killed(name)
    checkpoint.write_bytes(content)
    with safe_open(checkpoint, "pt") as file:
        assert json.loads(file.metadata()["about"])["epoch"] == epoch - 1
    continued = trainer.train(x, 1, checkpoint=checkpoint, weights_file=tmp_path / "continued")
    unbroken = trainer.train(x, 1, weights_file=tmp_path / "unbroken")
    assert timeless(continued) == timeless(unbroken), epoch
    a, b = (load_file(tmp_path / which) for which in ("unbroken", "continued"))
    assert a.keys() == b.keys()
    assert all(a[k].equal(b[k]) for k in a), epoch
    assert not checkpoint.exists()


@pytest.fixture(scope="module")
def left():
    """The bytes of a checkpoint in the middle of a training of "numbers"."""
    return killed("numbers")[0]


def test_the_time_before_the_kill_counts(left, tmp_path):
    (tmp_path / "c").write_bytes(left)
    about = json.loads(safe_open(tmp_path / "c", "pt").metadata()["about"])
    assert TRAINERS["numbers"].train(row("numbers"), 1, checkpoint=tmp_path / "c").seconds > about["seconds"] > 0


@pytest.mark.parametrize(
    ("change", "seed", "message"),
    [
        ({"recipe": {"width": 0.1, "learning_rate": 0.5}}, 1, "whose learning_rate is 0.5, got 0.003"),
        ({"epochs": 61}, 1, "whose epochs is 61, got 60"),
        ({"dataset": array_dataset(RNG.normal(size=(60, 4)), RNG.normal(size=60), folds=2)}, 1, "whose signal is"),
        ({}, 2, "whose seed is 2, got 1"),
    ],
)
def test_a_checkpoint_of_another_training_is_refused(left, tmp_path, change, seed, message):
    (tmp_path / "c").write_bytes(left)
    with pytest.raises(InvalidInputError, match=f"expected one of this training, {message}.*; delete it to train"):
        replace(TRAINERS["numbers"], **change).train(row("numbers"), seed, checkpoint=tmp_path / "c")
    assert (tmp_path / "c").read_bytes() == left


def test_a_checkpoint_of_another_architecture_is_refused(left, tmp_path):
    (tmp_path / "c").write_bytes(left)
    other = TRAINERS["numbers"].space.sample(1, np.random.default_rng(7))[0]
    with pytest.raises(InvalidInputError, match="expected one of this training, whose architecture is"):
        TRAINERS["numbers"].train(other, 1, checkpoint=tmp_path / "c")


def flipped(content):
    at = len(content) - 40
    return content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content[:-7],
        lambda content: content[:100],
        lambda content: b"",
        lambda content: b"weights",
        lambda content: b"\xff" * 200,
        flipped,
        lambda content: content.replace(b'\\"seed\\": 1', b'\\"seed\\": 2'),
        lambda content: save({"w": torch.zeros(3)}),
        lambda content: save({"w": torch.zeros(3)}, {"surrogate_nas_checkpoint": "1", "about": "{}", "checksum": ""}),
    ],
)
def test_a_damaged_checkpoint_is_one_line(left, tmp_path, damage):
    assert damage(left) != left
    (tmp_path / "c").write_bytes(damage(left))
    with pytest.raises(InvalidInputError, match="one that is damaged, or something else; delete it") as caught:
        TRAINERS["numbers"].train(row("numbers"), 1, checkpoint=tmp_path / "c")
    assert "\n" not in str(caught.value)


def test_a_short_training_writes_no_checkpoint(tmp_path):
    TRAINERS["numbers"].train_job((row("numbers"), 0), checkpoints=tmp_path / "checkpoints")
    assert not (tmp_path / "checkpoints").exists()


def test_a_full_disk_is_one_line_and_leaves_nothing_half_written(tmp_path):
    # A limit on the size of files stands for a full disk: both are told when bytes are written.
    script = f"""
import resource, sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from test_checkpoint import TRAINERS, row
from surrogate_nas.core import InvalidInputError

resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
for where in ("weights_file", "checkpoint"):
    try:
        TRAINERS["numbers"].train(
            row("numbers"), 1, **{{where: {str(tmp_path)!r} + "/" + where}}, checkpoint_every_s=0
        )
    except InvalidInputError as error:
        print(error)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [
        f"{tmp_path / where}: cannot be written (File too large); make room there"
        for where in ("weights_file", "checkpoint")
    ]
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InvalidInputError, match="its folder cannot be made"):
        TRAINERS["numbers"].train(row("numbers"), 1, checkpoint=tmp_path / "file" / "sub" / "c", checkpoint_every_s=0)
