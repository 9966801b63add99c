"""Data sets for node classification: checked once, when they are made."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from surrogate_nas.core import InvalidInputError, as_generator
from surrogate_nas.core.random import RandomState
from surrogate_nas.training.datasets.splitting import Split, given_splits

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)  # arrays do not compare; one object, one data set
class GraphDataset:
    """One graph whose nodes carry features and a class.

    Attributes:
        name: What results call it.
        x: Standardised features, float32 of shape (n, f).
        y: Class per node, int64 of shape (n,), 0 to num_classes - 1.
        edge_index: Sources and targets, int64 of shape (2, e); no loops, no edge twice.
        splits: One or more; with several, a score is the mean over them.
        recipe: How training differs from the defaults of graphs, by name of a field of ``Recipe``.
    """

    input_kind: ClassVar[str] = "graph"

    name: str
    x: Floats
    y: Ints
    edge_index: Ints
    splits: tuple[Split, ...]
    recipe: Mapping[str, Any] = field(default_factory=dict)

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of what a network sees of one node: (features,)."""
        return self.x.shape[1:]

    @property
    def num_outputs(self) -> int:
        """Numbers a network gives per node: one per class."""
        return self.num_classes

    @property
    def regression(self) -> bool:
        """Whether a number is predicted; nodes have classes."""
        return False

    @property
    def num_classes(self) -> int:
        """Number of classes."""
        return int(self.y.max()) + 1

    def descriptors(self) -> dict[str, float]:
        """Numbers that describe the task, for predictors that learn across tasks.

        Returns:
            nodes, edges, features, classes; mean_degree and degree_spread (standard deviation over mean);
            homophily (share of edges between nodes of one class); label_rate (share of nodes with a training
            label); resplits.
        """
        n, e = len(self.y), self.edge_index.shape[1]
        degree = np.bincount(self.edge_index[1], minlength=n)
        same = self.y[self.edge_index[0]] == self.y[self.edge_index[1]]
        return {
            "nodes": float(n),
            "edges": float(e),
            "features": float(self.x.shape[1]),
            "classes": float(self.num_classes),
            "mean_degree": e / n,
            "degree_spread": float(degree.std() / degree.mean()) if e else 0.0,
            "homophily": float(same.mean()) if e else 0.0,
            "label_rate": float(np.mean([len(s.train) for s in self.splits])) / n,
            "resplits": float(len(self.splits)),
        }


def graph_dataset(
    X: npt.ArrayLike,
    y: npt.ArrayLike,
    *,
    edges: npt.ArrayLike | None = None,
    k: int | None = None,
    name: str = "user",
    splits: Sequence[tuple[npt.ArrayLike, npt.ArrayLike, npt.ArrayLike]] | None = None,
    labelled_per_class: int = 10,
    num_val: int | None = None,
    resplits: int = 1,
    random_state: RandomState = 0,
) -> GraphDataset:
    """Make a data set of one's own.

    Args:
        X: Features per node, float of shape (n, f); standardised here.
        y: Class label per node, shape (n,), of any type that sorts.
        edges: Pairs of nodes, int of shape (m, 2); taken both ways, loops and repeats dropped. Or give ``k``.
        k: Join each node with its k nearest by Euclidean distance of the standardised features, both ways.
        name: What results call it.
        splits: (train, val, test) positions, one triple or more; None draws them.
        labelled_per_class: Training nodes per class, where splits are drawn.
        num_val: Validation nodes, where splits are drawn; None is half of what training leaves.
        resplits: How many splits are drawn; a score is the mean over them. Several make small data usable.
        random_state: Seed of the splits.

    Raises:
        InvalidInputError: One line on what is wrong with the features, labels, edges or splits.
    """
    features, labels = _checked_features(X), _checked_labels(y)
    if len(labels) != len(features):
        raise InvalidInputError(f"y: expected one label per node ({len(features)}), got {len(labels)}")
    if (edges is None) == (k is None):
        got = "neither" if k is None else "both"
        raise InvalidInputError(f"graph: expected either edges=... or k=..., got {got}")
    edge_index = _checked_edges(nearest_neighbours(features, int(k or 0)) if edges is None else edges, len(labels))
    if splits is None:
        drawn = draw_splits(labels, labelled_per_class, num_val, resplits, random_state)
    else:
        names = [str(c) for c in range(int(labels.max()) + 1)]
        drawn = given_splits(splits, labels, classes=names, things="nodes")
        sizes = {tuple(map(len, s)) for s in drawn}
        if len(sizes) != 1:
            raise InvalidInputError(
                f"splits: expected one or more (train, val, test) of equal sizes, got sizes {sorted(sizes)}"
            )
    return GraphDataset(name, features, labels, edge_index, drawn)


def draw_splits(
    y: Ints, labelled_per_class: int, num_val: int | None, resplits: int, random_state: RandomState
) -> tuple[Split, ...]:
    """Draw splits: so many labelled nodes of each class, the rest to validation and test.

    Raises:
        InvalidInputError: A class is too small, or nothing is left for a split.
    """
    counts = np.bincount(y)
    if labelled_per_class < 1 or resplits < 1:
        raise InvalidInputError(
            f"splits: expected labelled_per_class >= 1 and resplits >= 1, got {labelled_per_class} and {resplits}"
        )
    # Every class has to appear in validation and test too.
    if counts.min() < labelled_per_class + 2:
        raise InvalidInputError(
            f"class {int(counts.argmin())}: expected at least {labelled_per_class + 2} nodes ({labelled_per_class} to "
            f"train on, one each for validation and test), got {int(counts.min())}; lower labelled_per_class"
        )
    left = len(y) - labelled_per_class * len(counts)
    n_val = left // 2 if num_val is None else num_val
    if not 1 <= n_val < left:
        raise InvalidInputError(f"num_val: expected 1 to {left - 1} of the {left} nodes that are left, got {n_val}")
    rng = as_generator(random_state)
    return tuple(_draw_split(y, labelled_per_class, n_val, rng) for _ in range(resplits))


def _draw_split(y: Ints, labelled_per_class: int, n_val: int, rng: np.random.Generator) -> Split:
    order = rng.permutation(len(y))
    classes = range(int(y.max()) + 1)
    train = np.concatenate([order[y[order] == c][:labelled_per_class] for c in classes])
    rest = order[~np.isin(order, train)]
    return Split(np.sort(train), np.sort(rest[:n_val]), np.sort(rest[n_val:]))


def standardise(X: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Zero mean and unit variance per column; constant columns become zero."""
    centred = X - X.mean(axis=0)
    spread = centred.std(axis=0)
    return centred / np.where(spread > 1e-12 * np.maximum(1.0, np.abs(X).max(axis=0)), spread, np.inf)


def _checked_features(X: npt.ArrayLike) -> Floats:
    try:
        features = np.asarray(X, dtype=np.float64)
    except (TypeError, ValueError):
        raise InvalidInputError("X: expected numbers of shape (nodes, features); encode text columns first") from None
    if features.ndim != 2 or features.shape[0] < 2 or features.shape[1] < 1:
        raise InvalidInputError(f"X: expected numbers of shape (nodes, features), got shape {features.shape}")
    bad = np.argwhere(~np.isfinite(features))
    if len(bad):
        raise InvalidInputError(
            f"X: expected finite features, got {len(bad)} NaN or infinite value(s), the first at node {bad[0][0]}, "
            f"feature {bad[0][1]}; fill or drop them first"
        )
    return standardise(features).astype(np.float32)


def _checked_labels(y: npt.ArrayLike) -> Ints:
    labels = np.asarray(y)
    if labels.ndim != 1:
        raise InvalidInputError(f"y: expected one label per node, shape (nodes,), got shape {labels.shape}")
    if labels.dtype.kind == "f" and not np.isfinite(labels).all():
        raise InvalidInputError("y: expected a class per node, got NaN or infinite labels; drop those nodes first")
    classes, codes = np.unique(labels, return_inverse=True)
    if len(classes) < 2:
        raise InvalidInputError(f"y: expected at least two classes, got one, {classes.tolist()}; check the labels")
    if len(classes) > len(labels) // 2:
        raise InvalidInputError(
            f"y: expected classes that repeat, got {len(classes)} different labels on {len(labels)} nodes; "
            "regression targets have to be binned first"
        )
    return codes.astype(np.int64)


def _checked_edges(edges: npt.ArrayLike, n: int) -> Ints:
    pairs = np.asarray(edges)
    if pairs.ndim != 2 or pairs.shape[1] != 2 or not len(pairs):
        hint = "; transpose it" if pairs.ndim == 2 and pairs.shape[0] == 2 else ""
        raise InvalidInputError(f"edges: expected pairs of nodes, shape (m, 2), got shape {pairs.shape}{hint}")
    if pairs.dtype.kind not in "iu":
        raise InvalidInputError(f"edges: expected integer node numbers, got dtype {pairs.dtype}")
    outside = np.flatnonzero(((pairs < 0) | (pairs >= n)).any(axis=1))
    if len(outside):
        raise InvalidInputError(
            f"edges: expected node numbers from 0 to {n - 1}, got {pairs[outside[0]].tolist()} at edge {outside[0]}"
        )
    return _both_ways(pairs.astype(np.int64))


def nearest_neighbours(X: npt.ArrayLike, k: int) -> Ints:
    """Join each node to its k nearest by Euclidean distance.

    Args:
        X: Features of shape (n, f), on comparable scales.
        k: Neighbours per node.

    Returns:
        Pairs (node, neighbour), int64 of shape (n * k, 2).

    Raises:
        InvalidInputError: ``k`` is not between 1 and n - 1.
    """
    x = np.asarray(X)
    if not 1 <= k < len(x):
        raise InvalidInputError(f"k: expected 1 to {len(x) - 1} neighbours of {len(x)} nodes, got {k}")
    from sklearn.neighbors import NearestNeighbors

    near = NearestNeighbors(n_neighbors=k).fit(x).kneighbors(return_distance=False)
    return np.stack([np.repeat(np.arange(len(x)), k), near.ravel()], axis=1).astype(np.int64)


def _both_ways(pairs: Ints) -> Ints:
    pairs = pairs[pairs[:, 0] != pairs[:, 1]]
    return np.ascontiguousarray(np.unique(np.concatenate([pairs, pairs[:, ::-1]]), axis=0).T)
