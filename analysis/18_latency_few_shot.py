"""How well the latency on a device nobody has learned from is predicted after a few measurements.

NAS-Bench-201 on thirteen devices (read from the folder that SURROGATE_NAS_DATA names): learn from nine with 900
architectures each, the same 900, drawn by ``default_rng(0)``; adapt with n rows of a new device drawn by
``default_rng(s)``; Spearman's correlation on all other rows. No latency of the nine is known for any row beyond the
900. Seconds are of CPU. Beside it, in the same run:

    weighted operations     number of convolutions, nothing learned
    AutoPredictor           the device's own n rows
    ridge, 900 known        ridge of the new log latencies on one-hot models of the nine devices, learned from the 900
    ridge, all known        ridge on the nine measured log latencies, those of the test rows too (it knows more)
    boosted on 10,000 own   the ceiling: one-hot and graph features, 10,000 rows of the device itself

The second table leaves out each family of devices in turn, so that no close relative is among the sources.

    python analysis/18_latency_few_shot.py --seeds 20
"""

import argparse
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.linear_model import RidgeCV

from surrogate_nas import get_space
from surrogate_nas.core import TaskData
from surrogate_nas.core.statistics import spearman
from surrogate_nas.encodings import GraphFeatures, OneHotEncoder
from surrogate_nas.predictors import AutoPredictor, BoostedTrees, GaussianProcess, MetaPredictor

N_SOURCES, KNOWN, CEILING = 9, 900, 10_000
PENALTIES = 10.0 ** np.arange(-2, 3)

#: Devices of one make, by position: never among each other's sources in the second table.
FAMILIES = ((0, 1, 2, 9, 10, 11), (3, 4, 12), (5,), (6,), (7,), (8,))

OURS = "MetaPredictor"


class Devices:
    """All measurements, and what the baselines read."""

    def __init__(self, folder: Path) -> None:
        frame = pd.read_parquet(folder / "nas-bench-201-latency.parquet")
        self.space = get_space("nas-bench-201")
        self.X = self.space.parse(list(frame.index))
        self.names = list(frame.columns)
        self.latency = frame.to_numpy(dtype=float)
        self.one_hot = OneHotEncoder(self.space).fit().transform(self.X)
        self.features = np.concatenate([self.one_hot, GraphFeatures(self.space).fit().transform(self.X)], axis=1)
        self.known = np.random.default_rng(0).choice(len(self.X), KNOWN, replace=False)

    def log(self, device: int) -> Any:
        """Logarithms of the latencies; failed measurements (about zero) at a hundredth of a millisecond."""
        return np.log(np.maximum(self.latency[:, device], 1e-2))

    def modelled(self, device: int) -> Any:
        """A model of a source from the rows that are known of it, at all rows."""
        model = GaussianProcess(standardize=False).fit(self.one_hot[self.known], self.log(device)[self.known])
        return model.predict(self.one_hot)

    def ceiling(self, device: int) -> float:
        """Spearman of a model of the device's own rows, on the others."""
        order = np.random.default_rng(0).permutation(len(self.X))
        seen, rest = order[:CEILING], order[CEILING:]
        model = BoostedTrees(n_models=1, n_estimators=400).fit(self.features[seen], self.log(device)[seen])
        return spearman(model.predict(self.features[rest]), self.latency[rest, device])


def methods(devices: Devices, sources: list[int]) -> dict[str, Callable[[int, Any], Any]]:
    """What predicts a device from a few of its rows, at all rows: functions of device and support."""
    X, y = devices.X, devices.latency
    tasks = {devices.names[d]: TaskData(X[devices.known], y[devices.known, d], direction="min") for d in sources}
    started = time.process_time()
    meta = MetaPredictor(devices.space, random_state=0).fit(tasks)
    seconds = time.process_time() - started
    modelled = np.stack([devices.modelled(d) for d in sources], axis=1)
    measured = np.stack([devices.log(d) for d in sources], axis=1)
    convolutions = (X[:, :, None] == [2, 3]).sum(axis=(1, 2))
    print(f"learned from {len(sources)} devices in {seconds:.1f} s")

    def ridge(columns: Any) -> Callable[[int, Any], Any]:
        return lambda d, rows: RidgeCV(PENALTIES).fit(columns[rows], devices.log(d)[rows]).predict(columns)

    return {
        "weighted operations": lambda d, rows: convolutions,
        "AutoPredictor": lambda d, rows: (
            AutoPredictor(devices.space, direction="min").fit(X[rows], y[rows, d]).predict(X)
        ),
        "ridge, 900 known": ridge(modelled),
        "ridge, all known": ridge(measured),
        OURS: lambda d, rows: meta.adapt(X[rows], y[rows, d], direction="min").predict(X),
    }


def measure(devices: Devices, sources: list[int], targets: list[int], sizes: list[int], seeds: int) -> Iterator[Any]:
    """Spearman of every method on every split."""
    made = methods(devices, sources)
    for device in targets:
        yield {"method": f"boosted on {CEILING:,} own", "device": devices.names[device], "rho": devices.ceiling(device)}
        for n in sizes:
            for seed in range(seeds):
                rows = np.random.default_rng(seed).choice(len(devices.X), n, replace=False)
                rest = np.setdiff1d(np.arange(len(devices.X)), rows)
                for method, predict in made.items():
                    started = time.process_time()
                    rho = spearman(predict(device, rows)[rest], devices.latency[rest, device])
                    seconds = time.process_time() - started
                    key = {"device": devices.names[device], "n": n, "seed": seed}
                    yield {"method": method, **key, "rho": rho, "s": seconds}


def report(title: str, results: pd.DataFrame) -> None:
    """Print Spearman by device, and the mean over devices with its spread over seeds."""
    print(f"\n## {title}\n")
    ceiling = results[results["n"].isna()].set_index("device")["rho"]
    for n, part in results.dropna(subset="n").groupby("n"):
        table = part.pivot_table(index="method", columns="device", values="rho", sort=False)
        table["mean"] = table.mean(axis=1)
        over_seeds = part.groupby(["method", "seed"])["rho"].mean().groupby("method").std(ddof=0)
        table["± seeds"] = over_seeds
        table["adapt, score all s"] = part.groupby("method")["s"].mean()
        table.loc[f"boosted on {CEILING:,} own"] = ceiling.reindex(table.columns[: len(ceiling)])
        print(f"n = {n:.0f}\n{table.round(3).astype(object).fillna('–').to_string()}")
        below = (ceiling - table.loc[OURS, ceiling.index].astype(float)).max()
        print(f"largest distance of {OURS} below the ceiling: {below:.3f}\n")


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--sizes", default="10", help="numbers of measured architectures, separated by commas")
    options = parser.parse_args()
    folder = os.environ.get("SURROGATE_NAS_DATA")
    if not folder:
        parser.error("SURROGATE_NAS_DATA is not set: expected the folder of nas-bench-201-latency.parquet")
    devices = Devices(Path(folder))
    sizes = [int(n) for n in options.sizes.split(",")]
    everyone = list(range(len(devices.names)))
    results = measure(devices, everyone[:N_SOURCES], everyone[N_SOURCES:], sizes, options.seeds)
    report(f"Nine devices known, four new, {options.seeds} seeds", pd.DataFrame(list(results)))
    seeds = max(1, options.seeds // 4)
    apart = [
        row
        for family in FAMILIES
        for row in measure(devices, [d for d in everyone if d not in family], list(family[:2]), sizes, seeds)
    ]
    report(f"No device of the same family known, {seeds} seeds", pd.DataFrame(apart))


if __name__ == "__main__":
    main()
