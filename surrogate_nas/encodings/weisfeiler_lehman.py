"""Which neighbourhoods occur in a network, and how often: histograms of Weisfeiler-Lehman colours."""

from typing import ClassVar, final

import numpy as np
import numpy.typing as npt

from surrogate_nas.encodings.base import Encoder, Features
from surrogate_nas.encodings.coarse import coarse
from surrogate_nas.encodings.paths import Contracted
from surrogate_nas.spaces.base import SearchSpace

#: A colour is a number of 64 bits; which one says nothing, except that equal neighbourhoods have equal ones.
Colours = npt.NDArray[np.uint64]

#: Colours of fewer networks of the sample than this are not told apart: what they are worth cannot be learned.
SEEN_AT_LEAST = 4

#: Odd numbers without a pattern (the first bits of the fractional parts of the square roots of 2, 3 and 5) that make
#: a node's own colour, those of the nodes it reads and those of the nodes that read it count differently.
OWN, READ, READ_BY = (np.uint64(n) for n in (0x6A09E667F3BCC909, 0xBB67AE8584CAA73B, 0x3C6EF372FE94F82B))


@final
class WeisfeilerLehman(Encoder):
    """How many nodes have which colour, after 0, 1, ... rounds of Weisfeiler-Lehman refinement.

    A node's first colour is its operation; every round joins to it the colours of the nodes it reads and,
    apart, of those that read it: after h rounds it stands for the neighbourhood up to h edges away. The network is the
    one without identity operations; two edges between the same nodes count twice. Colours have columns if enough
    networks of a fixed sample have them, the most frequent first; all others share one column per round. Rows with one
    canonical form get equal features.

    A linear kernel on these columns is the subtree kernel:
    ``GaussianProcess(standardize=False)`` on them adds a stationary kernel of the same distances.

    Args:
        space: The space of the rows.
        iterations: Rounds of refinement.
        max_colours: Most colours per round that are told apart.

    References:
        N. Shervashidze et al., Weisfeiler-Lehman graph kernels, JMLR 12, 2011.
        B. Ru, X. Wan, X. Dong, M. Osborne, Interpretable neural architecture search via Bayesian optimisation with
        Weisfeiler-Lehman kernels, ICLR 2021, arXiv:2006.07556. Differs from it: nodes also see who reads them.
    """

    invariant: ClassVar[bool] = True
    learned: ClassVar[tuple[str, ...]] = ("columns_", "colours_", "starts_")

    def __init__(self, space: SearchSpace, *, iterations: int = 2, max_colours: int = 512) -> None:
        self.space = space
        self.iterations = iterations
        self.max_colours = max_colours

    def _learn(self, sample: npt.NDArray[np.int16]) -> None:
        """Make ``colours_``, sorted within each round, and ``starts_``, where each round's begin, (rounds + 1,)."""
        self._check_count("iterations", 0)
        self._check_count("max_colours", 1)
        networks, back = self._networks(sample)
        weight = np.bincount(back, minlength=len(networks))  # the sample counts rows, not networks
        graphs = Contracted.of(coarse(networks))
        known = []
        for colours in _refined(graphs, self.iterations):
            node, graph = np.nonzero(graphs.kept)
            found, place = np.unique(colours[node, graph], return_inverse=True)
            pairs = np.unique(place * len(networks) + graph)  # a network counts once
            seen = np.bincount(pairs // len(networks), weights=weight[pairs % len(networks)])
            often = np.argsort(-seen, kind="stable")[: self.max_colours]
            known.append(found[np.sort(often[seen[often] >= SEEN_AT_LEAST])])
        self.colours_ = np.concatenate(known)
        self.starts_ = np.cumsum([0, *(len(colours) for colours in known)])

    def _encode(self, X: npt.NDArray[np.int16]) -> Features:
        networks, back = self._networks(X)
        graphs = Contracted.of(coarse(networks))
        node, graph = np.nonzero(graphs.kept)
        blocks = []
        for i, colours in enumerate(_refined(graphs, self.iterations)):
            known = self.colours_[self.starts_[i] : self.starts_[i + 1]]
            own = colours[node, graph]
            place = np.searchsorted(known, own)
            place[np.append(known, known[:1])[place] != own] = len(known)
            width = len(known) + 1
            counts = np.bincount(graph * width + place, minlength=len(networks) * width)
            blocks.append(counts.reshape(len(networks), width))
        return np.concatenate(blocks, axis=1).astype(np.float32)[back]

    def _names(self) -> list[str]:
        sizes = np.diff(self.starts_)
        return [
            f"round {i}: {f'colour {j}' if j < size else 'other colours'}"
            for i, size in enumerate(sizes.tolist())
            for j in range(size + 1)
        ]


def _refined(graphs: Contracted, iterations: int) -> list[Colours]:
    """Colours of all nodes after each round, shape (v, n) each; those of nodes that are not there mean nothing.

    The multiset of the neighbours' colours is told by the sum of their scrambled numbers (modulo 2**64).
    """
    colours = _scrambled(graphs.ops.astype(np.uint64) + OWN)
    rounds = [colours]
    pairs = np.argwhere(graphs.counts.any(axis=2))
    for _ in range(iterations):
        read, read_by = np.zeros_like(colours), np.zeros_like(colours)
        scrambled = _scrambled(colours)
        for a, b in pairs:
            count = graphs.counts[a, b].astype(np.uint64)
            read[b] += scrambled[a] * count
            read_by[a] += scrambled[b] * count
        colours = _scrambled(colours * OWN + _scrambled(read + READ) + _scrambled(read_by + READ_BY) * READ)
        rounds.append(colours)
    return rounds


def _scrambled(numbers: Colours) -> Colours:
    """One number for each, every bit of which depends on all bits (the finaliser of SplitMix64)."""
    mixed = (numbers ^ (numbers >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))
