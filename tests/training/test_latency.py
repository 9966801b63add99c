"""Measured latencies: more work takes longer, sums of layers are near whole networks, networks stay as they were."""

import numpy as np
import pytest
import torch
from torch import nn

import surrogate_nas as sn
from surrogate_nas.core import InvalidInputError
from surrogate_nas.training.latency import LatencySettings, LatencyTable, latency_task, layer_calls, measure_latency

SPACE = sn.get_space("nas-bench-201")
SMALL = {"stages": (1, 1, 1), "channels": (8, 16, 32)}
QUICK = LatencySettings(repeats=7)


def network(text="|nor_conv_3x3~0|+|skip_connect~0|nor_conv_1x1~1|+|none~0|none~1|avg_pool_3x3~2|"):
    return sn.build_network(SPACE, SPACE.parse([text]), (3, 16, 16), 10, **SMALL)


def test_a_hundred_times_the_work_takes_longer():
    # 2 and 200 million multiplications: whatever else the machine does, the latter cannot be quicker.
    small, large = (measure_latency(nn.Conv2d(32, 32, 3, padding=1), (32, n, n), QUICK) for n in (15, 150))
    assert 0 < small.low <= small.median <= small.high
    assert large.median > 3 * small.median
    assert (small.repeats, small.batch_size) == (7, 1)


def test_a_measurement_leaves_network_and_threads_as_they_were():
    net, threads = network().train(), torch.get_num_threads()
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    net.stem.eval()
    measure_latency(net, (3, 16, 16), LatencySettings(repeats=1, warm_up=0, threads=2))
    assert net.training
    assert not net.stem.training
    assert torch.get_num_threads() == threads
    assert all(torch.equal(tensor, before[name]) for name, tensor in net.state_dict().items())


def test_layers_of_a_network_in_their_order():
    net = nn.Sequential(nn.Conv2d(3, 4, 3, stride=2), nn.Identity(), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 9, 2))
    calls = [(type(layer).__name__, shape) for layer, shape in layer_calls(net, (3, 7, 7))]
    assert calls == [("Conv2d", (3, 7, 7)), ("ReLU", (4, 3, 3)), ("Flatten", (4, 3, 3)), ("Linear", (36,))]


def test_a_layer_is_measured_once():
    table, net = LatencyTable(QUICK), network()
    total = table.latency(net, (3, 16, 16))
    kinds = {(repr(layer), shape) for layer, shape in layer_calls(net, (3, 16, 16))}
    assert set(table.known) == kinds
    assert len(kinds) < len(layer_calls(net, (3, 16, 16)))
    again = table.latency(network(), (3, 16, 16))
    assert again == total  # other weights, the same layers
    assert total == pytest.approx(sum(table.known[repr(a), s] for a, s in layer_calls(net, (3, 16, 16))))


def test_sums_of_layers_tell_large_from_small():
    table = LatencyTable(QUICK)
    nothing = network("|none~0|+|none~0|none~1|+|skip_connect~0|none~1|none~2|")
    everything = network(
        "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|nor_conv_3x3~0|nor_conv_3x3~1|nor_conv_3x3~2|"
    )
    small, large = (table.latency(net, (3, 16, 16)) for net in (nothing, everything))
    assert large > 1.5 * small  # nine times the layers, whatever else the machine is doing


def test_a_task_to_adapt_a_predictor_to():
    X = SPACE.sample(6, np.random.default_rng(0))
    task = latency_task(SPACE, X, (3, 8, 8), 10, QUICK, sums=True, **SMALL)
    assert (task.y > 0).all()
    assert (task.unit, task.direction, task.extra.shape) == ("s", "min", (6, 1))
    assert np.isfinite(task.extra).all()
    meta = sn.MetaPredictor(SPACE, random_state=0).fit({"batches of one": task})
    predictor = meta.adapt(X[:3], task.y[:3], extra=task.extra[:3], direction="min")
    assert (predictor.predict(X, extra=task.extra) > 0).all()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"batch_size": 0}, "batch_size: expected a whole number of at least 1"),
        ({"repeats": 0}, "repeats: expected a whole number of at least 1"),
        ({"device": "npu"}, "device: expected one of auto, cpu"),
    ],
)
def test_wrong_settings_are_refused(settings, message):
    with pytest.raises(InvalidInputError, match=message):
        LatencySettings(**settings)
