"""Search spaces written down as plain values, so that a saved predictor knows what its rows mean."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from surrogate_nas.core import InvalidInputError, choose
from surrogate_nas.spaces import EdgeCellSpace, NodeCellSpace, Operation, SearchSpace, Skeleton, get_space, list_spaces

Values = dict[str, Any]


def describe_space(space: SearchSpace) -> Values:
    """What defines a space, as values that JSON can hold.

    A space of a user's own family is described by its rows only; :func:`rebuild_space` then has to be
    given the space itself.

    Args:
        space: Any search space.
    """
    rows = {"name": space.name, "genes": list(space.gene_names), "cardinalities": [int(c) for c in space.cardinalities]}
    for family, (kind, describe, _) in _FAMILIES.items():
        if isinstance(space, kind):
            return {"family": family, **rows, "definition": _plain(describe(space))}
    return {"family": None, **rows}


def rebuild_space(values: Values, given: SearchSpace | None = None) -> SearchSpace:
    """The space that :func:`describe_space` described; the catalogue's own object where they are the same.

    Args:
        values: The description.
        given: The space to use instead, whose rows have to mean the same.

    Raises:
        InvalidInputError: ``given`` has other rows, or it is needed and missing.
    """
    if given is not None:
        own = describe_space(given)
        if own["cardinalities"] != values["cardinalities"] or own.get("definition") != values.get("definition"):
            raise InvalidInputError(
                f"space: expected the one the predictor was saved with ({values['name']!r}, cardinalities "
                f"{values['cardinalities']}), got {given!r}"
            )
        return given
    if values["family"] is None:
        raise InvalidInputError(
            f"space {values['name']!r} is of a family of your own: pass it as load_predictor(path, space=...)"
        )
    if values["name"] in list_spaces():
        known = get_space(values["name"])
        if describe_space(known) == values:
            return known
    _, _, build = choose("family of spaces", values["family"], _FAMILIES)
    return build(str(values["name"]), values["definition"])


def _plain(value: Any) -> Any:
    """Tuples as lists, the way JSON gives them back."""
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    return value


def _describe_edges(space: EdgeCellSpace) -> Values:
    operations = [asdict(op) for op in space.operations]
    return {"operations": operations, "n_nodes": space.n_nodes, "skeleton": asdict(space.skeleton)}


def _build_edges(name: str, values: Values) -> SearchSpace:
    return EdgeCellSpace(name, _operations(values), int(values["n_nodes"]), _skeleton(values))


def _describe_nodes(space: NodeCellSpace) -> Values:
    return {
        "operations": [asdict(op) for op in space.operations],
        "wirings": space.wirings,
        "skeleton": asdict(space.skeleton),
        "allowed_operations": space.allowed_operations,
        "references": space.references,
    }


def _build_nodes(name: str, values: Values) -> SearchSpace:
    return NodeCellSpace(
        name,
        _operations(values),
        values["wirings"],
        _skeleton(values),
        values["allowed_operations"],
        values["references"],
    )


def _operations(values: Values) -> list[Operation]:
    return [
        Operation(**{**op, "traits": tuple((str(name), float(x)) for name, x in op["traits"])})
        for op in values["operations"]
    ]


def _skeleton(values: Values) -> Skeleton:
    fields: Values = {k: tuple(v) if isinstance(v, list) else v for k, v in values["skeleton"].items()}
    return Skeleton(**fields)


_FAMILIES: dict[str, tuple[type, Callable[[Any], Values], Callable[[str, Values], SearchSpace]]] = {
    "edge-cell": (EdgeCellSpace, _describe_edges, _build_edges),
    "node-cell": (NodeCellSpace, _describe_nodes, _build_nodes),
}
