"""Looks over tree models from a file before XGBoost does, which trusts its input and aborts on nonsense.

XGBoost writes Universal Binary JSON: every value has a one-byte marker, lengths are 64-bit, arrays of
numbers are raw big-endian bytes. The reader here takes that dialect and nothing else; the check then
makes sure that following a tree never leaves its arrays.
"""

import struct
from typing import Any

import numpy as np

from surrogate_nas.core import InvalidInputError

#: Markers of numbers, and what they stand for.
_NUMBERS = {b"i": ">i1", b"U": ">u1", b"I": ">i2", b"l": ">i4", b"L": ">i8", b"d": ">f4", b"D": ">f8"}

#: Deeper than any tree model XGBoost writes.
_MAX_DEPTH = 16

#: Arrays of a tree with one entry per node, and their kind: XGBoost does not look at the kind it is given.
_PER_NODE = {
    "base_weights": ">f4",
    "default_left": ">u1",
    "left_children": ">i4",
    "loss_changes": ">f4",
    "parents": ">i4",
    "right_children": ">i4",
    "split_conditions": ">f4",
    "split_indices": ">i4",
    "split_type": ">u1",
    "sum_hessian": ">f4",
}

#: Arrays of a tree that are empty unless there are categories, which no regressor here makes.
_CATEGORIES = ("categories", "categories_nodes", "categories_segments", "categories_sizes")

#: What XGBoost writes in place of the root's parent.
_NO_PARENT = 2**31 - 1


def read_ubj(raw: bytes) -> Any:
    """Read a whole document; arrays of numbers become numpy arrays.

    Args:
        raw: Bytes as XGBoost's ``save_raw("ubj")`` gives them.

    Raises:
        InvalidInputError: Anything else than one such document.
    """
    try:
        reader = _Reader(raw)
        value = reader.value(0)
    except (IndexError, ValueError, KeyError, struct.error, UnicodeDecodeError):
        raise InvalidInputError("booster: damaged, or not XGBoost's UBJ format; save the predictor again") from None
    if reader.at != len(raw):
        raise InvalidInputError("booster: expected one document, something follows it; save the predictor again")
    return value


def check_booster(raw: bytes, n_features: int) -> list[dict[str, Any]]:
    """Make sure that bytes hold plain regression trees that can be followed without leaving them.

    Args:
        raw: Bytes from a file.
        n_features: Number of features that the trees may ask for.

    Returns:
        The trees, as XGBoost's model schema lays them out.

    Raises:
        InvalidInputError: The model is anything else.
    """
    document = read_ubj(raw)
    try:
        learner = document["learner"]
        booster = learner["gradient_booster"]
        model = booster["model"]
        trees: list[dict[str, Any]] = model["trees"]
        parameters = learner["learner_model_param"]
        per_round = int(model["gbtree_model_param"]["num_parallel_tree"])
        rounds = [int(i) for i in model["iteration_indptr"]]
        sound = (
            set(document) == {"learner", "version"}
            and len(document["version"]) == 3
            and not any(len(learner[name]) for name in ("attributes", "feature_names", "feature_types"))
            and booster["name"] == "gbtree"
            and learner["objective"]["name"] in ("reg:squarederror", "rank:pairwise")
            and (parameters["num_class"], parameters["num_target"]) == ("0", "1")
            and int(parameters["num_feature"]) == n_features
            and not any(len(part) for part in model["cats"].values())
            and per_round >= 1
            and int(model["gbtree_model_param"]["num_trees"]) == len(trees) == len(model["tree_info"])
            and rounds == list(range(0, len(trees) + 1, per_round))
            and not any(int(i) for i in model["tree_info"])
            and all(_is_sound(tree, number, n_features) for number, tree in enumerate(trees))
        )
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError):
        sound = False
    if not sound:
        raise InvalidInputError(
            f"booster: expected regression trees over {n_features} features, got something else; "
            "save the predictor again"
        )
    return trees


def _is_sound(tree: dict[str, Any], number: int, n_features: int) -> bool:
    """Whether every path from the root ends at a leaf, inside the tree's arrays, asking for existing features."""
    size = int(tree["tree_param"]["num_nodes"])
    if set(tree) != {"id", "tree_param", *_PER_NODE, *_CATEGORIES} or size < 1:
        return False
    if any(tree[name].dtype != kind or tree[name].shape != (size,) for name, kind in _PER_NODE.items()):
        return False
    expected = {"num_deleted": "0", "num_feature": str(n_features), "num_nodes": str(size)}
    if tree["tree_param"] != {**expected, "size_leaf_vector": tree["tree_param"]["size_leaf_vector"]}:
        return False
    inner = np.flatnonzero(tree["left_children"] != -1)
    children = np.concatenate([tree["left_children"][inner], tree["right_children"][inner]])
    parents = np.full(size, _NO_PARENT)
    if not ((children > 0) & (children < size)).all():
        return False
    parents[children] = np.concatenate([inner, inner])
    return bool(
        tree["id"] == number
        and tree["tree_param"]["size_leaf_vector"] in ("0", "1")
        and len(children) == size - 1 == len(np.unique(children))  # one parent each and none for the root
        and (tree["right_children"][tree["left_children"] == -1] == -1).all()
        and np.array_equal(tree["parents"], parents)
        and ((tree["split_indices"] >= 0) & (tree["split_indices"] < n_features)).all()
        and (tree["default_left"] <= 1).all()
        and not tree["split_type"].any()
        and not any(len(tree[name]) for name in _CATEGORIES)
    )


class _Reader:
    """Reads one value after the other."""

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self.at = 0

    def take(self, count: int) -> bytes:
        """The next bytes."""
        if not 0 <= count <= len(self.raw) - self.at:
            raise ValueError("the file ends early")
        self.at += count
        return self.raw[self.at - count : self.at]

    def value(self, depth: int) -> Any:
        """The next value."""
        if depth > _MAX_DEPTH:
            raise ValueError("too deep")
        marker = self.take(1)
        if marker == b"{":
            return self.mapping(depth)
        if marker == b"[":
            return self.array(depth)
        if marker == b"S":
            return self.text()
        return self.numbers(marker, 1)[0].item()

    def mapping(self, depth: int) -> dict[str, Any]:
        """A mapping after its opening brace."""
        found: dict[str, Any] = {}
        while self.raw[self.at : self.at + 1] != b"}":
            key = self.text()
            if key in found:
                raise ValueError("a key comes twice")
            found[key] = self.value(depth + 1)
        self.take(1)
        return found

    def array(self, depth: int) -> Any:
        """An array after its opening bracket: typed numbers, or a counted list of values."""
        kind = self.take(1)
        if kind == b"$":
            marker, count = self.take(2), self.size()
            if marker[1:] != b"#":
                raise ValueError("no length")
            return self.numbers(marker[:1], count)
        if kind != b"#":
            raise ValueError("no length")
        return [self.value(depth + 1) for _ in range(min(self.size(), len(self.raw)))]

    def numbers(self, marker: bytes, count: int) -> Any:
        """So many numbers of one kind."""
        kind = np.dtype(_NUMBERS[marker])
        return np.frombuffer(self.take(count * kind.itemsize), dtype=kind)

    def text(self) -> str:
        """A text: its length, then UTF-8."""
        return self.take(self.size()).decode()

    def size(self) -> int:
        """A length."""
        if self.take(1) != b"L":
            raise ValueError("no length")
        return int(struct.unpack(">q", self.take(8))[0])
