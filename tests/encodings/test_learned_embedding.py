"""The autoencoder gives graphs back, says the same from the same seed, and learns what is there to learn."""

import subprocess
import sys

import numpy as np
import pytest
import torch

from surrogate_nas.encodings import LearnedEmbedding
from surrogate_nas.encodings.learned_embedding import _tensors
from surrogate_nas.spaces import get_space
from surrogate_nas.testing.encoder import CHECKS

CELL = get_space("nas-bench-201")


@pytest.mark.parametrize("name", ["nas-bench-201", "nas-bench-graph", "chain"])
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_contract(check, name):
    check(lambda space: LearnedEmbedding(space, dimension=8, epochs=1), get_space(name))


def test_the_same_seed_gives_the_same_embedding_and_leaves_the_global_stream_alone():
    rows = CELL.sample(100, np.random.default_rng(0))
    before = torch.random.get_rng_state()
    one, again, other = (LearnedEmbedding(CELL, epochs=1, random_state=s).fit().transform(rows) for s in (0, 0, 1))
    np.testing.assert_array_equal(one, again)
    assert not np.array_equal(one, other)
    assert torch.equal(before, torch.random.get_rng_state())


def test_training_teaches_the_graphs():
    """Nats per graph that it has not seen: far fewer after training than before it."""
    graphs = CELL.graphs(CELL.canonical(CELL.sample(500, np.random.default_rng(5))))
    losses = []
    for epochs in (0, 20):
        encoder = LearnedEmbedding(CELL, epochs=epochs).fit()
        model = encoder._model(graphs)
        torch.nn.utils.vector_to_parameters(torch.tensor(encoder.weights_), model.parameters())
        losses.append(model.loss(*_tensors(graphs, slice(None), torch.float32)).item())
    assert losses[1] < losses[0] / 4


def test_neighbours_lie_closer_than_strangers():
    encoder = LearnedEmbedding(CELL).fit()
    rows = CELL.sample(300, np.random.default_rng(0))
    near, far = CELL.mutate(rows, np.random.default_rng(1)), CELL.sample(300, np.random.default_rng(2))
    here = encoder.transform(rows)
    to_near, to_far = (np.linalg.norm(encoder.transform(other) - here, axis=1).mean() for other in (near, far))
    assert to_near < 0.8 * to_far


def test_it_is_scaled_over_the_space():
    values = LearnedEmbedding(CELL, epochs=1).fit().transform(CELL.enumerate())
    np.testing.assert_allclose(values.mean(axis=0), 0, atol=0.1)
    np.testing.assert_allclose(values.std(axis=0), 1, atol=0.1)


def test_encodings_are_imported_without_torch():
    code = "import sys, surrogate_nas.encodings; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
