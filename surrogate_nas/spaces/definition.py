"""Spaces as data: a TOML file or a dict says which family a space belongs to and with which parts.

    family = "edge-cell"
    n_nodes = 4
    operations = [
        { name = "none", kind = "none" },
        { name = "skip", kind = "identity" },
        { name = "conv", kind = "convolution", kernel = 3, has_weights = true, cost = 9.0 },
    ]

    [skeleton]
    input_kind = "image"
    stages = [2, 2]
    channels = [16, 32]

The keys are the parameters of the family's class, where their meaning stands; :data:`FAMILIES` lists the classes,
and :func:`define_space` says in short what each family takes.
"""

import inspect
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import MISSING, asdict, fields, is_dataclass
from importlib import import_module
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from surrogate_nas.core import InvalidInputError, SurrogateNASError, UnknownNameError, choose
from surrogate_nas.spaces.base import SearchSpace
from surrogate_nas.spaces.choices.chain import Layer, Parameter, Total
from surrogate_nas.spaces.choices.choice import Choice, Limit
from surrogate_nas.spaces.operations import Operation
from surrogate_nas.spaces.skeleton import Skeleton
from surrogate_nas.spaces.text import check_name, shorten

Definition = dict[str, Any]

#: Families by name: module, and the class or the function that builds one. A class keeps every parameter on its
#: spaces under the same name.
FAMILIES = {
    "edge-cell": ("edge_cell", "EdgeCellSpace"),
    "node-cell": ("node_cell", "NodeCellSpace"),
    "dag-cell": ("dag_cell", "DagCellSpace"),
    "two-cell": ("two_cell", "TwoCellSpace"),
    "choices": ("choices", "ChoiceSpace"),
    "sequence": ("choices", "sequence_space"),
    "chain": ("choices", "chain_space"),
    "mlp": ("choices", "mlp_space"),
}

#: What a space can be called.
NAME = re.compile(r"[^\s./\\\0][^/\\\0\r\n]*")

#: Where the definitions of the catalogue's spaces lie.
CATALOGUE = Path(__file__).parent / "definitions"


def define_space(source: "Mapping[str, Any] | str | PathLike[str]", *, name: str | None = None) -> SearchSpace:
    """Build the space that a definition describes.

    Every definition has ``family``, ``name`` (the file's, if it is left out) and
    ``skeleton = { input_kind = "graph" | "image" | "sequence" | "tabular", stages = [2, 2], channels = [16, 32] }``;
    ``references = { name = "text" }`` may add architectures made by hand. ``extends = "nas-bench-201"`` takes from a
    space of the catalogue what is not written. An operation is a table with ``name``, ``kind`` (one of ``KINDS``) and
    perhaps ``kernel``, ``has_weights``, ``cost``, ``traits = { name = 0..1 }``, ``settings = { name = number }``
    (:mod:`surrogate_nas.networks.chain_network` lists those that layers are built with). The families and their other
    keys:

    * ``edge-cell``: ``operations``, ``n_nodes``; perhaps ``digit_form``, ``strided_input``. Operations on all edges.
    * ``node-cell``: ``operations``, ``wirings`` (lists of inputs); perhaps ``allowed_operations``. Trees of operations.
    * ``dag-cell``: ``operations``, ``max_nodes``, ``max_edges``; perhaps ``size``. Any wiring of a few nodes.
    * ``two-cell``: ``operations``, ``n_nodes``; perhaps ``n_inputs``, ``edges_per_node``. Normal and reduction cell.
    * ``choices``: ``choices``; perhaps ``limits``, ``nodes``, ``prefix``, ``suffix``, ``interchangeable``. One gene per
      choice, see below.
    * ``sequence``: ``options``, ``length`` (a number, or the smallest and the largest), ``operations`` (one for each
      option, or one for all); perhaps ``sets``, ``totals``, ``prefix``, ``separator``, ``suffix``, ``position``,
      ``stages`` (behind the first position of each an identity may stand anywhere).
    * ``chain``: ``layers`` (tables with ``operation``, ``parameters``, ``after``, ``divides``), ``n_layers``; perhaps
      ``length``, ``separator``. Layers of several kinds one after the other.
    * ``mlp``: ``widths``, ``n_layers``, ``activations``, ``normalisations``, ``dropouts``. Multilayer perceptrons.

    A choice names its ``options``, and the ``operations`` that these stand for or, with ``refines``, the earlier choice
    that it specifies. ``when`` says with which earlier options it is made at all, ``needs`` what single options of it
    require, ``limits`` what amounts have to add up to::

        family = "choices"
        name = "small vision"
        skeleton = { input_kind = "image" }
        limits = [{ amounts = { stem = { patch = 2 }, depth = { 8 = 3 } }, most = 4 }]

        [[choices]]
        name = "stem"
        options = ["conv", "patch"]
        operations = [
            { name = "conv", kind = "convolution", kernel = 3 },
            { name = "patch", kind = "convolution", settings = { downsamples = 1 } },
        ]

        [[choices]]
        name = "size"
        options = [4, 8, 16]
        before = " size "
        when = { stem = ["patch"] }
        refines = "stem"
        sets = "kernel"

        [[choices]]
        name = "depth"
        options = [2, 4, 8]
        before = " depth "
        operations = { name = "block", kind = "convolution", kernel = 3, has_weights = true, cost = 1.0 }
        sets = "repeats"
        needs = { 4 = { stem = ["conv"] } }

    Args:
        source: The definition, or the path of a TOML file that holds it.
        name: Name of the space; None takes the definition's ``name``, or the file's.

    Raises:
        InvalidInputError: Not a definition; the message names the key at fault.
        UnknownNameError: A family, or a key, that does not exist.
    """
    if isinstance(source, Mapping):
        return _build(dict(source), name)
    if not isinstance(source, str | PathLike):
        raise InvalidInputError(f"space: expected a dict or the path of a TOML file, got {shorten(source)}")
    path = Path(source)
    try:
        return _build(read_definition(path), name, path.stem)
    except SurrogateNASError as error:
        raise type(error)(f"{path}: {error}") from None


def describe_space(space: SearchSpace) -> Definition:
    """The definition of a space: ``define_space(describe_space(space))`` builds an equal one.

    All values are what JSON can hold. A space of a user's own family has none: then only ``name`` is given.

    Args:
        space: Any search space.
    """
    if space.definition is not None:
        return {**space.definition, "name": space.name}
    for family, (_, kind) in FAMILIES.items():
        if type(space).__name__ == kind and type(space) is _family(family):
            return {"family": family, "name": space.name, **_parts(space)}
    return {"name": space.name}


def read_definition(path: Path) -> Definition:
    """Read a TOML file.

    Raises:
        InvalidInputError: The file cannot be read, or is not TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidInputError(f"expected a readable definition of a space ({error.strerror})") from None
    except ValueError as error:
        raise InvalidInputError(f"expected TOML, got something else ({error})") from None


def _build(content: Definition, name: str | None, otherwise: str = "") -> SearchSpace:
    content = _extended(content)
    given = content.pop("name", otherwise)
    content = {"name": given if name is None else name, **content}
    check_space_name(content["name"])
    if "family" not in content:
        raise InvalidInputError(f'family: expected one of {", ".join(FAMILIES)}, got none; write family = "..."')
    definition = _plain(content)
    family = _family(content.pop("family"))
    known_keys = _parameters(family)
    for key in content:
        if key not in known_keys:
            raise UnknownNameError.of("key", key, [*known_keys, "extends", "family"])
    for key, parameter in known_keys.items():
        if key not in content and parameter.default is parameter.empty:
            raise InvalidInputError(f"{key}: expected a value, got none; {family.__name__} needs it")
    parts = {key: _converted(key, value, key) for key, value in content.items()}
    try:
        space = family(**parts)
    except (TypeError, AttributeError, KeyError, IndexError) as error:
        raise InvalidInputError(
            f"expected the parts of {family.__name__} as its documentation gives them, got a value of another kind "
            f"({' '.join(str(error).split()):.120})"
        ) from None
    space.definition = definition
    _check_against_catalogue(space, definition)
    return space


def _check_against_catalogue(space: SearchSpace, definition: Definition) -> None:
    """Tables, runs and predictors are kept by the names of spaces: those of the catalogue mean one thing only."""
    path = CATALOGUE / f"{space.name}.toml"
    if not path.is_file() or definition == _plain({**_extended(read_definition(path)), "name": space.name}):
        return
    known = define_space(path)
    if type(space) is not type(known) or _parts(space, "size") != _parts(known, "size"):
        raise InvalidInputError(f"name: {space.name!r} names another space, of the catalogue; choose another name")


def _parts(space: SearchSpace, *but: str) -> Definition:
    """What a space was constructed from, but for its name."""
    return {p: _plain(getattr(space, p)) for p in _parameters(type(space)) if p not in ("name", *but)}


def _extended(content: Definition) -> Definition:
    """A definition with what it takes from the space that it extends."""
    if "extends" not in content:
        return content
    known = {p.stem: p for p in sorted(CATALOGUE.glob("*.toml"))}
    base = read_definition(choose("space to extend", content["extends"], known))
    return _extended({**base, **{key: value for key, value in content.items() if key != "extends"}})


def check_space_name(name: object) -> None:
    """Check that a space has a plain name: files are called by it.

    Args:
        name: What the user gave.

    Raises:
        InvalidInputError: No name, or one that could stand for another place on a disk.
    """
    check_name(name, "name")
    if not NAME.fullmatch(str(name)):
        raise InvalidInputError(
            f"name: expected a plain name of one line, without slashes and not beginning with a dot or a blank, got "
            f"{shorten(name)}; rename the space"
        )


def _family(name: str) -> Callable[..., SearchSpace]:
    module, kind = choose("family of spaces", name, FAMILIES)
    family: Callable[..., SearchSpace] = getattr(import_module(f"surrogate_nas.spaces.{module}"), kind)
    return family


def _parameters(family: Any) -> Mapping[str, inspect.Parameter]:
    return inspect.signature(family).parameters


def _plain(value: Any) -> Any:
    """As JSON and TOML hold it."""
    if is_dataclass(value) and not isinstance(value, type):
        return _plain(asdict(value))
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    return value.item() if isinstance(value, np.generic) else value


def _converted(key: str, value: Any, path: str) -> Any:
    """A value of a definition as the constructors take it; ``path`` says where it stands, for messages."""
    kind = _KINDS.get(key)
    if kind is None or value is None:
        return value
    if not isinstance(value, list | tuple):
        if key in _SINGLE or (kind is Operation and isinstance(value, Mapping)):
            return _made(kind, value, path)
        raise InvalidInputError(f"{path}: expected a list of tables, got {shorten(value)}")
    return tuple(None if v is None else _made(kind, v, f"{path}[{i}]") for i, v in enumerate(value))


def _made(kind: type, value: Any, path: str) -> Any:
    """One object of a dataclass from a table with its fields."""
    names = [f.name for f in fields(kind)]
    if not isinstance(value, Mapping):
        raise InvalidInputError(f"{path}: expected a table with {', '.join(names)}, got {shorten(value)}")
    parts: Definition = {}
    for name, part in value.items():
        if name not in names:
            raise UnknownNameError.of(f"key of {path}", name, names)
        nested = _converted(name, part, f"{path}.{name}")
        parts[name] = tuple(nested) if isinstance(nested, list) else nested
    try:
        if kind is Operation:
            return _operation(parts, path)
        return kind(**parts)
    except (TypeError, AttributeError):
        needed = [f.name for f in fields(kind) if f.default is MISSING and f.default_factory is MISSING]
        raise InvalidInputError(f"{path}: expected {', '.join(needed)} and more, got {shorten(dict(value))}") from None


def _operation(parts: Definition, path: str) -> Operation:
    named: dict[str, Any] = {}
    for key in ("traits", "settings"):
        given = parts.pop(key, ())
        pairs = given.items() if isinstance(given, Mapping) else given
        try:
            named[key] = tuple((str(name), size) for name, size in pairs)
        except (TypeError, ValueError):
            raise InvalidInputError(f"{path}: expected {key} as {{ name = 1.0 }}, got {shorten(given)}") from None
    return Operation(**parts, **named)


#: Keys whose values are more than numbers, text and lists, and what they are made of.
_KINDS: dict[str, type] = {
    "operations": Operation,
    "operation": Operation,
    "activations": Operation,
    "normalisations": Operation,
    "skeleton": Skeleton,
    "choices": Choice,
    "limits": Limit,
    "totals": Total,
    "layers": Layer,
    "parameters": Parameter,
}

#: Keys that hold one of them rather than a list.
_SINGLE = frozenset({"operation", "skeleton"})
