"""Inherited weights against real trainings: Kendall's tau over 50 architectures of NAS-Bench-201's space.

The skeleton is reduced to one cell per stage; data are a subset of Fashion-MNIST (2,000 training, 1,000 validation,
2,000 test images) at 7x7 pixels, with 4, 8 and 16 channels, and scikit-learn's digits (718, 539, 540 images), with 8,
16 and 32. Stand-alone accuracy is that on test images, mean of two real trainings of eight epochs; architectures that
let nothing through are left out, since any method tells them apart. A supernet is trained so that each operation sees
the data eight times: both ways of sampling cost 40 passes over the data, as five stand-alone trainings. Sub-networks
are judged on validation images, with statistics of batch normalisation of their own. "untrained" is the same with the
initial weights. "one training" is what the validation accuracy of a single real training tells of the test accuracy
of the other one: no method that costs less can be expected to tell more.

Tau is the mean over supernets (seeds), ± their standard deviation; the 95% interval resamples architectures. "chosen"
is the stand-alone test accuracy of the architecture that a method puts first (mean over seeds), beside the mean and
the best of all 50. Seconds are of CPU, one thread: of the training, and of judging 50 architectures.

    python analysis/31_supernet.py                                    # 50 architectures, two trainings, three supernets
    python analysis/31_supernet.py --datasets digits --supernets 5    # trainings that are in the log are not done again
"""

import argparse
import time
from typing import Any

import numpy as np
import pandas as pd
import torch
from one_shot import RECIPES, connected, load, train, trainer_of

import surrogate_nas as sn
from surrogate_nas.core.statistics import kendall_tau
from surrogate_nas.networks import build_network
from surrogate_nas.networks.counting import count_flops, count_parameters
from surrogate_nas.training import ArrayDataset
from surrogate_nas.training.supernet import Supernet

Scored = tuple[list[Any], float, float]


def inherited(data: ArrayDataset, X: Any, seeds: range, how: str) -> Scored:
    """Validation accuracy with the weights of several supernets, and CPU seconds to train one and to ask it."""
    scores, begun, asked = [], time.process_time(), 0.0
    for seed in seeds:
        supernet = Supernet(
            sn.get_space("nas-bench-201"), data, recipe=RECIPES[data.name], device="cpu",
            sampling="uniform" if how == "untrained" else how,
        )  # fmt: skip
        supernet = supernet.initialise(seed) if how == "untrained" else supernet.train(seed)
        begin = time.process_time()
        scores.append(supernet.evaluate(X))
        asked += time.process_time() - begin
    whole = time.process_time() - begun
    return scores, (whole - asked) / len(seeds), asked / len(seeds)


def sizes(trainer: sn.Trainer, X: Any) -> dict[str, Scored]:
    """What costs nothing to know."""
    shape, overrides = trainer.data.input_shape, trainer.settings.overrides(trainer.space.skeleton)
    with torch.device("meta"):
        networks = [build_network(trainer.space, x, shape, trainer.data.num_outputs, **overrides) for x in X]
    counts = {
        "parameters": [count_parameters(network) for network in networks],
        "FLOPs": [count_flops(network, shape) for network in networks],
    }
    return {name: ([np.array(values)], 0.0, 0.0) for name, values in counts.items()}


def row(found: Scored, truth: Any, rng: np.random.Generator, resamples: int = 2000) -> dict[str, str]:
    """One line of the table."""
    scores, trained, asked = found
    taus = [kendall_tau(s, truth) for s in scores]
    drawn = rng.integers(len(truth), size=(resamples, len(truth)))
    ends = np.quantile([np.mean([kendall_tau(s[i], truth[i]) for s in scores]) for i in drawn], [0.025, 0.975])
    chosen = [truth[s.argmax()] for s in scores]
    return {
        "tau": f"{np.mean(taus):.3f} ± {np.std(taus, ddof=1) if len(taus) > 1 else 0:.3f}",
        "95%": f"{ends[0]:.2f} to {ends[1]:.2f}",
        "chosen": f"{np.mean(chosen):.4f}",
        "training s": f"{trained:.0f}",
        "judging s": f"{asked:.1f}",
    }


def report(data: ArrayDataset, args: argparse.Namespace) -> None:
    """Train, ask and print."""
    trainer = trainer_of(data)
    X = connected(trainer.space, args.sample, seed=0)
    trained = train(trainer, X, range(args.trainings), args.folder)
    test = np.array([[r.test.accuracy for r in results] for results in trained])
    val = np.array([[r.val.accuracy for r in results] for results in trained])
    truth, rng = test.mean(axis=1), np.random.default_rng(0)
    seconds = np.mean([r.seconds for results in trained for r in results])
    print(
        f"\n{data.name}: {len(X)} architectures, stand-alone test accuracy {truth.mean():.4f} on average, "
        f"{truth.std(ddof=1):.4f} standard deviation, {truth.min():.4f} to {truth.max():.4f}; "
        f"{seconds:.1f} s (wall) per training",
        flush=True,
    )
    lines = {}
    for how in ("uniform", "fair", "untrained"):
        lines[how] = row(inherited(data, X, range(args.supernets), how), truth, rng)
        print(how, lines[how], flush=True)
    lines |= {name: row(found, truth, rng) for name, found in sizes(trainer, X).items()}
    if args.trainings > 1:
        pairs = [(val[:, i], test[:, j]) for i in range(args.trainings) for j in range(args.trainings) if i != j]
        taus = [kendall_tau(a, b) for a, b in pairs]
        lines["one training"] = {"tau": f"{np.mean(taus):.3f} ± {np.std(taus, ddof=1):.3f}"}
        lines["one training"]["chosen"] = f"{np.mean([b[a.argmax()] for a, b in pairs]):.4f}"
    print("\n" + pd.DataFrame(lines).T.fillna("").to_string())


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--datasets", default="fashion-7x7,digits")
    parser.add_argument("--sample", type=int, default=50, help="architectures")
    parser.add_argument("--trainings", type=int, default=2, help="real trainings of each")
    parser.add_argument("--supernets", type=int, default=3, help="supernets per way of sampling")
    parser.add_argument("--folder", default="runs/one-shot", help="where real trainings are kept")
    args = parser.parse_args()
    torch.set_num_threads(1)
    for name in args.datasets.split(","):
        if (data := load(name)) is not None:
            report(data, args)


if __name__ == "__main__":
    main()
