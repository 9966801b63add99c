"""Search spaces written down as plain values, so that a saved predictor knows what its rows mean."""

from typing import Any

from surrogate_nas.core import InvalidInputError
from surrogate_nas.spaces import SearchSpace, define_space, get_space, list_spaces
from surrogate_nas.spaces import describe_space as definition_of

Values = dict[str, Any]


def describe_space(space: SearchSpace) -> Values:
    """What a space's rows mean, as values that JSON can hold.

    A space of a user's own family is described by its rows only; :func:`rebuild_space` then has to be
    given the space itself.

    Args:
        space: Any search space.
    """
    definition = definition_of(space)
    return {
        "name": space.name,
        "genes": list(space.gene_names),
        "cardinalities": [int(c) for c in space.cardinalities],
        "definition": definition if "family" in definition else None,
    }


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
        if own["cardinalities"] != values["cardinalities"] or own["definition"] != values["definition"]:
            raise InvalidInputError(
                f"space: expected the one the predictor was saved with ({values['name']!r}, cardinalities "
                f"{values['cardinalities']}), got {given!r}"
            )
        return given
    if values["definition"] is None:
        raise InvalidInputError(
            f"space {values['name']!r} is of a family of your own: pass it as load_predictor(path, space=...)"
        )
    if values["name"] in list_spaces():
        known = get_space(values["name"])
        if describe_space(known) == values:
            return known
    return define_space(values["definition"], name=str(values["name"]))
