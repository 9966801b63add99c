"""DARTS against random search at equal cost, and its collapse: NAS-Bench-201's space, reduced skeleton.

Data, skeleton and stand-alone trainings are those of ``31_supernet.py``. DARTS trains the mixture of all operations
for ``--epochs`` epochs on halves of the training images, at first order, at second order, and at first order with
beta-decay; edges take the operation of the greatest weight, "none" among them. Random search gets the same CPU
seconds: so many architectures, drawn from those of ``31_supernet.py`` with another order per seed, are trained for
real with one seed, and the best by validation is taken. What is found is trained anew with three fresh seeds; printed
are test accuracies: mean over searches (seeds), ± their standard deviation, and a 95% bootstrap interval of the mean.
"random" is the mean over single random architectures. Shares are of the architecture that the mixture stands for:
of identities (skip), and of all operations without weights (identities, poolings, none).

With ``--collapse`` the known collapse is shown where there is nothing else to flee to: cells whose edges carry an
identity or a 3x3 convolution (as space S2 of Zela et al., arXiv:1909.09656), first order, 40 epochs, with beta-decay
and without; printed are the shares of identities in the architecture and in the mixture.

    python analysis/32_darts.py --collapse --searches 2
    python analysis/32_darts.py                                  # fashion-7x7, three searches of each kind
    python analysis/32_darts.py --datasets digits --searches 5 --epochs 30
"""

import argparse
import time
from typing import Any

import numpy as np
import pandas as pd
import torch
from one_shot import RECIPES, connected, load, train, trainer_of

import surrogate_nas as sn
from surrogate_nas.core.statistics import bootstrap_mean
from surrogate_nas.spaces import EdgeCellSpace
from surrogate_nas.training import ArrayDataset
from surrogate_nas.training.supernet import DartsResult, darts

#: Name -> arguments of ``darts``.
KINDS: dict[str, dict[str, Any]] = {
    "first order": {"order": 1},
    "second order": {"order": 2},
    "first order, beta-decay": {"order": 1, "regularisation": "beta-decay"},
}

#: Seeds that no search has seen.
FRESH = (100, 101, 102)


def searched(data: ArrayDataset, how: dict[str, Any], seed: int, epochs: int) -> tuple[DartsResult, float]:
    """One search and its CPU seconds."""
    begin = time.process_time()
    skeleton = RECIPES[data.name].skeleton
    space = sn.get_space("nas-bench-201")
    result = darts(space, data, epochs=epochs, recipe={"skeleton": skeleton}, seed=seed, device="cpu", **how)
    return result, time.process_time() - begin


def seconds_per_training(trainer: sn.Trainer, X: Any) -> float:
    """CPU seconds of a training: mean over some, trained here and now."""
    begin = time.process_time()
    for x in X:
        trainer.train(x, 0)
    return (time.process_time() - begin) / len(X)


def summary(scores: list[float], rng: np.random.Generator) -> dict[str, str]:
    """Mean, spread and interval."""
    mean, low, high = bootstrap_mean(scores, rng)
    return {"test": f"{mean:.4f} ± {np.std(scores, ddof=1):.4f}", "95%": f"{low:.4f} to {high:.4f}"}


def report(data: ArrayDataset, args: argparse.Namespace) -> None:
    """Search, train and print."""
    trainer, rng = trainer_of(data), np.random.default_rng(0)
    space = trainer.space
    pool = connected(space, args.sample, seed=0)
    single = seconds_per_training(trainer, pool[:5])

    def fresh_test(x: Any) -> float:
        results = train(trainer, np.asarray(x)[None], FRESH, args.folder)[0]
        return float(np.mean([r.test.accuracy for r in results]))

    lines, shares = {}, {}
    for name, how in KINDS.items():
        runs = [searched(data, how, seed, args.epochs) for seed in range(args.searches)]
        cost = float(np.mean([seconds for _, seconds in runs]))
        trainings = max(1, round(cost / single))
        found = summary([fresh_test(result.x) for result, _ in runs], rng)
        lines[name] = found | {"CPU s": f"{cost:.0f}", "trainings": str(trainings)}
        curves = [[(h.skip_share, h.free_share, h.skip_weight) for h in result.history] for result, _ in runs]
        shares[name] = np.mean(curves, axis=0)
        chosen = []
        for seed in range(args.searches):
            tried = pool[np.random.default_rng(seed).permutation(len(pool))[:trainings]]
            val = [results[0].val.accuracy for results in train(trainer, tried, [0], args.folder)]
            chosen.append(fresh_test(tried[int(np.argmax(val))]))
        lines[f"random search, cost of {name}"] = summary(chosen, rng) | {"trainings": str(min(trainings, len(pool)))}
        print(f"{data.name}, {name}: {space.format(np.stack([r.x for r, _ in runs]))}", flush=True)
    lines["random"] = summary([r[0].test.accuracy for r in train(trainer, pool, [0], args.folder)], rng)
    print(f"\n{data.name}: {single:.1f} CPU s per stand-alone training\n{pd.DataFrame(lines).T.fillna('').to_string()}")
    at = np.unique(np.linspace(0, args.epochs - 1, 8).round().astype(int))
    for i, what in enumerate(("skip share", "share without weights", "weight of identities in the mixture")):
        curves = {name: found[at, i].round(2) for name, found in shares.items()}
        print(f"\n{what}, by epoch\n{pd.DataFrame(curves, index=at + 1).T.to_string()}", flush=True)


def collapse(data: ArrayDataset, args: argparse.Namespace) -> None:
    """Identities against convolutions, epoch by epoch."""
    whole = sn.get_space("nas-bench-201")
    two = [op for op in whole.operations if op.kind == "identity" or (op.has_weights and op.kernel == 3)]
    space = EdgeCellSpace("identity or convolution", two, whole.n_nodes, whole.skeleton)
    recipe, lines = {"skeleton": RECIPES[data.name].skeleton}, {}
    for regularisation in ("none", "beta-decay"):
        for seed in range(args.searches):
            result = darts(
                space, data, epochs=40, recipe=recipe, regularisation=regularisation, seed=seed, device="cpu"
            )
            for what in ("skip_share", "skip_weight"):
                values = {h.epoch: round(getattr(h, what), 2) for h in result.history[::6] + result.history[-1:]}
                lines[regularisation, seed, what] = values
            print(f"{regularisation}, seed {seed}: {space.format(result.x)[0]}", flush=True)
    print(f"\n{data.name}, identities by epoch\n{pd.DataFrame(lines).T.to_string()}")


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--datasets", default="fashion-7x7")
    parser.add_argument("--sample", type=int, default=50, help="architectures that random search draws from")
    parser.add_argument("--searches", type=int, default=3, help="searches of each kind")
    parser.add_argument("--epochs", type=int, default=10, help="epochs of DARTS")
    parser.add_argument("--folder", default="runs/one-shot", help="where real trainings are kept")
    parser.add_argument("--collapse", action="store_true", help="show the collapse to identities instead")
    args = parser.parse_args()
    torch.set_num_threads(1)
    for name in args.datasets.split(","):
        if (data := load(name)) is not None:
            (collapse if args.collapse else report)(data, args)


if __name__ == "__main__":
    main()
