"""Failures as results, weights that fit, learning that happens, and wrong settings."""

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

import surrogate_nas as sn
from surrogate_nas.core import InvalidInputError, UnknownNameError
from surrogate_nas.networks import StaticGraph
from surrogate_nas.training import TrainingResult

SPACE = sn.get_space("nas-bench-graph")
GCN = SPACE.parse("[0,1,2,3] skip|skip|gcn|gcn")[0]


@pytest.mark.parametrize("dataset", ["digits", "wine"])
def test_a_diverging_training_is_a_failed_result(dataset):
    result = sn.Trainer(space=SPACE, dataset=dataset, epochs=6, recipe={"learning_rate": 1e30}).train(GCN)
    assert result.status == "failed"
    assert "diverged" in result.reason
    assert np.isnan(result.score("accuracy", "val"))
    assert TrainingResult.from_dict(result.to_dict()).to_dict() == result.to_dict()


def test_a_network_too_large_for_the_memory_is_a_failed_result():
    # 13 features times this width is 50 TiB: more than any machine maps.
    wide = {"skeleton": {"channels": 10**12}}
    result = sn.Trainer(space=SPACE, dataset="wine", epochs=1, recipe=wide, device="cpu").train(GCN)
    assert result.status == "failed"
    assert result.reason.startswith("out of memory")


def test_training_learns():
    # Two graph convolutions denoise digits: chance is 0.1, and single noisy features reach about 0.5.
    result = sn.Trainer(space=SPACE, dataset="digits", epochs=20, device="cpu").train(GCN)
    assert result.test.accuracy > 0.7
    assert result.curve[-1].train_loss < 0.5 * np.log(10)


def test_saved_weights_give_the_reported_validation_accuracy(tmp_path):
    trainer = sn.Trainer(space=SPACE, dataset="digits", epochs=6, device="cpu")
    result = trainer.train(GCN, 1, weights_file=tmp_path / "best.safetensors")
    data = trainer.data
    network = sn.build_network(SPACE, GCN, data.x.shape[1], data.num_classes, channels=32)
    network.load_state_dict(load_file(tmp_path / "best.safetensors"))
    with torch.no_grad():
        edges = torch.from_numpy(data.edge_index)
        plain = network.eval()(torch.from_numpy(data.x), edges).argmax(1).numpy()
        static = network(torch.from_numpy(data.x), StaticGraph(edges, len(data.y))).argmax(1).numpy()
    val = data.splits[0].val
    assert abs((static[val] == data.y[val]).mean() - result.val.accuracy) < 1e-6
    assert (plain == static).mean() > 0.99


def test_resplits_train_as_they_would_alone(tmp_path):
    trainer = sn.Trainer(space=SPACE, dataset="wine", epochs=4, recipe={"skeleton": {"dropout": 0.0}}, device="cpu")
    trainer.train(GCN, 0, weights_file=tmp_path / "stacked.safetensors")
    data = trainer.data
    alone = sn.training.graph_dataset(data.x, data.y, edges=data.edge_index.T, splits=[data.splits[0]])
    single = sn.Trainer(space=SPACE, dataset=alone, epochs=4, recipe={"skeleton": {"dropout": 0.0}}, device="cpu")
    single.train(GCN, 0, weights_file=tmp_path / "alone.safetensors")
    a, b = (load_file(tmp_path / f"{name}.safetensors") for name in ("stacked", "alone"))
    assert a.keys() == b.keys()
    # The best epochs may differ, the initial weights of split 0 may not: same seed, same network.
    assert {k: v.shape for k, v in a.items()} == {k: v.shape for k, v in b.items()}


def test_an_unwritable_weights_file_says_so(tmp_path):
    trainer = sn.Trainer(space=SPACE, dataset="wine", epochs=1)
    with pytest.raises(InvalidInputError, match="w.safetensors: cannot be written"):
        trainer.train(GCN, weights_file=tmp_path / "missing" / "w.safetensors")


@pytest.mark.skipif(torch.cuda.is_available(), reason="checks the message on a machine without a GPU")
def test_a_gpu_that_is_not_there_is_one_line():
    with pytest.raises(InvalidInputError, match="expected one of auto, cpu on this machine, got 'cuda'"):
        sn.Trainer(space=SPACE, dataset="wine", device="cuda")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"epochs": 0}, "epochs: expected a whole number of at least 1"),
        ({"recipe": {"skeleton": {"channels": 2.5}}}, "channels: expected"),
        ({"recipe": {"skeleton": {"dropout": 1.0}}}, "dropout: expected a number from 0 to below 1"),
        ({"recipe": {"learning_rate": float("nan")}}, "learning_rate: expected a positive number, got nan"),
        ({"device": "gpu"}, "device: expected one of auto, cpu"),
    ],
)
def test_wrong_settings_are_refused(settings, message):
    with pytest.raises(InvalidInputError, match=message):
        sn.Trainer(space=SPACE, dataset="wine", **settings)


def test_an_unknown_data_set_lists_those_that_exist():
    with pytest.raises(UnknownNameError, match="digits, wine, breast-cancer"):
        sn.Trainer(space=SPACE, dataset="digit")


def test_an_invalid_row_is_an_error_and_not_a_failed_training():
    with pytest.raises(InvalidInputError, match="expected one row"):
        sn.Trainer(space=SPACE, dataset="wine", epochs=1).train([0, 8, 8, 8, 8])
