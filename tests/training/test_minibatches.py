"""The loop over samples: what each setting of a recipe does, on small real trainings."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from surrogate_nas.training import Recipe, array_dataset
from surrogate_nas.training.loop import Progress, fit
from surrogate_nas.training.minibatches import AUXILIARY_WEIGHT, MiniBatches
from surrogate_nas.training.tensors import split_tensors

RNG = np.random.default_rng(0)
Y = np.arange(90) % 3
TABLE = array_dataset(Y[:, None] + RNG.normal(size=(90, 4)), Y)
IMAGES = array_dataset(Y[:, None, None, None] + RNG.normal(size=(90, 2, 6, 6)), Y)
NUMBERS = array_dataset(RNG.normal(size=(90, 4)), RNG.normal(size=90))
PLAIN = Recipe(epochs=1, optimiser="sgd", momentum=0.0, weight_decay=0.0, schedule="constant", learning_rate=0.1,
               batch_size=None)  # fmt: skip


def layers(outputs=3, *, dropout=0.0):
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Dropout(dropout), nn.Linear(8, outputs))


def convolutions():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(2, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten(), nn.Linear(128, 3))


def trained(network, data, seed=0, **settings):
    recipe = Recipe(**{"epochs": 3, "batch_size": 16} | settings)
    learner = MiniBatches(network, split_tensors(data)[0], recipe, seed)
    return learner, fit([learner], recipe, Progress())


def flat(network):
    return torch.cat([p.detach().flatten() for p in network.parameters()])


def test_one_full_step_is_gradient_descent():
    network, reference = layers(), layers()
    x, y = split_tensors(TABLE)[0].part("train")
    nn.functional.cross_entropy(reference(x), y).backward()
    expected = torch.cat([(p - 0.1 * p.grad).flatten() for p in reference.parameters()])
    learner = MiniBatches(network, split_tensors(TABLE)[0], PLAIN, 0)
    learner.train_epoch(1)
    torch.testing.assert_close(flat(network), expected)


def test_batches_have_equal_sizes_and_hold_every_sample_once():
    learner = MiniBatches(layers(), split_tensors(TABLE)[0], Recipe(batch_size=16), 0)
    seen = []

    def note(x, y, generator):
        seen.append(x)
        return x, y

    learner.augment = note
    learner.train_epoch(1)
    assert [len(x) for x in seen] == [14, 14, 13, 13]  # 54 samples: four batches of at most 16
    every, _ = learner.data.part("train")
    assert sorted(map(tuple, torch.cat(seen).tolist())) == sorted(map(tuple, every.tolist()))
    first = torch.cat(seen)
    seen.clear()
    learner.train_epoch(2)
    assert not torch.equal(torch.cat(seen), first)


def test_an_epoch_depends_on_seed_split_and_epoch_alone():
    def after(seed, split, epochs):
        network = layers(dropout=0.5)
        learner = MiniBatches(network, split_tensors(TABLE)[0], Recipe(batch_size=16, epochs=9), seed, split)
        for epoch in epochs:
            learner.train_epoch(epoch)
        return flat(network)

    torch.manual_seed(3)
    one = after(0, 0, [1])
    torch.manual_seed(4)
    assert torch.equal(after(0, 0, [1]), one)
    for other in ((1, 0, [1]), (0, 1, [1]), (0, 0, [2])):
        assert not torch.equal(after(*other), one)


@pytest.mark.parametrize("optimiser", ["sgd", "adam", "adamw"])
def test_every_optimiser_learns(optimiser):
    rate = 0.1 if optimiser == "sgd" else 0.03
    learner, progress = trained(layers(), TABLE, epochs=15, optimiser=optimiser, learning_rate=rate)
    assert progress.curve[-1].train_loss < 0.8 * progress.curve[0].train_loss
    assert learner.scores("test").accuracy > 0.5  # chance is a third


def test_regression_learns_and_answers_in_the_targets_unit():
    x = RNG.normal(size=(200, 4))
    data = array_dataset(x, 1000 + 50 * x[:, 0])
    learner, _ = trained(layers(1), data, epochs=20, learning_rate=0.02)
    found = learner.scores("test")
    assert found.r2 > 0.9
    answers, y = learner.answers("test").numpy(), data.y[data.splits[0].test]
    assert found.rmse == pytest.approx(math.sqrt(((answers - y) ** 2).mean()), rel=1e-3)
    assert math.isnan(found.accuracy)


def test_the_best_epoch_is_kept():
    learner, progress = trained(convolutions(), IMAGES, epochs=8, learning_rate=0.3, optimiser="sgd")
    best = max(progress.curve, key=lambda point: (point.val_score, -point.val_loss))
    assert progress.best_epoch == best.epoch
    assert learner.evaluate("val") == (best.val_loss, best.val_score)


def test_evaluations_come_at_every_so_many_epochs_and_at_the_end():
    _, progress = trained(layers(), TABLE, epochs=8, evaluate_every=3)
    assert [point.epoch for point in progress.curve] == [3, 6, 8]


def test_patience_ends_a_training_that_stands_still():
    _, progress = trained(layers(), TABLE, epochs=50, patience=3, learning_rate=1e-30, weight_decay=0.0)
    assert (progress.epoch, progress.best_epoch) == (4, 1)


def test_long_gradients_are_clipped():
    network = layers()
    before = flat(network)
    MiniBatches(network, split_tensors(TABLE)[0], Recipe(**PLAIN.to_dict() | {"clip_norm": 1e-3}), 0).train_epoch(1)
    assert float((flat(network) - before).norm()) == pytest.approx(0.1 * 1e-3, rel=1e-3)


def test_label_smoothing_counts_in_training_alone():
    data = split_tensors(TABLE)[0]
    network = layers()
    x, y = data.part("train")
    smooth = nn.functional.cross_entropy(network(x), y, label_smoothing=0.2).detach()
    learner = MiniBatches(network, data, Recipe(**PLAIN.to_dict() | {"label_smoothing": 0.2}), 0)
    assert float(learner.train_epoch(1)) == pytest.approx(float(smooth), rel=1e-5)
    x, y = data.part("val")
    assert learner.evaluate("val").loss == pytest.approx(
        float(nn.functional.cross_entropy(network(x), y).detach()), rel=1e-5
    )


class TwoHeads(nn.Module):
    """A network with an auxiliary classifier."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.body, self.head, self.auxiliary = nn.Linear(4, 8), nn.Linear(8, 3), nn.Linear(8, 3)

    def forward(self, x):
        return self.head(self.body(x))

    def both_logits(self, x):
        return self.head(self.body(x)), self.auxiliary(self.body(x))


def test_an_auxiliary_head_counts_in_training_alone():
    data, network = split_tensors(TABLE)[0], TwoHeads()
    x, y = data.part("train")
    main, other = (nn.functional.cross_entropy(logits, y) for logits in network.both_logits(x))
    learner = MiniBatches(network, data, PLAIN, 0)
    assert float(learner.train_epoch(1)) == pytest.approx(float((main + AUXILIARY_WEIGHT * other).detach()), rel=1e-5)
    assert network.auxiliary.weight.grad.abs().sum() > 0
    x, y = data.part("val")
    assert learner.evaluate("val").loss == pytest.approx(
        float(nn.functional.cross_entropy(network(x), y).detach()), rel=1e-5
    )


@pytest.mark.parametrize("name", [("crop",), ("flip", "cutout"), ("mixup",)])
def test_augmentation_changes_what_is_learned_and_nothing_that_is_judged(name):
    plain, _ = trained(convolutions(), IMAGES, epochs=1)
    changed, _ = trained(convolutions(), IMAGES, epochs=1, augmentation=name)
    assert not torch.equal(flat(plain.network), flat(changed.network))
    changed.load_weights(plain.weights())
    assert changed.evaluate("val") == plain.evaluate("val")


def test_sixteen_bits_give_nearly_the_same():
    full, _ = trained(convolutions(), IMAGES, epochs=4)
    half, _ = trained(convolutions(), IMAGES, epochs=4, mixed_precision=True)
    assert half.answers("test").dtype == torch.float32
    assert not torch.equal(half.answers("test"), full.answers("test"))
    assert half.evaluate("val").loss == pytest.approx(full.evaluate("val").loss, abs=0.1)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # torch's own, while it compiles
def test_a_compiled_network_gives_nearly_the_same():
    # Plain gradient descent: AdamW would blow up the rounding of gradients that are nearly zero.
    gentle = {"epochs": 2, "optimiser": "sgd", "learning_rate": 0.01}
    plain, _ = trained(convolutions(), IMAGES, **gentle)
    compiled, _ = trained(convolutions(), IMAGES, **gentle, compiled=True)
    torch.testing.assert_close(compiled.answers("test"), plain.answers("test"), rtol=1e-4, atol=1e-4)
    assert compiled.exported().keys() == plain.exported().keys()
