"""Gradients through adaptation against plain autograd, one task at a time; and what each method leaves alone."""

import pytest
import torch
from torch.nn import functional as F

import surrogate_nas as sn
from surrogate_nas.core import InvalidInputError
from surrogate_nas.training import load_dataset
from surrogate_nas.training.meta_learning import ANIL, MAML, FewShotTasks, Reptile, nearest_mean, split_classes
from surrogate_nas.training.meta_learning.episodes import Episodes
from surrogate_nas.training.meta_learning.network import TaskNetwork

MLP, CELLS = sn.get_space("mlp"), sn.get_space("nas-bench-201")
CELL = "|nor_conv_3x3~0|+|none~0|nor_conv_1x1~1|+|skip_connect~0|none~1|avg_pool_3x3~2|"
METHODS = [MAML(steps=2), MAML(steps=2, second_order=False), ANIL(steps=2), Reptile(steps=2)]


def task_network(kind, seed=0, **options):
    torch.manual_seed(seed)
    if kind == "tabular":
        network = sn.build_network(MLP, MLP.parse(["16-8 gelu batch dropout(0)"]), (64,), 3)
    else:
        overrides = {"stages": (1, 1), "channels": (4, 6)}
        network = sn.build_network(CELLS, CELLS.parse([CELL]), (1, 8, 8), 3, **overrides)
    network.double()  # so that agreement means something
    return TaskNetwork(network, **options)


@pytest.fixture(scope="module")
def episodes():
    classes = split_classes(10, val=3, test=3)
    made = {}
    for kind in ("tabular", "image"):
        tasks = FewShotTasks(dataset=load_dataset("digits", kind), classes=classes, ways=3, shots=2, queries=3)
        drawn = tasks.draw("train", 3, 0)
        made[kind] = Episodes(drawn[0].double(), drawn[1], drawn[2].double(), drawn[3])
    return made


def by_hand(network, tasks, rate, steps, *, second_order, head_only):
    """Mean loss on the queries of tasks taken one after the other, and its gradient by ordinary backpropagation."""
    initial = {name: p.clone().requires_grad_() for name, p in network.initial.items()}
    total = torch.zeros((), dtype=torch.float64)
    for x, y, query_x, query_y in zip(*tasks, strict=True):
        weights = dict(initial)
        for _ in range(steps):
            moving = [name for name in weights if not head_only or name in network.head]
            slopes = torch.autograd.grad(
                network.loss(weights, x, y), [weights[name] for name in moving], create_graph=second_order
            )
            for name, slope in zip(moving, slopes, strict=True):
                weights[name] = weights[name] - rate * slope
        total = total + F.cross_entropy(network.answers(weights, x, query_x), query_y) / len(tasks.support_y)
    return dict(zip(initial, torch.autograd.grad(total, list(initial.values())), strict=True)), total.detach()


@pytest.mark.parametrize("transductive", [False, True])
@pytest.mark.parametrize("kind", ["tabular", "image"])
@pytest.mark.parametrize("method", METHODS[:3], ids=["maml", "first-order", "anil"])
def test_gradients_are_those_of_plain_backpropagation(episodes, method, kind, transductive):
    network = task_network(kind, transductive=transductive)
    expected, loss = by_hand(
        network, episodes[kind], method.learning_rate, method.steps,
        second_order=getattr(method, "second_order", True), head_only=isinstance(method, ANIL),
    )  # fmt: skip
    found = method.slope(network, network.initial, episodes[kind], 0)
    torch.testing.assert_close(found.loss, loss)
    for name, slope in expected.items():
        torch.testing.assert_close(found.gradient[name], slope, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("text", ["16-8 gelu batch dropout(0)", "16-8 tanh layer dropout(0)"])
def test_second_order_is_the_slope_of_what_is_minimised(episodes, text):
    """Against finite differences, along a random direction: torch's own normalisations fail here."""
    torch.manual_seed(0)
    network = TaskNetwork(sn.build_network(MLP, MLP.parse([text]), (64,), 3).double())
    method, tasks = MAML(steps=3, learning_rate=0.3), episodes["tabular"]
    generator = torch.Generator().manual_seed(1)
    way = {n: torch.randn(p.shape, generator=generator, dtype=torch.float64) for n, p in network.initial.items()}
    slopes = {}
    for second_order in (True, False):
        gradient = (
            MAML(steps=3, learning_rate=0.3, second_order=second_order)
            .slope(network, network.initial, tasks, 0)
            .gradient
        )
        slopes[second_order] = float(sum((gradient[n] * way[n]).sum() for n in way))
    step = 1e-6
    ends = [
        method.slope(network, {n: p + sign * step * way[n] for n, p in network.initial.items()}, tasks, 0).loss
        for sign in (1, -1)
    ]
    measured = float(ends[0] - ends[1]) / (2 * step)
    assert slopes[True] == pytest.approx(measured, rel=1e-4)
    assert slopes[False] != pytest.approx(measured, rel=1e-2)


def test_one_step_of_reptile_on_all_samples_is_a_step_of_joint_training(episodes):
    network, tasks = task_network("image"), episodes["image"]
    found = Reptile(steps=1, learning_rate=0.3, batch_size=1000).slope(network, network.initial, tasks, 0).gradient
    initial = {name: p.clone().requires_grad_() for name, p in network.initial.items()}
    losses = [
        network.loss(initial, torch.cat([x, qx]), torch.cat([y, qy])) for x, y, qx, qy in zip(*tasks, strict=True)
    ]
    slopes = torch.autograd.grad(sum(losses) / len(losses), list(initial.values()))
    for name, slope in zip(initial, slopes, strict=True):
        torch.testing.assert_close(found[name], 0.3 * slope, rtol=1e-6, atol=1e-9)


def test_reptile_takes_every_sample_before_any_comes_again():
    batches = Reptile(steps=6, batch_size=5)._batches(15, 0)
    assert [len(b) for b in batches] == [5] * 6
    for three in (batches[:3], batches[3:]):
        assert sorted(torch.cat(three).tolist()) == list(range(15))


@pytest.mark.parametrize("kind", ["tabular", "image"])
def test_features_and_the_last_layer_are_the_network(episodes, kind):
    network, x = task_network(kind), episodes[kind].query_x[0]
    answers = network.classified(network.initial, network.features(network.initial, x))
    torch.testing.assert_close(answers, network.logits(network.initial, x))


def test_anil_adapts_the_last_layer_alone(episodes):
    network, tasks = task_network("image"), episodes["image"]
    adapted = ANIL().adapt(network, network.initial, tasks.support_x[0], tasks.support_y[0], 3)
    changed = {name for name, p in adapted.items() if not torch.equal(p, network.initial[name])}
    assert changed == set(network.head) == {"classifier.weight", "classifier.bias"}


@pytest.mark.parametrize("method", METHODS, ids=["maml", "first-order", "anil", "reptile"])
def test_adaptation_lowers_the_loss_on_the_support_set(episodes, method):
    network, tasks = task_network("image"), episodes["image"]
    x, y = tasks.support_x[0], tasks.support_y[0]
    losses = [float(network.loss(method.adapt(network, network.initial, x, y, n), x, y)) for n in (0, 2, 8)]
    assert losses[0] > losses[1] > losses[2]


def test_a_query_is_judged_alone_unless_transductive(episodes):
    tasks = episodes["image"]
    for transductive in (False, True):
        network = task_network("image", transductive=transductive)
        together = network.answers(network.initial, tasks.support_x[0], tasks.query_x[0])
        apart = network.answers(network.initial, tasks.support_x[0], tasks.query_x[0, :2])
        assert torch.allclose(together[:2], apart) is not transductive


def test_statistics_of_the_support_set_are_those_that_it_is_learned_with(episodes):
    """What is asked about a sample of the support set is answered as while learning from it."""
    network, x = task_network("image"), episodes["image"].support_x[0]
    torch.testing.assert_close(network.answers(network.initial, x, x), network.logits(network.initial, x))


def test_the_nearest_mean_of_points_one_can_see():
    support = torch.tensor([[[0.0, 0.0], [2.0, 0.0], [10.0, 0.0], [10.0, 2.0]]])
    query = torch.tensor([[[1.0, 1.0], [9.0, 1.0], [5.0, 0.0]]])
    tasks = Episodes(support, torch.tensor([[0, 0, 1, 1]]), query, torch.tensor([[0, 1, 1]]))
    assert nearest_mean(tasks).accuracies.tolist() == [pytest.approx(2 / 3)]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: MAML(steps=0), "steps: expected a whole number of at least 1"),
        (lambda: ANIL(learning_rate=0.0), "learning_rate: expected a positive number"),
        (lambda: Reptile(batch_size=1), "batch_size: expected a whole number of at least 2"),
        (lambda: TaskNetwork(torch.nn.Identity()), "ends with a linear layer"),
    ],
)
def test_wrong_settings_are_refused(make, message):
    with pytest.raises(InvalidInputError, match=message):
        make()
