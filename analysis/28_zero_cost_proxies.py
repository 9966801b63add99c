"""How well proxies computed here agree with the published ones of NAS-Bench-Suite-Zero.

200 of the 9,445 published architectures of NAS-Bench-201, drawn by ``default_rng(28)``, as networks of full size (15
cells, widths 16, 32 and 64) with weights of one seed; Spearman's correlation of each proxy with the published column,
over the architectures where both are finite. The published ones were computed on 64 samples of CIFAR-10, which is not
part of this project. Here 64 samples of other data stand in:

    noise            standard normal, 3 x 32 x 32
    fashion-mnist    its training part, 28 x 28, padded to 32 x 32 and the same in all three channels

The last column is what another draw of weights and samples leaves at best: the published file holds 1,178 pairs of
architectures that are the same network written in two ways, each computed with weights of its own, and this is the
correlation between the two. The published table is read from the folder that SURROGATE_NAS_DATA names.

    OMP_NUM_THREADS=1 python analysis/28_zero_cost_proxies.py runs/proxies       # stop and repeat at will
    OMP_NUM_THREADS=1 python analysis/28_zero_cost_proxies.py runs/proxies --inputs noise
"""

import argparse
import os
from pathlib import Path

import numpy as np
import pandas as pd

import surrogate_nas as sn
from surrogate_nas.core.statistics import spearman
from surrogate_nas.experiments import read_log
from surrogate_nas.experiments.proxies import PROXY_LOG, proxy_table
from surrogate_nas.training import load_dataset
from surrogate_nas.training.proxies import PROXIES, ProxyBatch, data_batch, random_batch

PUBLISHED, FAILED = "nas-bench-201-zero-cost-cifar10.parquet", -1e8
SHAPE, CLASSES, DRAW = (3, 32, 32), 10, 28


class Lines:
    """Progress as a line per twenty architectures."""

    def say(self, text: str) -> None:
        """Print the line."""
        print(text, flush=True)

    def track(self, label: str, done: int, total: int, note: str = "") -> None:
        """Print every twentieth."""
        if done and (done % 20 == 0 or done == total):
            print(f"{label}: {done} of {total}", flush=True)


def batch_of(name: str) -> ProxyBatch:
    """The samples."""
    if name == "fashion-mnist":
        batch = data_batch(load_dataset(name, "image"))
        images = np.pad(batch.inputs, ((0, 0), (0, 0), (2, 2), (2, 2)), constant_values=batch.inputs.min())
        return ProxyBatch(images.repeat(3, axis=1), batch.targets, batch.num_outputs, name)
    return random_batch(SHAPE, CLASSES)


def twins(space: sn.SearchSpace, published: pd.DataFrame) -> dict[str, str]:
    """Per proxy the agreement of the published values of one network, written in two ways."""
    networks = pd.Index(space.format(space.canonical(space.parse(list(published.index)))))
    named = published.set_axis(networks)
    place = named.groupby(level=0).cumcount().to_numpy()
    second = named[place == 1]
    first = named[place == 0].loc[second.index]
    return {proxy: agreement(first[proxy], second[proxy]) for proxy in PROXIES}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run_dir", type=Path)
    parser.add_argument("--inputs", default="noise,fashion-mnist", help="which samples, separated by commas")
    parser.add_argument("--sample", type=int, default=200)
    parser.add_argument("--jobs", type=int, default=1)
    options = parser.parse_args()
    published = pd.read_parquet(Path(os.environ["SURROGATE_NAS_DATA"]) / PUBLISHED).replace(FAILED, np.nan)
    drawn = np.random.default_rng(DRAW).choice(len(published), options.sample, replace=False)
    space = sn.get_space("nas-bench-201")
    ceiling = twins(space, published)
    published = published.iloc[drawn]
    X = space.parse(list(published.index))
    found, seconds = {}, {}
    for name in options.inputs.split(","):
        folder = options.run_dir / name
        found[name] = proxy_table(space, X, batch_of(name), run_dir=folder, jobs=options.jobs, progress=Lines())
        seconds[name] = np.median([record["seconds"] for record in read_log(folder / PROXY_LOG)[1]])
    report(found, published, ceiling)
    print("\nMedian seconds per architecture: " + ", ".join(f"{name} {s:.1f}" for name, s in seconds.items()))
    if "noise" in found:
        difference = (found["noise"]["params"] - published["params"]).abs().max() * 1e6
        print(f"Largest difference of params from the published column: {difference:.0f} parameters")


def report(found: dict[str, pd.DataFrame], published: pd.DataFrame, ceiling: dict[str, str]) -> None:
    """Spearman's correlations as a markdown table."""
    heads = [*found, "published twins"]
    print(f"\nSpearman's correlation with the published values, {len(published)} architectures\n")
    print(f"| proxy | {' | '.join(heads)} |\n| --- |{' --- |' * len(heads)}")
    for proxy in PROXIES:
        cells = [agreement(table[proxy], published[proxy]) for table in found.values()]
        print(f"| {proxy} | {' | '.join([*cells, ceiling[proxy]])} |")


def agreement(ours: pd.Series, theirs: pd.Series) -> str:
    """Spearman's correlation where both are known; how many were not, where some were not."""
    a, b = ours.to_numpy(), theirs.to_numpy()
    known = np.isfinite(a) & np.isfinite(b)
    missing = f" ({(~known).sum()} left out)" if not known.all() else ""
    return f"{spearman(a[known], b[known]):.4f}{missing}"


if __name__ == "__main__":
    main()
