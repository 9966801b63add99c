"""The contract of a trainer, as checks that any trainer can be run through, also a user's own.

    import pytest
    from surrogate_nas.testing.trainer import CHECKS

    @pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
    def test_contract(check):
        check(my_trainer)

A trainer is anything with ``space``, ``train(x, seed)`` and ``train_job((x, seed))`` whose results are
:class:`~surrogate_nas.training.TrainingResult`. Take short trainings: every check makes a few.
"""

import json
import math
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch

from surrogate_nas.execution import run_all
from surrogate_nas.spaces import SearchSpace
from surrogate_nas.spaces.base import Rows
from surrogate_nas.training import TrainingResult
from surrogate_nas.training.result import CLASSIFICATION_UNITS, REGRESSION_UNITS


class AnyTrainer(Protocol):
    """What a trainer has to offer."""

    @property
    def space(self) -> SearchSpace: ...

    def train(self, x: npt.ArrayLike, seed: int = 0) -> TrainingResult: ...

    def train_job(self, job: tuple[npt.ArrayLike, int]) -> TrainingResult: ...


def rows_of(trainer: AnyTrainer, n: int) -> Rows:
    """Different valid rows that nobody can write to."""
    X = trainer.space.sample(n, np.random.default_rng(0), unique=True)
    X.flags.writeable = False
    return X


def timeless(result: TrainingResult) -> dict[str, object]:
    """A result without what differs from run to run."""
    return replace(result, seconds=0.0, peak_memory=0).to_dict()


def check_scores(trainer: AnyTrainer) -> None:
    """Scores are in range, and the best epoch is the best of the curve."""
    for x in rows_of(trainer, 2):
        result = trainer.train(x, 1)
        assert result.ok
        assert not result.reason
        for scores in (result.val, result.test):
            metrics = {name: value for name, value in scores._asdict().items() if not math.isnan(value)}
            assert set(metrics) in (set(CLASSIFICATION_UNITS), set(REGRESSION_UNITS))
            assert metrics.pop("loss") >= 0
            assert metrics.pop("rmse", 0.0) >= 0
            assert all(value <= 1 for value in metrics.values())
            assert all(value >= 0 for name, value in metrics.items() if name != "r2")
        assert result.seconds > 0
        assert result.peak_memory >= 0
        assert result.seed == 1
        assert result.architecture == trainer.space.format(x)[0]
        epochs = [point.epoch for point in result.curve]
        assert epochs == sorted(set(epochs))
        best = {point.epoch: point.val_score for point in result.curve}
        assert best[result.best_epoch] == max(best.values())
        chosen_on = result.val.accuracy if math.isnan(result.val.r2) else result.val.r2
        assert abs(best[result.best_epoch] - chosen_on) < 1e-6


def check_seed_reproduces(trainer: AnyTrainer) -> None:
    """Equal seeds give equal numbers; another seed gives others."""
    x = rows_of(trainer, 1)[0]
    first, again, other = (trainer.train(x, seed) for seed in (3, 3, 4))
    assert timeless(first) == timeless(again)
    assert timeless(first) != timeless(replace(other, seed=3))


def check_order_does_not_matter(trainer: AnyTrainer) -> None:
    """A result does not depend on what was trained before."""
    jobs = [(x, seed) for x in rows_of(trainer, 2) for seed in (0, 1)]
    forward = [timeless(trainer.train_job(job)) for job in jobs]
    backward = [timeless(trainer.train_job(job)) for job in jobs[::-1]]
    assert forward == backward[::-1]


def check_processes_agree(trainer: AnyTrainer) -> None:
    """A copy of the trainer in another process gives the same numbers."""
    jobs = [(x, 0) for x in rows_of(trainer, 2)]
    elsewhere = [r for _, r in run_all(trainer.train_job, jobs, jobs=2)]
    assert all(isinstance(r, TrainingResult) for r in elsewhere)
    assert [timeless(r) for r in elsewhere if isinstance(r, TrainingResult)] == [
        timeless(trainer.train(*job)) for job in jobs
    ]


def check_no_state_is_left(trainer: AnyTrainer) -> None:
    """Random streams, threads and gradients of the caller stay as they were."""
    torch.manual_seed(11)
    threads, state = torch.get_num_threads(), torch.get_rng_state()
    x = rows_of(trainer, 1)[0]
    trainer.train(x, 0)
    assert torch.get_num_threads() == threads
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.is_grad_enabled()


def check_results_travel(trainer: AnyTrainer) -> None:
    """A result survives JSON without loss."""
    result = trainer.train(rows_of(trainer, 1)[0], 0)
    text = json.dumps(result.to_dict(), allow_nan=False)
    assert TrainingResult.from_dict(json.loads(text)).to_dict() == result.to_dict()


CHECKS: tuple[Callable[[AnyTrainer], None], ...] = (
    check_scores,
    check_seed_reproduces,
    check_order_does_not_matter,
    check_processes_agree,
    check_no_state_is_left,
    check_results_travel,
)
