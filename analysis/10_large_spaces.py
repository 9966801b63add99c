"""How long it takes to read, encode and rank a million cells of DARTS, and all cells of NAS-Bench-201.

    python analysis/10_large_spaces.py

Protocol: random architectures in their official text form, drawn and written before the clock starts; the default
predictor is fitted to 200 others. Their scores are GENERATED (weights of the operations plus noise): nothing is said
about quality here, only about speed. What is timed is all that leads from texts to the order of the architectures:
parsing, canonical forms, graphs, features, prediction, sorting. Wall seconds of the whole with as many processes as
there are cores (`--jobs`), start of the processes included, and CPU seconds of each step, summed over the processes.
The second part runs in this process, as a user would call it, and is repeated; least, median and most are given.

Goals: 1,000,000 cells of DARTS in 40 s on two cores, their rows in 100 MB; 15,625 of NAS-Bench-201 in 0.5 s.
"""

import argparse
import time
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

import surrogate_nas as sn
from surrogate_nas.encodings import DepthFeatures, Encoder, GraphFeatures
from surrogate_nas.execution.processes import WorkerDied, default_jobs, run_all
from surrogate_nas.spaces import SearchSpace

LARGE, SMALL = "nas-bench-301", "nas-bench-201"
TRAINED_ON = 200

#: Texts that a process is given at once.
BATCH = 16_384

#: Rows on which the share of encoding is measured.
ENCODED = 32_768


@dataclass(frozen=True)
class Part:
    """What became of one batch: its rows, their predictions, and CPU seconds of reading and predicting."""

    rows: npt.NDArray[np.int16]
    mean: npt.NDArray[np.float64]
    reading_s: float
    predicting_s: float


def generated_scores(space: SearchSpace, X: npt.NDArray[np.int16]) -> npt.NDArray[np.float64]:
    """Scores that no training gave: the weights of all operations, as the space states them, and noise."""
    graphs = space.graphs(X)
    cost = np.array([*(op.cost for op in graphs.vocabulary), 0.0])  # the last for nodes that are not there
    return cost[graphs.ops].sum(axis=1) + np.random.default_rng(1).normal(size=len(X))


def fitted(space: SearchSpace) -> sn.AutoPredictor:
    """The default predictor after a few architectures with generated scores."""
    X = space.sample(TRAINED_ON, np.random.default_rng(2), unique=True)
    return sn.AutoPredictor(space, random_state=0).fit(X, generated_scores(space, X))


def read_and_predict(predictor: sn.AutoPredictor, texts: list[str]) -> Part:
    """What one process does with one batch."""
    start = time.process_time()
    rows = predictor.space.parse(texts)
    read = time.process_time()
    mean = predictor.predict(rows)
    return Part(rows, mean, read - start, time.process_time() - read)


def rank_many(n: int, jobs: int) -> None:
    """Read and rank ``n`` random architectures of the large space and print the time of each step."""
    space = sn.get_space(LARGE)
    predictor = fitted(space)
    X = space.sample(n, np.random.default_rng(0))
    texts = space.format(X)
    print(f"{space.name}: {n:,} of {space.size:,} architectures, {sum(map(len, texts)) / n:.0f} characters each")
    print(f"  their rows                     {X.nbytes / 1e6:8.1f} MB    (goal at 1,000,000: 100 MB)")
    print(
        f"  predictor fitted to            {TRAINED_ON:8,} architectures with GENERATED scores; only speed is measured"
    )

    start = time.perf_counter()
    batches = [texts[i : i + BATCH] for i in range(0, n, BATCH)]
    parts = [
        p for _, p in run_all(partial(read_and_predict, predictor), batches, jobs=jobs) if not isinstance(p, WorkerDied)
    ]
    mean = np.concatenate([part.mean for part in parts])
    sorting = time.process_time()
    np.argsort(-mean, kind="stable")
    sorting = time.process_time() - sorting
    wall = time.perf_counter() - start

    np.testing.assert_array_equal(np.concatenate([part.rows for part in parts]), X)
    print(f"  read, encode, rank, {jobs} process(es) {wall:6.1f} s wall  (goal at 1,000,000 on two cores: 40 s)")
    print(f"    parse                        {sum(part.reading_s for part in parts):8.1f} s CPU")
    print(f"    encode and predict           {sum(part.predicting_s for part in parts):8.1f} s CPU")
    print(f"    sort                         {sorting:8.1f} s CPU")
    print(f"  of encode and predict, in CPU seconds per {n:,} (measured on {min(n, ENCODED):,}):")
    some = X[:ENCODED]
    encoders: tuple[Encoder, ...] = (GraphFeatures(space, pairs=False).fit(), DepthFeatures(space).fit())
    for name, step in (
        ("canonical form", space.canonical),
        ("graphs, canonical form given", space.graphs),
        *((f"{type(encoder).__name__}, canonical included", encoder.transform) for encoder in encoders),
    ):
        start = time.process_time()
        for i in range(0, len(some), 4096):
            step(some[i : i + 4096])
        print(f"    {name:36s} {(time.process_time() - start) * n / len(some):8.1f} s CPU")


def rank_all(repeats: int) -> None:
    """Read and rank the whole small space and print the time of each step."""
    space = sn.get_space(SMALL)
    predictor = fitted(space)
    texts = space.format(space.enumerate())
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        X = space.parse(texts)
        read = time.perf_counter()
        predictor.rank(X, top=10)
        times.append((read - start, time.perf_counter() - read))
    parse, rank = np.array(times).T
    total = parse + rank
    print(f"{space.name}: all {len(texts):,} architectures, GENERATED scores, {repeats} repeats, wall seconds")
    for name, values in (("parse", parse), ("encode and rank", rank), ("together (goal 0.5 s)", total)):
        print(f"  {name:28s} least {values.min():6.3f}   median {np.median(values):6.3f}   most {values.max():6.3f}")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--jobs", type=int, default=default_jobs())
    parser.add_argument("--repeats", type=int, default=7)
    options = parser.parse_args()
    rank_many(options.rows, options.jobs)
    rank_all(options.repeats)


if __name__ == "__main__":
    main()
