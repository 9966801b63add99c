"""Spaces as data: what a definition says, what is wrong with a bad one, and that nothing is lost on the way back."""

import json

import numpy as np
import pytest

from surrogate_nas.core import InvalidInputError, SurrogateNASError, UnknownNameError
from surrogate_nas.spaces import define_space, describe_space, get_space, list_spaces
from surrogate_nas.testing.space import CHECKS

OWN = """
family = "edge-cell"
n_nodes = 3
operations = [
    { name = "off", kind = "none" },
    { name = "through", kind = "identity" },
    { name = "conv", kind = "convolution", kernel = 5, has_weights = true, cost = 1.0, traits = { normalised = 1.0 } },
]

[skeleton]
input_kind = "image"
stages = [2, 2]
channels = [16, 32]
reduction = "pooling"

[references]
"two convolutions" = "|conv~0|+|off~0|conv~1|"
"""


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "own-cells.toml"
    path.write_text(OWN, encoding="utf-8")
    return path


def test_a_file_defines_a_space(path):
    space = get_space(path)
    assert (space.name, space.size) == ("own-cells", 27)
    assert space.skeleton.stages == (2, 2)
    assert space.operations[2].traits == (("normalised", 1.0),)
    assert get_space(str(path)).parse("|conv~0|+|off~0|conv~1|").tolist() == [[2, 0, 2]]
    for check in CHECKS:
        check(space, np.random.default_rng(0))


@pytest.mark.parametrize("name", list_spaces())
def test_a_space_can_be_described_and_built_again(name):
    space = get_space(name)
    definition = describe_space(space)
    again = define_space(json.loads(json.dumps(definition)))
    assert describe_space(again) == definition
    assert (again.name, again.size, again.gene_names) == (space.name, space.size, space.gene_names)
    X = space.sample(20, 0)
    assert again.format(X) == space.format(X)
    np.testing.assert_array_equal(again.canonical(X), space.canonical(X))


def test_a_definition_may_extend_another():
    space = define_space({"extends": "nas-bench-graph", "name": "no attention", "allowed_operations": ["gcn", "skip"]})
    whole = get_space("nas-bench-graph")
    assert space.size < whole.size
    assert space.gene_names == whole.gene_names


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (("family", "edges"), "unknown family of spaces 'edges': expected one of edge-cell"),
        (("n_node", 3), "unknown key 'n_node'.*did you mean 'n_nodes'"),
        (("n_nodes", "three"), "got a value of another kind"),
        (("operations", "conv"), "operations: expected a list of tables, got 'conv'"),
        (("operations", [{"name": "conv", "knd": "none"}]), r"operations\[0\] 'knd'.*did you mean 'kind'"),
        (("operations", [{"name": "conv", "kind": "conv"}]), r"unknown kind in operations\[0\] 'conv'"),
        (("operations", [{"name": "conv"}]), r"operations\[0\]: expected name, kind"),
        (("operations", [{"name": "conv", "kind": "none", "traits": 3}]), r"operations\[0\]: expected name, kind"),
        (("operations", [3]), r"operations\[0\]: expected a table with name, kind"),
        (("skeleton", {}), "skeleton: expected input_kind"),
        (("skeleton", {"input": "image"}), "unknown key of skeleton 'input'"),
        (("extends", "nas-bench-200"), "did you mean 'nas-bench-201'"),
        (("name", ""), "expected a name"),
    ],
)
def test_what_is_wrong_is_named(change, expected):
    definition = describe_space(get_space("nas-bench-201"))
    with pytest.raises(SurrogateNASError, match=expected):
        define_space({**definition, change[0]: change[1]})


def test_what_is_missing_is_named():
    definition = describe_space(get_space("nas-bench-201"))
    for key in ("n_nodes", "operations", "skeleton", "family"):
        with pytest.raises(InvalidInputError, match=f"{key}: expected .*, got none"):
            define_space({k: v for k, v in definition.items() if k != key})
    with pytest.raises(InvalidInputError, match="name: expected a name"):
        define_space({k: v for k, v in definition.items() if k != "name"})


def test_files_that_define_nothing(tmp_path, path):
    with pytest.raises(InvalidInputError, match="missing.toml: expected a readable definition"):
        get_space(tmp_path / "missing.toml")
    path.write_text("family = ", encoding="utf-8")
    with pytest.raises(InvalidInputError, match="own-cells.toml: expected TOML"):
        get_space(path)
    with pytest.raises(UnknownNameError, match="unknown space"):
        get_space("own-cells")
    with pytest.raises(InvalidInputError, match="expected a dict or the path"):
        define_space(3)
