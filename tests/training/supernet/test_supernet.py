"""A supernet: trained once, asked for any architecture; what it says belongs to the network it hands out."""

import numpy as np
import pytest
import torch

import surrogate_nas as sn
from surrogate_nas.core import InvalidInputError, SurrogateNASError
from surrogate_nas.spaces import EdgeCellSpace, Operation, Skeleton
from surrogate_nas.training import array_dataset, load_dataset
from surrogate_nas.training.supernet import Supernet
from surrogate_nas.training.supernet.normalisation import recalibrate
from surrogate_nas.training.supernet.sampling import fair_rows
from surrogate_nas.training.tensors import split_tensors

#: Three edges with three operations: 27 architectures, whose supernet is trained within a second or two.
SPACE = EdgeCellSpace(
    "small",
    [Operation("none", "none"), Operation("skip", "identity"), Operation("conv", "convolution", 3, True, 1.0)],
    3,
    Skeleton("image", stages=(1, 1), channels=(6, 12), stem_layers=1, reduction="residual", last_activation=True),
)
CONVOLUTIONS = np.full(3, 2, dtype=np.int16)
RECIPE = {"optimiser": "sgd", "learning_rate": 0.1, "weight_decay": 5e-4, "width": 1.0}


def supernet(epochs: int = 1, **how) -> Supernet:
    return Supernet(SPACE, "digits", epochs=epochs, recipe={**RECIPE, **how.pop("recipe", {})}, **how)


@pytest.fixture(scope="module")
def trained() -> Supernet:
    return supernet(5).train(0)


def test_sub_networks_have_learned_and_are_ranked(trained: Supernet) -> None:
    X = np.stack([CONVOLUTIONS, np.zeros(3, dtype=np.int16)])  # the second lets nothing through
    good, blind = trained.evaluate(X)
    assert good > 0.7
    assert blind < 0.2
    losses = trained.evaluate(X, metric="loss")
    assert losses[0] < losses[1]


def test_what_is_extracted_scores_what_was_said(trained: Supernet) -> None:
    network = trained.extract(CONVOLUTIONS)
    split = split_tensors(trained.data)[0]
    with torch.no_grad():
        x, y = split.part("val")
        assert float((network(x).argmax(1) == y).double().mean()) == trained.evaluate(CONVOLUTIONS[None])[0]
    overrides = trained.trainer.settings.overrides(SPACE.skeleton)
    sn.build_network(SPACE, CONVOLUTIONS, (1, 8, 8), 10, **overrides).load_state_dict(network.state_dict())


def test_extraction_leaves_the_shared_weights_alone(trained: Supernet) -> None:
    before = {name: tensor.clone() for name, tensor in trained.network.state_dict().items()}
    trained.fine_tune(CONVOLUTIONS, epochs=1)
    after = trained.network.state_dict()
    assert all(torch.equal(tensor, after[name]) for name, tensor in before.items())


def test_statistics_are_those_of_the_training_samples(trained: Supernet) -> None:
    network, split = trained.extract(CONVOLUTIONS), split_tensors(trained.data)[0]
    layer = network.get_submodule("stem.1")
    layer.running_mean.fill_(7.0)
    recalibrate(network, split)
    seen = network.get_submodule("stem.0")(split.part("train")[0])
    assert torch.allclose(layer.running_mean, seen.mean((0, 2, 3)), atol=0.05)
    assert torch.allclose(layer.running_var, seen.var((0, 2, 3)), rtol=0.1)
    assert layer.momentum == 0.1
    assert not network.training
    assert not any(module.training for module in network.modules())


@pytest.mark.parametrize("sampling", ["uniform", "fair"])
def test_the_same_seed_gives_the_same_weights(sampling: str) -> None:
    first, second, other = (supernet(sampling=sampling).train(seed).network.state_dict() for seed in (1, 1, 2))
    assert all(torch.equal(tensor, second[name]) for name, tensor in first.items())
    assert not all(torch.equal(tensor, other[name]) for name, tensor in first.items())


def test_a_training_that_was_broken_off_ends_as_if_it_had_not_been(tmp_path) -> None:
    class Broken(Exception):
        pass

    class After:
        def track(self, label: str, done: int, total: int) -> None:
            if done == 1:
                raise Broken

    path = tmp_path / "supernet.safetensors"
    with pytest.raises(Broken):
        supernet(2).train(3, checkpoint=path, checkpoint_every_s=0, progress=After())
    assert path.exists()
    resumed = supernet(2).train(3, checkpoint=path).network.state_dict()
    assert not path.exists()
    whole = supernet(2).train(3).network.state_dict()
    assert all(torch.equal(tensor, resumed[name]) for name, tensor in whole.items())


def test_saved_weights_are_read_again(trained: Supernet, tmp_path) -> None:
    trained.save(tmp_path / "weights.safetensors")
    read = supernet(5).load(tmp_path / "weights.safetensors")
    X = SPACE.sample(3, 0)
    assert read.evaluate(X).tolist() == trained.evaluate(X).tolist()
    assert read.describe() == trained.describe()


def test_fair_rows_hold_each_operation_once_in_every_place() -> None:
    rows = fair_rows(SPACE, 3, np.random.default_rng(0))
    assert (np.sort(rows, axis=0) == np.arange(3)[:, None]).all()
    pair = sn.get_space("nas-bench-301")
    rows = fair_rows(pair, 7, np.random.default_rng(0))
    assert pair.valid(rows).all()
    operations = rows.reshape(7, 2, 4, 3)[..., 1:]
    assert (np.sort(operations, axis=0) == np.arange(7)[:, None, None, None]).all()


@pytest.mark.parametrize("what", ["all", "norm-and-head", "low-rank"])
def test_fine_tuning_trains_what_it_says_and_gives_a_plain_network(trained: Supernet, what: str) -> None:
    before = trained.extract(CONVOLUTIONS).state_dict()
    result, network = trained.fine_tune(CONVOLUTIONS, what, epochs=3)
    after = network.state_dict()
    assert set(after) == set(before)
    assert result.ok
    assert result.val.accuracy >= trained.evaluate(CONVOLUTIONS[None])[0] - 0.02
    changed = {name for name, tensor in after.items() if not torch.equal(tensor, before[name])}
    thin = [name for name in changed if after[name].ndim > 1]
    if what == "norm-and-head":
        assert thin == ["classifier.weight"]
    if what == "low-rank":
        assert all(torch.linalg.matrix_rank((after[name] - before[name]).flatten(1)) <= 4 for name in thin)
    whole = sum(p.numel() for p in network.parameters())
    assert (result.parameters == whole) == (what == "all")
    assert all(p.requires_grad for p in network.parameters())


def test_a_view_answers_for_the_classes_of_other_data(trained: Supernet) -> None:
    digits = load_dataset("digits", "image")
    some = np.flatnonzero(digits.y < 3)
    few = array_dataset(digits.x[some], digits.y[some], name="few", classes=["0", "1", "2"])
    view = trained.on(few)
    network = view.extract(CONVOLUTIONS)
    assert network(torch.randn(2, 1, 8, 8)).shape == (2, 3)
    assert view.evaluate(CONVOLUTIONS[None])[0] > trained.evaluate(CONVOLUTIONS[None])[0] - 0.05
    with pytest.raises(InvalidInputError, match="a view"):
        view.train()
    with pytest.raises(InvalidInputError, match="classes that the supernet has learned"):
        trained.on(array_dataset(digits.x[some], digits.y[some], classes=["a", "b", "c"]))


@pytest.mark.parametrize(("name", "kind"), [("nas-bench-301", "image"), ("nas-bench-201", "sequence")])
def test_two_cells_and_sequences_share_weights_too(name: str, kind: str) -> None:
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1], 60)
    x = rng.normal(size=(120, 2, 12)) + y[:, None, None] * np.sin(np.arange(12))
    data = array_dataset(x if kind == "sequence" else x[:, :, None], y, name="waves", input_kind=kind)
    space = sn.get_space(name)
    recipe = {"skeleton": {"stages": (1, 1, 1), "channels": (4, 4, 4), "stem_width": 4}, "batch_size": 36}
    net = Supernet(space, data, epochs=1, recipe=recipe, sampling="fair").train(0)
    assert np.isfinite(net.evaluate(space.sample(2, 0))).all()


def test_wrong_input_is_told_in_one_line() -> None:
    with pytest.raises(InvalidInputError, match="call train"):
        supernet().evaluate(CONVOLUTIONS[None])
    with pytest.raises(InvalidInputError, match="networks that share weights"):
        Supernet(sn.get_space("nas-bench-101"), "digits")
    with pytest.raises(InvalidInputError, match="mixed_precision: expected False"):
        supernet(recipe={"mixed_precision": True})
    with pytest.raises(SurrogateNASError, match="unknown sampling"):
        supernet(sampling="often")
    with pytest.raises(SurrogateNASError, match="lower learning_rate"):
        supernet(recipe={"learning_rate": 1e30}).train()
