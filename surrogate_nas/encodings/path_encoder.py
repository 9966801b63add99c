"""Which sequences of operations lead from the input to the output."""

from dataclasses import dataclass
from typing import ClassVar, Self, final

import numpy as np
import numpy.typing as npt

from surrogate_nas.encodings.base import Encoder, Features
from surrogate_nas.encodings.coarse import coarse
from surrogate_nas.encodings.paths import Contracted
from surrogate_nas.spaces.base import SearchSpace

Integers = npt.NDArray[np.int64]

#: Sequences of fewer networks of the sample than this are cut: no predictor could learn what they are worth.
SEEN_AT_LEAST = 4


@final
class PathEncoder(Encoder):
    """One column per sequence of operations, 1 where it leads from the input to the output, else 0.

    Sequences are read on the network without its identity operations. In large spaces most of them are seen in one
    network only; such a sequence is cut to its longest beginning that several networks of a fixed sample share, and
    "input > conv > ..." says that some path begins so and goes on in a way that has no column of its own. Shorter
    sequences come first, then frequent ones, up to ``max_paths`` of them. Rows with one canonical form get equal
    features.

    Args:
        space: The space of the rows.
        max_paths: Most sequences that are told apart.

    References:
        C. White, W. Neiswanger, Y. Savani, BANANAS: Bayesian optimization with neural architectures for neural
        architecture search, AAAI 2021, arXiv:1910.11858. Cut beginnings are ours: the paper drops long paths.
    """

    invariant: ClassVar[bool] = True
    learned: ClassVar[tuple[str, ...]] = ("columns_", "next_")

    def __init__(self, space: SearchSpace, *, max_paths: int = 1024) -> None:
        self.space = space
        self.max_paths = max_paths

    def _learn(self, sample: npt.NDArray[np.int16]) -> None:
        """Make ``next_``, shape (sequences, vocabulary): which sequence an operation turns one into; -1 if unknown."""
        self._check_count("max_paths", 1)
        networks, back = self._networks(sample)
        weight = np.bincount(back, minlength=len(networks))  # the sample counts rows, not networks
        graphs = Contracted.of(coarse(networks))
        self.next_ = np.full((1, len(graphs.vocabulary)), -1)
        ends = _Ends.at_the_input(len(networks))
        while len(ends.graph) and len(self.next_) < self.max_paths:
            steps = ends.steps(graphs).inner(graphs)
            key = steps.sequence * len(graphs.vocabulary) + steps.op(graphs)
            pairs = np.unique(key * len(networks) + steps.graph)  # a network counts once
            found, place = np.unique(pairs // len(networks), return_inverse=True)
            seen = np.bincount(place, weights=weight[pairs % len(networks)], minlength=len(found))
            often = np.argsort(-seen, kind="stable")[: self.max_paths - len(self.next_)]
            often = np.sort(often[seen[often] >= SEEN_AT_LEAST])
            self.next_.ravel()[found[often]] = len(self.next_) + np.arange(len(often))
            self.next_ = np.pad(self.next_, [(0, len(often)), (0, 0)], constant_values=-1)
            ends = steps.lengthened(graphs, self.next_)

    def _encode(self, X: npt.NDArray[np.int16]) -> Features:
        networks, back = self._networks(X)
        graphs = Contracted.of(coarse(networks))
        out = np.zeros((len(networks), 2, len(self.next_)), dtype=np.float32)
        ends = _Ends.at_the_input(len(networks))
        while len(ends.graph):
            steps = ends.steps(graphs)
            whole = steps.node == len(graphs.ops) - 1
            out[steps.graph[whole], 0, steps.sequence[whole]] = 1
            steps = steps.inner(graphs)
            cut = self.next_[steps.sequence, steps.op(graphs)] < 0
            out[steps.graph[cut], 1, steps.sequence[cut]] = 1
            ends = steps.lengthened(graphs, self.next_)
        return out.reshape(len(networks), 2 * len(self.next_))[back]

    def _names(self) -> list[str]:
        vocabulary = coarse(self._no_graphs()).vocabulary
        names = ["input"] * len(self.next_)
        for sequence, op in np.argwhere(self.next_ >= 0):  # a sequence comes before those that it begins
            names[self.next_[sequence, op]] = f"{names[sequence]} > {vocabulary[op].name}"
        return [f"{name} > output" for name in names] + [f"{name} > ..." for name in names]


@dataclass(frozen=True)
class _Ends:
    """Where paths have come to: flat arrays, one entry per path of any graph.

    Attributes:
        graph: Which graph.
        node: Which node of it.
        sequence: What lies behind, as a row of ``next_``; 0 is the input alone.
    """

    graph: Integers
    node: Integers
    sequence: Integers

    @classmethod
    def at_the_input(cls, n: int) -> Self:
        """One path for each of n graphs."""
        nothing = np.zeros(n, dtype=np.int64)
        return cls(np.arange(n), nothing, nothing)

    def steps(self, graphs: Contracted) -> Self:
        """Follow every edge that leads on; ``sequence`` stays behind."""
        path, node = np.nonzero(graphs.counts[self.node, :, self.graph])
        return type(self)(self.graph[path], node, self.sequence[path])

    def inner(self, graphs: Contracted) -> Self:
        """Those that are not at the output."""
        inner = self.node < len(graphs.ops) - 1
        return type(self)(self.graph[inner], self.node[inner], self.sequence[inner])

    def op(self, graphs: Contracted) -> Integers:
        """Operation of the node that each path has come to."""
        return graphs.ops[self.node, self.graph].astype(np.int64)

    def lengthened(self, graphs: Contracted, following: Integers) -> Self:
        """Put the nodes' operations behind their sequences; what gives no known sequence is dropped, and repeats."""
        v, n = graphs.ops.shape
        sequence = following[self.sequence, self.op(graphs)]
        known = sequence >= 0
        key = np.unique((sequence[known] * v + self.node[known]) * n + self.graph[known])
        return type(self)(key % n, key // n % v, key // (n * v))
