"""Trainings at once end as they do one after the other."""

import math
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch

from surrogate_nas.core import InvalidInputError
from surrogate_nas.spaces import get_space
from surrogate_nas.training import ArrayDataset, Trainer, array_dataset, load_dataset
from surrogate_nas.training.device import isolated
from surrogate_nas.training.stacking import samples
from surrogate_nas.training.stacking.groups import TOGETHER, together_on, train_stacked

SPACE = get_space("nas-bench-201")
#: Steps this small keep what is rounded differently (sums in another order, other layouts in memory) small: with
#: large ones two trainings of one network part ways after a few epochs, however they are computed.
SMALL = {"learning_rate": 0.01, "width": 0.25, "cells": 1, "epochs": 2}


def digits(n: int = 300) -> ArrayDataset:
    whole = load_dataset("digits", "image")
    return array_dataset(whole.x[:n], whole.y[:n], name="few digits", input_kind="image")


def jobs_of(k: int, space=SPACE) -> list:
    return [(x, i) for i, x in enumerate(space.sample(k, np.random.default_rng(3), unique=True))]


def assert_same(alone, together):
    """Equal but for rounding: float32 has 7 digits, of which a training of some steps keeps 3 or 4."""
    assert [r.architecture for r in alone] == [r.architecture for r in together]
    for one, other in zip(alone, together, strict=True):
        assert (one.status, one.reason, one.seed) == (other.status, other.reason, other.seed)
        assert (one.epochs, one.parameters) == (other.epochs, other.parameters)
        np.testing.assert_allclose(np.array(other.curve)[:, :3], np.array(one.curve)[:, :3], rtol=2e-3, atol=1e-3)
        # One sample more or less.
        np.testing.assert_allclose(other.val.accuracy, one.val.accuracy, atol=0.021)
        np.testing.assert_allclose(other.test.loss, one.test.loss, rtol=2e-3, atol=1e-3)


@pytest.mark.parametrize(
    "recipe",
    [
        {},
        {"optimiser": "adamw", "clip_norm": 0.5, "label_smoothing": 0.1, "learning_rate": 1e-3},
        {"augmentation": ("crop", "mixup"), "schedule": "cosine"},
    ],
    ids=["sgd", "adamw, clipped, smoothed", "augmented"],
)
def test_results_are_those_of_one_after_the_other(recipe):
    trainer = Trainer(space=SPACE, dataset=digits(), recipe=SMALL | recipe, device="cpu")
    jobs = jobs_of(4)
    assert_same([trainer.train(*job) for job in jobs], trainer.train_many(jobs, 4))


def test_weights_are_those_of_one_after_the_other(tmp_path):
    trainer = Trainer(space=SPACE, dataset=digits(), recipe=SMALL | {"clip_norm": 0.5}, device="cpu")
    x, seed = jobs_of(3)[1]
    networks = [[trainer.network(*job)] for job in jobs_of(3)]
    kept = []
    original = samples.StackedBatches.take_best

    def taken(self):
        original(self)
        kept.append(self.state(1))

    with isolated(torch.device("cpu")), pytest.MonkeyPatch.context() as patch:
        patch.setattr(samples.StackedBatches, "take_best", taken)
        train_stacked(networks, trainer.data, trainer.settings, [0, 1, 2], torch.device("cpu"))
    trainer.train(x, seed, weights_file=tmp_path / "w.safetensors")
    from safetensors.torch import load_file

    own = load_file(tmp_path / "w.safetensors")
    assert set(own) == set(kept[0])
    for name, tensor in own.items():
        torch.testing.assert_close(kept[0][name], tensor, rtol=1e-2, atol=2e-3, msg=name)


def test_several_splits_and_regression():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(90, 4)).astype(np.float32)
    data = array_dataset(X, X[:, 0] + X[:, 1] ** 2, folds=3, task="regression")
    space = get_space("mlp")
    trainer = Trainer(space=space, dataset=data, recipe={"epochs": 3, "learning_rate": 1e-3}, device="cpu")
    jobs = jobs_of(5, space)
    for one, other in zip([trainer.train(*j) for j in jobs], trainer.train_many(jobs, 5), strict=True):
        np.testing.assert_allclose(other.val.r2, one.val.r2, atol=1e-3)
        np.testing.assert_allclose(other.test.rmse, one.test.rmse, rtol=1e-3)
        assert other.best_epoch == one.best_epoch


def test_mixed_precision_trains_as_well():
    """Numbers of 8 bits of mantissa are rounded differently in other layouts: losses agree in two digits."""
    recipe = SMALL | {"mixed_precision": True, "clip_norm": 1.0}
    trainer = Trainer(space=SPACE, dataset=digits(200), recipe=recipe, device="cpu")
    jobs = jobs_of(3)
    for one, other in zip([trainer.train(*j) for j in jobs], trainer.train_many(jobs, 3), strict=True):
        np.testing.assert_allclose(other.curve[-1].val_loss, one.curve[-1].val_loss, rtol=0.03)


def test_each_has_its_own_best_epoch_and_stops_by_itself():
    recipe = SMALL | {"learning_rate": 0.2, "epochs": 8, "patience": 2, "schedule": "constant"}
    trainer = Trainer(space=SPACE, dataset=digits(200), recipe=recipe, device="cpu")
    results = trainer.train_many(jobs_of(6), 6)
    for result in results:
        scores = [(p.val_score, -p.val_loss) for p in result.curve]
        assert result.best_epoch == 1 + scores.index(max(scores))
        assert result.val.accuracy == pytest.approx(max(scores)[0])
        assert result.epochs == min(8, result.best_epoch + 2) == len(result.curve)
    assert len({result.epochs for result in results}) > 1


def test_one_that_diverges_fails_alone():
    data = digits(200)
    # A step size at which some diverge: those without normalisation on the way around are fine.
    space = get_space("mlp")
    flat = array_dataset(data.x.reshape(200, -1).astype(np.float32), data.y, name="flat")
    for rate in (30.0, 1e3, 1e5, 1e8, 1e12):
        recipe = {"epochs": 2, "optimiser": "sgd", "learning_rate": rate, "schedule": "constant"}
        trainer = Trainer(space=space, dataset=flat, recipe=recipe, device="cpu")
        jobs = jobs_of(12, space)
        alone = [trainer.train(*job) for job in jobs]
        if 0 < sum(r.ok for r in alone) < len(alone):
            break
    together = trainer.train_many(jobs, 12)
    assert 0 < sum(r.ok for r in together) < 12
    for one, other in zip(alone, together, strict=True):
        assert (one.status, one.reason) == (other.status, other.reason)
        assert one.ok or math.isnan(other.val.accuracy)


def test_what_cannot_be_stacked_is_trained_one_after_the_other():
    space = get_space("nas-bench-graph")
    trainer = Trainer(space=space, dataset="wine", epochs=2, device="cpu")
    jobs = jobs_of(2, space)
    told = []
    together = trainer.train_many(jobs, 2, finished=lambda i, result: told.append((i, result)))
    assert [replace(r, seconds=0, peak_memory=0) for r in together] == [
        replace(trainer.train(*job), seconds=0, peak_memory=0) for job in jobs
    ]
    assert [i for i, _ in told] == [0, 1]
    assert [r for _, r in told] == together


def test_numbers_of_networks():
    assert together_on(torch.device("cpu"), None) == 1
    assert together_on(torch.device("cuda"), None) == TOGETHER["cuda"] > 8
    with pytest.raises(InvalidInputError, match="together: expected a whole number"):
        Trainer(space=SPACE, dataset=digits(), device="cpu").train_many(jobs_of(1), 0)
    assert Trainer(space=SPACE, dataset=digits(), device="cpu").train_many([]) == []


LIMITED = """
import resource, sys
import numpy as np, torch
from surrogate_nas.spaces import get_space
from surrogate_nas.training import Trainer, array_dataset, trainer as module
from surrogate_nas.training.stacking import groups

rng = np.random.default_rng(0)
data = array_dataset(rng.normal(size=(160, 1, 32, 32)).astype(np.float32), np.arange(160) % 2, name="noise")
space = get_space("nas-bench-201")
trainer = Trainer(space=space, dataset=data, recipe={"epochs": 1, "cells": 1, "batch_size": 96}, device="cpu")
jobs = [(x, 0) for x in space.parse(["|nor_conv_3x3~0|+|avg_pool_3x3~0|avg_pool_3x3~1|"
                                     "+|skip_connect~0|none~1|avg_pool_3x3~2|"] * 8)]
trainer.train(*jobs[0])
sizes = []
inner = groups.train_stacked
module.train_stacked = lambda networks, *args: (sizes.append(len(networks)), inner(networks, *args))[1]
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 400 * 2**20, resource.RLIM_INFINITY))
results = trainer.train_many(jobs, 8)
print(sizes, [r.status for r in results], file=sys.stdout)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="limits the memory as Linux does")
def test_a_group_that_does_not_fit_into_memory_is_halved():
    done = subprocess.run([sys.executable, "-c", LIMITED], capture_output=True, text=True, check=True)
    sizes, statuses = done.stdout.strip().split("] [")
    assert set(statuses.strip("]").replace("'", "").split(", ")) == {"ok"}
    numbers = [int(n) for n in sizes.strip("[").split(", ")]
    assert numbers[0] == 8
    assert min(numbers) < 8
