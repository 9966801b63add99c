"""check_space: what it says of good spaces and of bad ones."""

import numpy as np
import pytest

import surrogate_nas as sn
from surrogate_nas.spaces import EdgeCellSpace, Operation, Skeleton
from surrogate_nas.spaces.tabulated import TabulatedSpace
from surrogate_nas.testing.space import CHECKS

OWN = """
family = "choices"

[skeleton]
input_kind = "tabular"

[[choices]]
name = "layers"
options = ["one", "two"]
operations = [{ name = "linear", kind = "linear" }, { name = "twice", kind = "linear" }]

[[choices]]
name = "gate"
options = ["sigmoid", "tanh"]
when = { layers = ["two"] }
before = " "
operations = [{ name = "sigmoid", kind = "activation" }, { name = "tanh", kind = "activation" }]
"""


def test_a_space_declared_in_twenty_lines_keeps_the_contract(tmp_path):
    path = tmp_path / "own.toml"
    path.write_text(OWN, encoding="utf-8")
    assert len(OWN.strip().splitlines()) <= 20
    report = sn.check_space(path)
    assert report, str(report)
    assert len(report.kept) == len(CHECKS)
    assert report.space.format(report.space.enumerate()) == ["one", "two sigmoid", "two tanh"]
    assert "kept" in str(report)


class Forgetful(TabulatedSpace):
    """A family of one's own that forgot what a neighbour is."""

    def __init__(self, inner):
        self.inner, self.skeleton, self.gene_names = inner, inner.skeleton, inner.gene_names
        super().__init__("forgetful", inner.cardinalities.tolist())

    def _canonical_codes(self):
        return np.arange(self._total)

    def _members(self):
        return np.ones(self._total, dtype=bool)

    def parse(self, texts):
        return self.inner.parse(texts)

    def format(self, X):
        return self.inner.format(X)

    def graphs(self, X):
        return self.inner.graphs(X)

    def from_networkx(self, graphs):
        return self.inner.from_networkx(graphs)

    def neighbors(self, x):
        return self.enumerate()


@pytest.fixture
def forgetful():
    operations = (Operation("off", "none"), Operation("conv", "convolution", 3, True, 1.0))
    return Forgetful(EdgeCellSpace("inner", operations, 3, Skeleton("image")))


def test_a_broken_promise_is_named(forgetful):
    report = sn.check_space(forgetful)
    assert not report
    assert "Neighbours are valid and one edit away, both ways" in report.broken
    assert "BROKEN" in str(report)


def test_names_are_accepted():
    assert sn.check_space("nas-bench-201", runs=1)
    with pytest.raises(sn.SurrogateNASError, match="unknown space"):
        sn.check_space("nas-bench-200")
