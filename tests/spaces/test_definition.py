"""Spaces as data: what a definition says, what is wrong with a bad one, and that nothing is lost on the way back."""

import inspect
import json
import tomllib

import numpy as np
import pytest

from surrogate_nas.core import InvalidInputError, SurrogateNASError, UnknownNameError
from surrogate_nas.spaces import define_space, describe_space, get_space, list_spaces
from surrogate_nas.spaces.definition import FAMILIES, _family
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


CONV = {"name": "conv", "kind": "convolution"}
IMAGE = {"input_kind": "image"}


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
    assert define_space(definition, name=name).definition == space.definition
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
        (("operations", [{"name": "conv", "kind": "conv"}]), "unknown kind of operation 'conv': 'conv'"),
        (("operations", [{"name": "conv"}]), r"operations\[0\]: expected name, kind"),
        (("operations", [{"name": "conv", "kind": "none", "traits": 3}]), r"operations\[0\]: expected traits as"),
        (("operations", [3]), r"operations\[0\]: expected a table with name, kind"),
        (("operations", [CONV, CONV]), "operation 1: expected a name of its own.*got 'conv'"),
        (("operations", [{**CONV, "name": 3}]), "operation: expected a name, got 3"),
        (("operations", [{**CONV, "kernel": -1}]), "operation 'conv', kernel: expected a whole .*, got -1"),
        (("operations", [{**CONV, "kernel": 1.5}]), "operation 'conv', kernel: expected a whole .*, got 1.5"),
        (("operations", [{**CONV, "kernel": "3"}]), "operation 'conv', kernel: expected a whole .*, got '3'"),
        (("operations", [{**CONV, "cost": -1.0}]), "operation 'conv', cost: expected a number .*, got -1.0"),
        (("operations", [{**CONV, "cost": float("nan")}]), "operation 'conv', cost: expected a number .*, got nan"),
        (("operations", [{**CONV, "has_weights": "yes"}]), "'conv', has_weights: expected true or false, got 'yes'"),
        (("operations", [{**CONV, "traits": {"big": 2}}]), "'conv', trait 'big': expected a number from 0 to 1, got 2"),
        (("operations", [{**CONV, "traits": {"big": "x"}}]), "'conv', trait 'big': expected a number .*, got 'x'"),
        (("skeleton", {"input_kind": "picture"}), "skeleton, input_kind: expected one of graph, .*, got 'picture'"),
        (("skeleton", {**IMAGE, "merge": "mean"}), "skeleton, merge: expected one of sum, concatenate, got 'mean'"),
        (("skeleton", {**IMAGE, "output_merge": 1}), "skeleton, output_merge: expected one of sum, .*, got 1"),
        (("skeleton", {**IMAGE, "stages": [2, 0]}), r"skeleton, stages: expected a list .*, got \(2, 0\)"),
        (("skeleton", {**IMAGE, "stages": 2}), "skeleton, stages: expected a list of whole numbers .*, got 2"),
        (("skeleton", {**IMAGE, "channels": [1.5]}), r"skeleton, channels: expected a list .*, got \(1.5,\)"),
        (("skeleton", {**IMAGE, "channels": [8, 16]}), "for each of 1 stages.*, got 2 channels and 0 strides"),
        (("skeleton", {**IMAGE, "strides": [1, 2]}), "for each of 1 stages.*, got 1 channels and 2 strides"),
        (("skeleton", {**IMAGE, "dropout": 1}), "skeleton, dropout: expected a number from 0 to below 1, got 1"),
        (("skeleton", {**IMAGE, "dropout": -0.1}), "skeleton, dropout: expected a number from 0 .*, got -0.1"),
        (("skeleton", {**IMAGE, "stem_layers": -1}), "skeleton, stem_layers: expected a whole number .*, got -1"),
        (("skeleton", {**IMAGE, "reduction": 3}), "skeleton, reduction: expected a text, got 3"),
        (("skeleton", {}), "skeleton: expected input_kind"),
        (("skeleton", {"input": "image"}), "unknown key of skeleton 'input'"),
        (("extends", "nas-bench-200"), "did you mean 'nas-bench-201'"),
        (("name", ""), "expected a name"),
        (("name", 3), "name: expected a name, got 3"),
        (("name", "../x"), "name: expected a plain name .*, got '../x'"),
        (("name", "a\nb"), "name: expected a plain name"),
        (("n_nodes", 3), "'nas-bench-201' names another space, of the catalogue; choose another name"),
        (("name", "nas-bench-graph"), "'nas-bench-graph' names another space"),
    ],
)
def test_what_is_wrong_is_named(change, expected):
    definition = describe_space(get_space("nas-bench-201"))
    with pytest.raises(SurrogateNASError, match=expected):
        define_space({**definition, change[0]: change[1]})


@pytest.mark.parametrize("name", list_spaces())
def test_the_same_parts_may_have_the_catalogues_name(name):
    known = get_space(name)
    parts = {p: getattr(known, p) for p in inspect.signature(type(known)).parameters if p != "size"}
    built = type(known)(**parts)
    assert built.definition is None
    assert define_space(describe_space(built)).name == name


def test_what_is_missing_is_named():
    definition = describe_space(get_space("nas-bench-201"))
    for key in ("n_nodes", "operations", "skeleton", "family"):
        with pytest.raises(InvalidInputError, match=f"{key}: expected .*, got none"):
            define_space({k: v for k, v in definition.items() if k != key})
    with pytest.raises(InvalidInputError, match="name: expected a name"):
        define_space({k: v for k, v in definition.items() if k != "name"})


def test_the_help_suffices_to_declare_a_space():
    text = define_space.__doc__
    for family in FAMILIES:
        kind = _family(family)
        line = text[text.index(f"* ``{family}``:") :].split("\n    * ")[0]
        for key in inspect.signature(kind).parameters:
            assert f"``{key}``" in line or key in ("name", "skeleton", "references"), (family, key)
    example = inspect.cleandoc(text).split("::\n")[1].split("Args:")[0]
    space = define_space(tomllib.loads(inspect.cleandoc(example)))
    assert space.format(space.enumerate()) == [
        "conv depth 2", "conv depth 4", "conv depth 8",
        "patch size 4 depth 2", "patch size 8 depth 2", "patch size 16 depth 2",
    ]  # fmt: skip


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
