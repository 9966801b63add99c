"""Meta-training as a whole: learning that helps on new classes, the same from a seed, unbroken by interruptions."""

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

import surrogate_nas as sn
from surrogate_nas.core import InvalidInputError
from surrogate_nas.experiments.objectives import FewShotObjective
from surrogate_nas.strategies import RandomSearch
from surrogate_nas.training import load_dataset
from surrogate_nas.training.meta_learning import ANIL, MAML, FewShotTasks, MetaTrainer, Reptile, split_classes

SPACE = sn.get_space("mlp")
X = SPACE.parse(["64 relu batch dropout(0)"])[0]
DROPPING = SPACE.parse(["32-16 relu batch dropout(0.1)"])[0]


@pytest.fixture(scope="module")
def tasks():
    classes = split_classes(10, val=0, test=5, share_val=True)
    return FewShotTasks(dataset=load_dataset("digits", "tabular"), classes=classes, queries=5)


def trainer(tasks, method=None, epochs=2, **changes):
    settings = {"space": SPACE, "tasks": tasks, "iterations": 5, "episodes": 16, "device": "cpu", **changes}
    return MetaTrainer(method=method or MAML(steps=2), recipe={"epochs": epochs}, **settings)


@pytest.mark.parametrize(
    "method",
    [MAML(steps=2), MAML(steps=2, second_order=False), ANIL(learning_rate=0.5), Reptile()],
    ids=["maml", "first-order", "anil", "reptile"],
)
def test_what_is_learned_helps_to_learn(tasks, method):
    untrained = trainer(tasks, method, 1, iterations=1).train(X)
    learned = trainer(tasks, method, 4, iterations=12).train(X)
    assert learned.result.ok
    # 16 validation episodes of 25 queries: two standard errors of a difference are about 0.05.
    assert learned.result.val.accuracy > untrained.result.val.accuracy + 0.05
    assert learned.result.curve[-1].train_loss < learned.result.curve[0].train_loss


def test_the_same_seed_gives_the_same_weights_with_dropout(tasks):
    once, again, other = (trainer(tasks).train(DROPPING, seed) for seed in (1, 1, 2))
    assert all(torch.equal(p, again.parameters[name]) for name, p in once.parameters.items())
    assert not all(torch.equal(p, other.parameters[name]) for name, p in once.parameters.items())
    assert replace(once.result, seconds=0, peak_memory=0) == replace(again.result, seconds=0, peak_memory=0)


@dataclass(frozen=True, kw_only=True)
class Interruptible:
    """First-order MAML that is interrupted when it has taken so many steps."""

    inner: MAML
    left: ClassVar[float] = float("inf")
    steps: int = 2
    learning_rate: float = 0.1

    def adapt(self, *args):
        return self.inner.adapt(*args)

    def slope(self, *args):
        type(self).left -= 1
        if self.left < 0:
            raise KeyboardInterrupt
        return self.inner.slope(*args)


def test_an_interrupted_training_ends_as_the_unbroken_one(tasks, tmp_path):
    made = trainer(tasks, Interruptible(inner=MAML(steps=2, second_order=False)), epochs=3)
    unbroken = made.train(DROPPING, 3)
    file = tmp_path / "checkpoint.safetensors"
    Interruptible.left = 12  # in the third epoch
    with pytest.raises(KeyboardInterrupt):
        made.train(DROPPING, 3, checkpoint=file, checkpoint_every_s=0)
    Interruptible.left = float("inf")
    with pytest.raises(InvalidInputError, match="whose seed is 4, got 3"):
        made.train(DROPPING, 4, checkpoint=file)
    resumed = made.train(DROPPING, 3, checkpoint=file)
    assert not file.exists()
    assert resumed.result.curve == unbroken.result.curve
    assert all(torch.equal(p, resumed.parameters[name]) for name, p in unbroken.parameters.items())


def test_an_adapted_network_answers_as_its_accuracy_says(tasks, tmp_path):
    learned = trainer(tasks).train(X)
    drawn = tasks.draw("test", 16, (0, 0))  # the first episodes of seed 0
    right = []
    for x, y, query_x, query_y in zip(*drawn, strict=True):
        network = learned.adapt(x, y)
        right.append((network(query_x).argmax(1) == query_y).double().mean())
    assert learned.accuracy("test", episodes=16).mean == pytest.approx(float(torch.stack(right).mean()))
    learned.save(tmp_path / "w.safetensors")
    assert load_file(tmp_path / "w.safetensors").keys() == learned.parameters.keys()
    with pytest.raises(InvalidInputError, match="expected labels from 0 to 4"):
        learned.adapt(x, y + 1)


def test_intervals_narrow_with_episodes_and_hold_their_mean(tasks):
    learned = trainer(tasks).train(X)
    few, many = (learned.accuracy("test", episodes=n) for n in (20, 320))
    assert few.low < few.mean < few.high
    assert (many.high - many.low) / (few.high - few.low) == pytest.approx(1 / 4, rel=0.5)


def test_training_from_scratch_learns_the_support_set(tasks):
    made = trainer(replace(tasks, shots=5))
    chance, learned = (made.from_scratch(X, steps=n, learning_rate=0.2, episodes=32) for n in (1, 20))
    assert learned.mean > 0.5  # of five classes
    assert learned.low > chance.mean
    assert learned == made.from_scratch(X, steps=20, learning_rate=0.2, episodes=32)


def test_images_and_sequences(tasks):
    space = sn.get_space("nas-bench-201")
    cell = space.parse(["|nor_conv_3x3~0|+|none~0|skip_connect~1|+|none~0|none~1|avg_pool_3x3~2|"])[0]
    classes = split_classes(10, val=0, test=5, share_val=True)
    small = {"epochs": 1, "skeleton": {"stages": (1,), "channels": (4,)}}
    for name, kind in (("digits", "image"), ("mnist-1d", "sequence")):
        few = FewShotTasks(dataset=load_dataset(name, kind), classes=classes, queries=2)
        made = MetaTrainer(
            space=space, tasks=few, method=ANIL(), recipe=small, iterations=2, episodes=4, device="cpu"
        )  # fmt: skip
        assert made.train(cell).result.ok


def test_a_diverging_training_is_a_failed_result(tasks):
    made = MetaTrainer(
        space=SPACE, tasks=tasks, method=MAML(steps=5, learning_rate=1e30), iterations=2, episodes=4, device="cpu"
    )  # fmt: skip
    result = made.train(X).result
    assert result.status == "failed"
    assert "diverged" in result.reason
    assert np.isnan(result.val.accuracy)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"space": sn.get_space("nas-bench-201")}, "expected image or sequence data"),
        ({"space": sn.get_space("nas-bench-graph")}, "expected no data for networks"),
        ({"iterations": 0}, "iterations: expected a whole number"),
        ({"device": "tpu"}, "device: expected one of auto, cpu"),
    ],
)
def test_wrong_settings_are_refused(tasks, changes, message):
    with pytest.raises(InvalidInputError, match=message):
        trainer(tasks, **changes)


def test_augmentation_is_refused(tasks):
    with pytest.raises(InvalidInputError, match="augmentation"):
        MetaTrainer(space=SPACE, tasks=tasks, recipe={"augmentation": ("flip",)})


def test_architectures_are_searched_by_few_shot_accuracy(tasks, tmp_path):
    objective = FewShotObjective(trainer(tasks, ANIL(), 1), seed=0)
    strategy = RandomSearch(SPACE, random_state=0)
    result = sn.search(objective, strategy, budget=3, run_dir=tmp_path / "run")
    assert len(result.history) == 3
    assert result.history["score"].between(0.1, 1).all()
    assert (result.history["cost_s"] > 0).all()
    again = sn.search(objective, RandomSearch(SPACE, random_state=0), budget=3, run_dir=tmp_path / "run")
    assert again.best_score == result.best_score
    x = SPACE.rows(result.best)
    assert objective.evaluate(x).scores.tolist() == [result.best_score]
