"""Spectra that are known in closed form, heat against the matrix exponential, and positions."""

import numpy as np
import pytest
from scipy.linalg import expm

from surrogate_nas.encodings import LaplacianEncoder
from surrogate_nas.encodings.coarse import coarse
from surrogate_nas.encodings.laplacian_encoder import ABSENT, TIMES, _laplacians
from surrogate_nas.encodings.paths import Contracted
from surrogate_nas.spaces import get_space

CELL = get_space("nas-bench-201")


def named(space, text):
    encoder = LaplacianEncoder(space).fit()
    return dict(zip(encoder._names(), encoder._encode(space.parse(text))[0], strict=True))


def test_the_spectrum_of_a_path():
    """A path of m nodes: 1 - cos(pi j / (m - 1))."""
    found = named(CELL, "|nor_conv_1x1~0|+|none~0|nor_conv_3x3~1|+|none~0|none~1|avg_pool_3x3~2|")
    eigenvalues = [found[f"eigenvalue {i}"] for i in range(1, 8)]
    np.testing.assert_allclose(eigenvalues[:4], 1 - np.cos(np.pi * np.arange(1, 5) / 4), atol=1e-6)
    assert eigenvalues[4:] == [ABSENT] * 3


def test_what_stands_at_the_input_is_warmed_by_it():
    one = named(CELL, "|nor_conv_1x1~0|+|none~0|nor_conv_3x3~1|+|none~0|none~1|avg_pool_3x3~2|")
    other = named(CELL, "|avg_pool_3x3~0|+|none~0|nor_conv_3x3~1|+|none~0|none~1|nor_conv_1x1~2|")
    for t in ("0.5", "2"):
        assert (
            one[f"heat from the input at nor_conv_1x1 after {t}"]
            > other[f"heat from the input at nor_conv_1x1 after {t}"]
        )
    assert one["heat from the input at nor_conv_1x1 after 2"] == other["heat from the output at nor_conv_1x1 after 2"]
    assert one["heat kept by nor_conv_3x3 after 2"] == other["heat kept by nor_conv_3x3 after 2"]


@pytest.mark.parametrize("name", ["nas-bench-201", "nas-bench-101", "nas-bench-301", "chain"])
def test_heat_is_the_matrix_exponential(name):
    space = get_space(name)
    rows = space.sample(20, np.random.default_rng(0))
    encoder = LaplacianEncoder(space)
    values = encoder.fit()._encode(rows)
    graphs = Contracted.of(coarse(space.graphs(space.canonical(rows))))
    size = len(graphs.vocabulary)
    for i, matrix in enumerate(_laplacians(graphs)):
        expected = []
        for t in TIMES:
            heat = expm(-t * matrix)
            for kept in (np.diag(heat), heat[:, 0], heat[:, -1]):
                expected.append([kept[graphs.ops[:, i] == op].sum() for op in range(size)])
        np.testing.assert_allclose(values[i, encoder.k :], np.concatenate(expected), atol=1e-6)
