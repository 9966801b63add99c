"""NAS-Bench-101's space listed from nothing: how many cells there are, what listing them costs, whether hashes agree.

    python analysis/09_nas_bench_101_enumeration.py [--hashes]

Protocol: cells of 2 to 7 nodes (input and output included), at most 9 edges and three operations, each isomorphism
class once. They are counted in two ways, by Burnside's lemma over the automorphisms of each wiring and by listing
them, and compared with the known numbers (their sum is the 423,624 of Ying et al. 2019). Wall seconds of the first
listing in this process, one thread, and the largest resident set after it, less that after the imports. With --hashes
the benchmark's hash of every cell is computed (about a minute): as many different hashes as cells means that the hash
confuses none.
"""

import argparse
import os

os.environ["OMP_NUM_THREADS"] = "1"  # before numpy is loaded

import resource
import sys
import time
from collections.abc import Callable

import numpy as np

from surrogate_nas.spaces import Operation, Skeleton
from surrogate_nas.spaces.dag_cell.space import DagCellSpace

OPERATIONS = (
    Operation("conv3x3-bn-relu", "convolution", 3, True, 9.0, (("normalised", 1.0),)),
    Operation("conv1x1-bn-relu", "convolution", 1, True, 1.0, (("normalised", 1.0),)),
    Operation("maxpool3x3", "pooling", 3),
)
KNOWN = {2: 1, 3: 6, 4: 84, 5: 2_441, 6: 62_010, 7: 359_082}
BATCH = 100_000


def main() -> None:
    """Count, list, compare and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hashes", action="store_true", help="also compute the benchmark's hash of every cell")
    options = parser.parse_args()
    space = DagCellSpace("all cells", OPERATIONS, 7, 9, Skeleton("image"))
    before = peak_mb()
    start = time.perf_counter()
    counted = space.size
    counting = time.perf_counter() - start
    X = space.enumerate()
    listing = time.perf_counter() - start
    memory = peak_mb() - before

    nodes = 2 + (X[:, len(space.edges) :] > 0).sum(axis=1)
    print("nodes      cells      known")
    for n, known in KNOWN.items():
        found = int((nodes == n).sum())
        print(f"{n:>5} {found:>10,} {known:>10,}   {'agrees' if found == known else 'DIFFERS'}")
    total = sum(KNOWN.values())
    print(f"  all {len(X):>10,} {total:>10,}   {'agrees' if len(X) == total else 'DIFFERS'}")
    print(f"counted by orbits: {counted:,}, {'agrees' if counted == len(X) else 'DIFFERS'}, {counting:.2f} s")
    print(
        f"listed: {listing:.2f} s (counting included), {memory:.0f} MB more at the peak, rows {X.nbytes / 1e6:.0f} MB"
    )

    rng = np.random.default_rng(0)
    some = space.sample(BATCH, rng)
    print(f"canonical rows of {BATCH:,} cells: {seconds(lambda: space.canonical(some)):.2f} s")
    print(f"mutants of 1,000 cells: {seconds(lambda: space.mutate(some[:1000], rng)):.3f} s")
    near = [len(space.neighbors(x)) for x in some[:1000]]
    print(f"neighbours of a cell: mean {np.mean(near):.1f}, from {min(near)} to {max(near)} over 1,000 random cells")
    if options.hashes:
        start = time.perf_counter()
        different = len(set(space.module_hashes(X)))
        print(f"different hashes: {different:,} of {len(X):,} cells, {time.perf_counter() - start:.0f} s")


def seconds(function: Callable[[], object]) -> float:
    """Wall time of the fastest of five calls."""
    times = []
    for _ in range(5):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return min(times)


def peak_mb() -> float:
    """Largest resident set of this process so far."""
    unit = 1 if sys.platform == "darwin" else 1024  # bytes there, kilobytes on Linux
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


if __name__ == "__main__":
    main()
