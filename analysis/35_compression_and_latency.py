"""What compression costs and brings, and how well latencies are told without measuring: on one thread of this CPU.

Compression: a network of NAS-Bench-201 (one cell per stage, channels 8, 16, 32) trained on scikit-learn's digits as
images, then compressed in several ways, each fine-tuned where weights were removed; mean over seeds. Bytes are those of
a file of weights in which zeros take a bit each. Latencies are medians for batches of one.

Latency: architectures of NAS-Bench-201 drawn by ``default_rng(0)``, at 16x16. Layers measured once and summed, against
whole networks: as they are, and times one number that is fitted on ten further architectures. Then a predictor that
has learned from two other settings (batches of 1 and of 4 at 8x8) is adapted to a third (batches of 8 at 16x16) with n
measured architectures, with and without the sum of layers of each architecture as a side feature; Spearman's
correlation on the others, beside what is had without learning across settings.

    OMP_NUM_THREADS=1 python analysis/35_compression_and_latency.py
"""

import argparse
import os
import time
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from surrogate_nas import get_space
from surrogate_nas.core.statistics import spearman
from surrogate_nas.networks import build_network, count_flops
from surrogate_nas.predictors import AutoPredictor, MetaPredictor
from surrogate_nas.training import Trainer
from surrogate_nas.training.compression import compression_report
from surrogate_nas.training.latency import LatencySettings, LatencyTable, latency_task, measure_latency

SPACE = get_space("nas-bench-201")
ARCHITECTURE = "|nor_conv_3x3~0|+|none~0|nor_conv_3x3~1|+|skip_connect~0|none~1|nor_conv_1x1~2|"
SKELETON: dict[str, Any] = {"stages": (1, 1, 1), "channels": (8, 16, 32)}


def compression(seeds: int, epochs: int) -> None:
    """Print the table of compressed networks."""
    trainer = Trainer(
        space=SPACE, dataset="digits", epochs=epochs, recipe={"skeleton": SKELETON, "width": 1.0}, device="cpu"
    )  # fmt: skip
    x = SPACE.parse([ARCHITECTURE])[0]
    how = LatencySettings(repeats=60)
    reports = [compression_report(trainer, x, seed, epochs=epochs // 2, latency=how) for seed in range(seeds)]
    grouped = pd.concat(reports).groupby("network", sort=False)
    mean, std = grouped.mean(), grouped.std(ddof=0)
    print(f"\n### Compression: digits, {seeds} seeds, {epochs} epochs, fine-tuning {epochs // 2}\n")
    print("| network | test accuracy, % | validation before fine-tuning, % | parameters | not zero | kB on disk | "
          "ms (quartiles) |")  # fmt: skip
    print("|---|---|---|---|---|---|---|")
    for name, row in mean.iterrows():
        before = "" if np.isnan(row.before_tuning) else f"{100 * row.before_tuning:.1f}"
        print(
            f"| {name} | {100 * row.test:.1f} ± {100 * std.loc[name].test:.1f} | {before} | {row.parameters:,.0f} | "
            f"{row.nonzero:,.0f} | {row.bytes / 1000:.0f} | {row.latency_ms:.2f} ({row.latency_low_ms:.2f} to "
            f"{row.latency_high_ms:.2f}) |"
        )


def lookup(n: int) -> None:
    """Print how far sums of layers are from whole networks."""
    X = SPACE.sample(n + 10, np.random.default_rng(0))
    shape = (3, 16, 16)
    table = LatencyTable(LatencySettings(repeats=40))
    networks = [build_network(SPACE, x, shape, 10, **SKELETON) for x in X]
    whole = np.array([measure_latency(network, shape, table.settings).median for network in networks])
    begin = time.perf_counter()
    sums = np.array([table.latency(network, shape) for network in networks])
    seconds = time.perf_counter() - begin
    again = np.array([measure_latency(network, shape, table.settings).median for network in networks])
    scale = float((whole[n:] * sums[n:]).sum() / (sums[n:] ** 2).sum())
    flops = np.array([count_flops(network, shape) for network in networks])
    tested = slice(0, n)

    def error(predicted: Any) -> float:
        return float(100 * np.median(np.abs(predicted[tested] / whole[tested] - 1)))

    print(f"\n### Layers measured once and summed: {n} architectures, {len(table.known)} layers, {seconds:.1f} s\n")
    print("| what tells the latency | Spearman | median error, % |")
    print("|---|---|---|")
    print(f"| sum of layers | {spearman(sums[tested], whole[tested]):.3f} | {error(sums):.1f} |")
    print(f"| sum of layers x {scale:.2f} | {spearman(sums[tested], whole[tested]):.3f} | {error(scale * sums):.1f} |")
    print(f"| FLOPs | {spearman(flops[tested], whole[tested]):.3f} | |")
    print(f"| the same networks measured again | {spearman(again[tested], whole[tested]):.3f} | {error(again):.1f} |")


def few_shot(n: int, sizes: list[int], seeds: int) -> None:
    """Print how well latencies under a new setting are predicted after a few measurements."""
    X = SPACE.sample(n, np.random.default_rng(1))
    settings = {
        "batches of 1 at 8x8": (LatencySettings(repeats=15), (3, 8, 8)),
        "batches of 4 at 8x8": (LatencySettings(repeats=15, batch_size=4), (3, 8, 8)),
    }
    sources = {
        name: latency_task(SPACE, X, shape, 10, how, sums=True, **SKELETON) for name, (how, shape) in settings.items()
    }
    target = LatencySettings(repeats=15, batch_size=8)
    new = SPACE.sample(n, np.random.default_rng(2))
    task = latency_task(SPACE, new, (3, 16, 16), 10, target, sums=True, **SKELETON)
    y, sums = task.y, np.asarray(task.extra)
    again = latency_task(SPACE, new, (3, 16, 16), 10, target, **SKELETON).y
    flops = np.array([count_flops(build_network(SPACE, x, (3, 16, 16), 10, **SKELETON), (3, 16, 16)) for x in new])
    with_sums = MetaPredictor(SPACE, random_state=0).fit(sources)
    plain = {name: replace(source, extra=None) for name, source in sources.items()}
    meta = MetaPredictor(SPACE, random_state=0).fit(plain)
    found = []
    for size in sizes:
        for seed in range(seeds):
            rows = np.random.default_rng(seed).choice(n, size, replace=False)
            rest = np.setdiff1d(np.arange(n), rows)
            own = AutoPredictor(SPACE, direction="min", random_state=0)
            told = with_sums.adapt(new[rows], y[rows], extra=sums[rows], direction="min")
            times = float(np.exp(np.median(np.log(y[rows]) - sums[rows, 0])))
            made = {
                "MetaPredictor with sums of layers": told.predict(new[rest], extra=sums[rest]),
                "sums of layers, times one number": times * np.exp(sums[rest, 0]),
                "MetaPredictor": meta.adapt(new[rows], y[rows], direction="min").predict(new[rest]),
                "AutoPredictor, the new rows alone": own.fit(new[rows], y[rows]).predict(new[rest]),
                "FLOPs": flops[rest],
                "the same networks measured again": again[rest],
            }
            for method, predicted in made.items():
                off = np.median(np.abs(predicted / y[rest] - 1)) if method != "FLOPs" else np.nan
                found.append({"method": method, "n": size, "rho": spearman(predicted, y[rest]), "error": 100 * off})
    print(f"\n### A new setting after n measurements: {n - max(sizes)} or more others, {seeds} draws\n")
    print("| what tells the latency | n | Spearman (sd over draws) | median error, % |")
    print("|---|---|---|---|")
    for (method, size), part in pd.DataFrame(found).groupby(["method", "n"], sort=False):
        error = "" if part["error"].isna().all() else f"{part['error'].mean():.1f}"
        print(f"| {method} | {size} | {part['rho'].mean():.3f} ({part['rho'].std(ddof=0):.3f}) | {error} |")


def main() -> None:
    """Print all tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--architectures", type=int, default=40)
    parser.add_argument("--draws", type=int, default=10)
    parser.add_argument("--parts", nargs="+", default=["compression", "lookup", "few-shot"])
    options = parser.parse_args()
    begin = time.process_time()
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    print(f"load of the machine at the beginning: {load:.1f} on {os.cpu_count()} cores")
    if "compression" in options.parts:
        compression(options.seeds, options.epochs)
    if "lookup" in options.parts:
        lookup(options.architectures)
    if "few-shot" in options.parts:
        few_shot(2 * options.architectures, [5, 10], options.draws)
    print(f"\n{time.process_time() - begin:.0f} s of CPU in all")


if __name__ == "__main__":
    main()
