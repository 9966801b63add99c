"""Networks that share weights: a row's part of them is the plain network of that row, to the last bit."""

import numpy as np
import pytest
import torch

import surrogate_nas as sn
from surrogate_nas.core import InvalidInputError
from surrogate_nas.networks import MixedNetwork
from surrogate_nas.spaces import EdgeCellSpace, Operation, SearchSpace, Skeleton, TwoCellSpace

OPERATIONS = [
    Operation("nothing", "none"),
    Operation("same", "identity"),
    Operation("conv5", "convolution", 5, True, 1.0),
    Operation("separable", "convolution", 3, True, 1.0, (("separable", 1.0),)),
]

SPACES: dict[str, tuple[SearchSpace, dict]] = {
    "nas-bench-201": (sn.get_space("nas-bench-201"), {"channels": (4, 6, 8), "stages": (2, 1, 1)}),
    "transnas-micro": (
        sn.get_space("transnas-micro"),
        {"channels": (4, 4, 8, 8, 16), "stages": (1, 1, 1, 1, 1), "stem_width": 4},
    ),
    "nas-bench-301": (
        sn.get_space("nas-bench-301"),
        {"channels": (4, 8, 16), "stages": (1, 1, 1), "stem_width": 12},
    ),
    "own edges": (
        EdgeCellSpace(
            "own",
            OPERATIONS,
            3,
            Skeleton("sequence", stages=(1, 2), channels=(4, 6), strides=(1, 3), stem_layers=1, activation="after"),
        ),
        {},
    ),
    "own pair": (
        TwoCellSpace(
            "own",
            OPERATIONS[1:],
            2,
            n_inputs=1,
            edges_per_node=1,
            skeleton=Skeleton(
                "image",
                stages=(1, 1),
                channels=(4, 6),
                output_merge="concatenate",
                reduction="cell",
                stem_layers=1,
            ),
        ),
        {},
    ),
}


@pytest.mark.parametrize("shape", [(1, 8, 8), (2, 13)])
@pytest.mark.parametrize("name", SPACES)
def test_a_row_computes_what_its_own_network_with_these_weights_computes(name: str, shape: tuple[int, ...]) -> None:
    space, small = SPACES[name]
    mixed = MixedNetwork(space, shape, 3, small)
    batch = torch.randn(4, *shape)
    for x in space.sample(8, np.random.default_rng(0)):
        plain = sn.build_network(space, x, shape, 3, **small)
        plain.load_state_dict(mixed.inherited(x))
        for mode in (True, False):
            mixed.train(mode)
            plain.train(mode)
            # On a copy of the statistics: a pass in training mode changes them.
            plain.load_state_dict(mixed.inherited(x))
            assert torch.equal(mixed(batch, mixed.wiring.choices(x)), plain(batch))


def test_inherited_weights_are_the_shared_ones() -> None:
    space, small = SPACES["nas-bench-201"]
    mixed = MixedNetwork(space, (1, 8, 8), 3, small)
    x = np.full(6, 3, dtype=np.int16)  # 3x3 convolutions everywhere
    state = mixed.inherited(x)
    assert state["body.0.layers.1.1.weight"] is mixed.network.get_parameter("body.0.places.0.layers.3.1.weight")
    assert set(state) == set(sn.build_network(space, x, (1, 8, 8), 3, **small).state_dict())


@pytest.mark.parametrize("name", SPACES)
def test_a_mixture_with_all_weight_on_one_architecture_is_that_architecture(name: str) -> None:
    space, small = SPACES[name]
    mixed = MixedNetwork(space, (1, 8, 8), 3, small).eval()
    wiring, batch = mixed.wiring, torch.randn(2, 1, 8, 8)
    for x in space.sample(5, np.random.default_rng(1)):
        weights = [torch.zeros(len(wiring.places), wiring.weighted) for _ in range(wiring.kinds)]
        for cell, choices in zip(weights, wiring.choices(x), strict=True):
            for p, op in enumerate(choices):
                if op is not None:
                    cell[p, op] = 1.0
        with torch.no_grad():
            expected = mixed(batch, wiring.choices(x))
            assert torch.allclose(mixed(batch, [list(cell) for cell in weights]), expected, atol=1e-5)


def test_edges_take_the_operation_of_the_greatest_weight() -> None:
    wiring = MixedNetwork(*SPACES["nas-bench-201"][:1], (1, 8, 8), 3, SPACES["nas-bench-201"][1]).wiring
    x = np.array([0, 1, 2, 3, 4, 0], dtype=np.int16)
    assert wiring.derive([np.eye(5)[x]]).tolist() == x.tolist()
    assert wiring.operations([np.eye(5)[x]]) == x.tolist()


def test_states_read_the_two_strongest_edges_whatever_weight_nothing_has() -> None:
    space, small = SPACES["nas-bench-301"]
    wiring = MixedNetwork(space, (1, 8, 8), 3, small).wiring
    wanted = space.sample(20, np.random.default_rng(2))
    for x in wanted:
        weights = []
        for choices in wiring.choices(x):
            cell = np.full((len(wiring.places), wiring.weighted), 0.01)
            cell[:, -1] = 5.0  # nothing
            for p, op in enumerate(choices):
                if op is not None:
                    cell[p, op] = 0.5
            weights.append(cell)
        assert wiring.derive(weights).tolist() == x.tolist()


@pytest.mark.parametrize("name", ["nas-bench-101", "nas-bench-graph", "nas-bench-macro"])
def test_other_families_are_refused(name: str) -> None:
    with pytest.raises(InvalidInputError, match="networks that share weights"):
        MixedNetwork(sn.get_space(name), (1, 8, 8), 3)


def test_cells_whose_width_an_architecture_decides_are_refused() -> None:
    space, small = SPACES["nas-bench-201"]
    with pytest.raises(InvalidInputError, match="output_merge: expected 'sum'"):
        MixedNetwork(space, (1, 8, 8), 3, {**small, "output_merge": "concatenate"})
