"""Failures as results, weights that fit, learning that happens, and wrong settings."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

import surrogate_nas as sn
from surrogate_nas.core import InvalidInputError, UnknownNameError
from surrogate_nas.networks import StaticGraph
from surrogate_nas.training import TrainingResult, array_dataset

SPACE = sn.get_space("nas-bench-graph")
Y = np.arange(60) % 3
TABLE = array_dataset(Y[:, None] + np.random.default_rng(0).normal(size=(60, 4)), Y, repeats=2)
NUMBERS = array_dataset(TABLE.x, TABLE.x[:, 0] ** 2 + TABLE.x[:, 1], repeats=2)
GCN = SPACE.parse("[0,1,2,3] skip|skip|gcn|gcn")[0]


@pytest.mark.parametrize("dataset", ["digits", "wine", TABLE, NUMBERS], ids=["digits", "wine", "table", "numbers"])
def test_a_diverging_training_is_a_failed_result(dataset):
    space = SPACE if isinstance(dataset, str) else sn.get_space("mlp")
    trainer = sn.Trainer(space=space, dataset=dataset, epochs=6, recipe={"learning_rate": 1e30})
    result = trainer.train(space.sample(1, 0)[0])
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


@pytest.mark.parametrize("data", ["wine", TABLE, NUMBERS], ids=["graph", "table", "numbers"])
def test_answers_of_saved_weights_give_the_reported_scores(tmp_path, data):
    space = SPACE if isinstance(data, str) else sn.get_space("mlp")
    trainer = sn.Trainer(space=space, dataset=data, epochs=3, recipe={"width": 0.25}, device="cpu")
    x, file = space.sample(1, 0)[0], tmp_path / "w"
    alone = replace(trainer, dataset=replace(trainer.data, splits=trainer.data.splits[:1]))
    result = alone.train(x, 1, weights_file=file)
    for part in ("val", "test"):
        answers, y = alone.predict(x, file, part), alone.data.y[getattr(alone.data.splits[0], part)]
        if alone.data.regression:
            assert result.score("rmse", part) == pytest.approx(np.sqrt(((answers - y) ** 2).mean()), rel=1e-3)
        else:
            assert result.score("accuracy", part) == pytest.approx((answers.argmax(1) == y).mean())
    # With several splits they are of the first.
    np.testing.assert_array_equal(trainer.predict(x, file), alone.predict(x, file))


def test_a_target_without_variance_to_validate_on_leaves_the_choice_to_the_loss():
    val = NUMBERS.splits[0].val
    y = NUMBERS.y.copy()
    y[val] = 1.0
    data = replace(NUMBERS, y=y, splits=NUMBERS.splits[:1])
    space = sn.get_space("mlp")
    result = sn.Trainer(space=space, dataset=data, epochs=4).train(space.sample(1, 0)[0])
    assert result.best_epoch == min(result.curve, key=lambda point: point.val_loss).epoch
    assert np.isnan(result.val.r2)
    assert np.isfinite(result.test.r2)


def test_weights_of_another_network_are_one_line(tmp_path):
    trainer = sn.Trainer(space=SPACE, dataset="wine", epochs=1, device="cpu")
    trainer.train(GCN, weights_file=tmp_path / "w")
    with pytest.raises(InvalidInputError, match="expected the weights of this network, with .*; take the architecture"):
        replace(trainer, recipe={"width": 0.5}).predict(GCN, tmp_path / "w")
    (tmp_path / "w").write_bytes(b"something else")
    with pytest.raises(InvalidInputError, match="expected safetensors, got something else"):
        trainer.predict(GCN, tmp_path / "w")
    with pytest.raises(InvalidInputError, match="cannot be read"):
        trainer.predict(GCN, tmp_path / "missing")


def test_each_split_is_trained_as_if_it_were_alone(tmp_path):
    space = sn.get_space("mlp")
    for i, name in enumerate(("several", "alone")):
        data = replace(TABLE, splits=TABLE.splits[: 2 - i])
        trainer = sn.Trainer(space=space, dataset=data, epochs=1, recipe={"width": 0.25}, device="cpu")
        trainer.train(space.sample(1, 0)[0], weights_file=tmp_path / name)
    a, b = (load_file(tmp_path / name) for name in ("several", "alone"))
    assert all(a[k].equal(b[k]) for k in a)


def test_the_network_is_the_one_that_is_trained(tmp_path):
    space = sn.get_space("mlp")
    trainer = sn.Trainer(space=space, dataset=TABLE, epochs=1, recipe={"learning_rate": 1e-30}, device="cpu")
    x = space.sample(1, 0)[0]
    trainer.train(x, 3, weights_file=tmp_path / "w")
    trained = load_file(tmp_path / "w")
    for name, parameter in trainer.network(x, 3).named_parameters():
        torch.testing.assert_close(trained[name], parameter.detach())


def test_what_a_regression_scores_does_not_depend_on_the_unit():
    space = sn.get_space("mlp")
    pounds = replace(NUMBERS, y=(1000 * NUMBERS.y + 7).astype(np.float32))
    a, b = (
        sn.Trainer(space=space, dataset=data, epochs=2, recipe={"width": 0.25}, device="cpu").train(
            space.sample(1, 0)[0], 0
        )
        for data in (NUMBERS, pounds)
    )
    assert b.test.rmse == pytest.approx(1000 * a.test.rmse, rel=1e-3)
    assert b.test.r2 == pytest.approx(a.test.r2, abs=1e-4)


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
        ({"recipe": {"batch_size": 10}}, "batch_size: expected None for a graph, which is trained as a whole, got 10"),
        ({"recipe": {"augmentation": ("flip",)}}, "augmentation: expected .* for a graph"),
        ({"dataset": TABLE}, "expected graph data .*, got tabular data"),
    ],
)
def test_wrong_settings_are_refused(settings, message):
    with pytest.raises(InvalidInputError, match=message):
        sn.Trainer(**{"space": SPACE, "dataset": "wine"} | settings)


def test_an_unknown_data_set_lists_those_that_exist():
    with pytest.raises(UnknownNameError, match="digits, wine, breast-cancer"):
        sn.Trainer(space=SPACE, dataset="digit")


@pytest.mark.parametrize("seed", [-1, 0.5, True, None])
def test_a_wrong_seed_is_one_line(seed):
    with pytest.raises(InvalidInputError, match="seed: expected a whole number of at least 0, got"):
        sn.Trainer(space=SPACE, dataset="wine", epochs=1).train(GCN, seed)


def test_an_invalid_row_is_an_error_and_not_a_failed_training():
    with pytest.raises(InvalidInputError, match="expected one row"):
        sn.Trainer(space=SPACE, dataset="wine", epochs=1).train([0, 8, 8, 8, 8])
