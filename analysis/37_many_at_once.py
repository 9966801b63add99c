"""How many networks per minute are trained when many are trained at once, and why a GPU should gain from it.

Random architectures of NAS-Bench-201 in a small skeleton (one cell per stage, widths 8, 16 and 32, batches of 64), on
scikit-learn's digits as images, or on the first 2,000 images of Fashion-MNIST's training part. Two tables:

    operators        what one step (batch, forward, backward, optimiser) launches, counted on the CPU: every operator
                     that computes something, views apart; of the same k networks one by one and at once. On a GPU
                     each is about one kernel, and small networks take as long as their launches do.
    throughput       networks per minute on the device that there is, for k networks at a time. Each row trains the
                     same architectures, as many as the largest k; k = 1 is one after the other. Preparing the networks
                     and their common program, evaluation and scores are in the time: on a GPU that of the clock, on a
                     processor that of this process.

On a GPU the goal is eight times the networks per minute of one after the other. A processor has no idle time that
many at once could fill: what its row shows is the price of gathering.

    OMP_NUM_THREADS=1 nice -n 10 python analysis/37_many_at_once.py
    python analysis/37_many_at_once.py --data fashion-mnist --epochs 5 --bfloat16      # on a GPU
"""

import argparse
import time
from collections.abc import Iterator

import numpy as np
import torch
from torch.utils._python_dispatch import TorchDispatchMode

import surrogate_nas as sn
from surrogate_nas.training import ArrayDataset, array_dataset, load_dataset
from surrogate_nas.training.device import isolated, resolve_device
from surrogate_nas.training.minibatches import MiniBatches
from surrogate_nas.training.stacking.networks import StackedNetworks
from surrogate_nas.training.stacking.samples import StackedBatches
from surrogate_nas.training.tensors import split_tensors

TOGETHER = (1, 2, 4, 8, 16, 32, 64)
COUNTED = (1, 4, 16, 32, 64)
DRAW, BATCH, IMAGES = 37, 64, 2000
SPACE = sn.get_space("nas-bench-201")


class Operators(TorchDispatchMode):
    """Counts what computes."""

    count = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        """Count and compute."""
        self.count += not func.is_view and func.namespace == "aten"
        return func(*args, **(kwargs or {}))


def data_of(name: str) -> ArrayDataset:
    """The images."""
    whole = load_dataset(name, "image")
    return whole if len(whole.x) <= IMAGES else array_dataset(whole.x[:IMAGES], whole.y[:IMAGES], name=f"{name} subset")


def trainer_of(data: ArrayDataset, args: argparse.Namespace, device: str) -> sn.Trainer:
    """The small skeleton."""
    recipe = {"epochs": args.epochs, "cells": 1, "width": 0.5, "batch_size": BATCH, "mixed_precision": args.bfloat16}
    return sn.Trainer(space=SPACE, dataset=data, recipe=recipe, device=device)


def operators_per_step(args: argparse.Namespace, rows: np.ndarray) -> Iterator[tuple[int, int, int]]:
    """k, operators of one step of each of k networks by itself, and of all at once; on the CPU."""
    digits = load_dataset("digits", "image")
    # As many images as make one step an epoch, beside some that are not trained on.
    few = array_dataset(digits.x[: 2 * BATCH], digits.y[: 2 * BATCH], validation=0.25, test=0.25, name="one step")
    trainer = trainer_of(few, args, "cpu")
    data, recipe = split_tensors(few, "cpu")[0], trainer.settings
    networks = [trainer.network(x, i) for i, x in enumerate(rows[: max(COUNTED)])]
    with isolated(torch.device("cpu")):
        alone = [counted(MiniBatches(network, data, recipe, 0)) for network in networks]
        for k in COUNTED:
            stacked = StackedNetworks(networks[:k], torch.zeros(2, *few.input_shape))
            together = counted(StackedBatches(stacked, data, recipe, range(k))) if k > 1 else alone[0]
            yield k, sum(alone[:k]), together


def counted(learner: MiniBatches | StackedBatches) -> int:
    """Operators of an epoch that is a step."""
    learner.train_epoch(1)
    with Operators() as operators:
        learner.train_epoch(2)
    return operators.count


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", default="digits", choices=("digits", "fashion-mnist"))
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--bfloat16", action="store_true", help="mixed precision")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--together", type=int, nargs="+", default=TOGETHER)
    args = parser.parse_args()
    rows = SPACE.sample(max(*args.together, *COUNTED), np.random.default_rng(DRAW), unique=True)

    print("Operators per step\n   k  one by one  at once  times fewer")
    for k, alone, together in operators_per_step(args, rows):
        print(f"{k:4d} {alone:11d} {together:8d} {alone / together:12.1f}", flush=True)

    device = resolve_device(args.device)
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU, one core"
    data = data_of(args.data)
    trainer = trainer_of(data, args, str(device))
    print(f"\nThroughput on {name}, {data.name}, {args.epochs} epoch(s), torch {torch.__version__}")
    if device.type != "cuda":
        print("No GPU could be had: the goal of eight times as many networks per minute is one for a GPU.")
    trainer.train_many([(rows[0], 0), (rows[1], 1)], 2)  # libraries are loaded, memory is warm
    print("   k  networks  seconds  networks/minute  against k = 1")
    # A processor may be shared with others: there the time that this process was given counts.
    clock = time.perf_counter if device.type == "cuda" else time.process_time
    jobs = [(x, i) for i, x in enumerate(rows[: max(args.together)])]
    base = None
    for k in args.together:
        start = clock()
        results = trainer.train_many(jobs, k)
        seconds = clock() - start
        rate = 60 * sum(r.ok for r in results) / seconds
        base = base or rate
        print(f"{k:4d} {len(jobs):9d} {seconds:8.1f} {rate:16.1f} {rate / base:14.2f}", flush=True)


if __name__ == "__main__":
    main()
