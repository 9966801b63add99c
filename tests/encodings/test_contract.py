"""Every encoder keeps the contract, on every family of spaces."""

import pytest

from surrogate_nas.encodings import (
    AdjacencyEncoder,
    DepthFeatures,
    GraphFeatures,
    LaplacianEncoder,
    NumberFeatures,
    OneHotEncoder,
    PathEncoder,
    SharedFeatures,
    StandardFeatures,
    WeisfeilerLehman,
)
from surrogate_nas.spaces import get_space, list_spaces
from surrogate_nas.testing.encoder import CHECKS

ENCODERS = [
    OneHotEncoder,
    AdjacencyEncoder,
    GraphFeatures,
    DepthFeatures,
    NumberFeatures,
    SharedFeatures,
    StandardFeatures,
    PathEncoder,
    WeisfeilerLehman,
    LaplacianEncoder,
]


@pytest.mark.parametrize("name", list_spaces())
@pytest.mark.parametrize("encoder", ENCODERS)
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_contract(check, encoder, name):
    check(encoder, get_space(name))
