"""Which sets of operations features are computed for: all of them, or those that mean something."""

from itertools import combinations

import numpy as np
import numpy.typing as npt

from surrogate_nas.spaces.operations import Operation

#: Up to this many operations every subset is taken: 2**4 - 1 sets.
ALL_SUBSETS_UP_TO = 4


def operation_sets(vocabulary: tuple[Operation, ...], *, pairs: bool = True) -> tuple[npt.NDArray[np.bool_], list[str]]:
    """Sets of operations that compute something (no input, output, identity, none or state).

    Small vocabularies give all subsets. Large ones give single operations, groups that share an
    attribute (kind, weights, kernel, trait), the whole, and all pairs if asked for.

    Args:
        vocabulary: Operations of a GraphBatch.
        pairs: Whether large vocabularies give pairs too.

    Returns:
        bool of shape (s, vocabulary) and a name for each set.
    """
    working = [i for i, op in enumerate(vocabulary) if op.kind not in ("input", "output", "identity", "none", "state")]
    found: dict[frozenset[int], str] = {}
    sizes = range(1, len(working) + 1) if len(working) <= ALL_SUBSETS_UP_TO else (1, 2) if pairs else (1,)
    for size in sizes:
        for chosen in combinations(working, size):
            found[frozenset(chosen)] = "+".join(vocabulary[i].name for i in chosen)
    for name, group in _groups(vocabulary, working):
        found.setdefault(frozenset(group), name)
    sets = np.zeros((len(found), len(vocabulary)), dtype=bool)
    for row, members in zip(sets, found, strict=True):
        row[list(members)] = True
    return sets, list(found.values())


def _groups(vocabulary: tuple[Operation, ...], working: list[int]) -> list[tuple[str, list[int]]]:
    groups = [("any", working), ("weighted", [i for i in working if vocabulary[i].has_weights])]
    groups += [("wide", [i for i in working if vocabulary[i].kernel > 1])]
    for kind in sorted({vocabulary[i].kind for i in working}):
        groups.append((f"kind {kind}", [i for i in working if vocabulary[i].kind == kind]))
    for trait in sorted({t for i in working for t, _ in vocabulary[i].traits}):
        groups.append((f"trait {trait}", [i for i in working if dict(vocabulary[i].traits).get(trait, 0.0) > 0.5]))
    for cost in sorted({vocabulary[i].cost for i in working}):
        groups.append((f"cost {cost:g}", [i for i in working if vocabulary[i].cost == cost]))
    return [(name, group) for name, group in groups if group]
