"""Writes the smallest files in exactly the formats of NAS-Bench-201 and NATS-Bench, from made-up numbers.

What the benchmarks' own classes hold is written key by key as their ``state_dict`` does; how it becomes a
file, their collecting scripts say: ``torch.save`` of one dict, or bzip2 over a pickle of protocol 4.
"""

import bz2
import pickle
from collections import OrderedDict
from pathlib import Path

import numpy as np

EVALUATIONS = {
    "cifar10-valid": ("x-valid", "ori-test"),
    "cifar10": ("ori-test",),
    "cifar100": ("x-valid", "x-test", "ori-test"),
    "ImageNet16-120": ("x-valid", "x-test", "ori-test"),
}

TOPOLOGIES = [
    "|avg_pool_3x3~0|+|nor_conv_1x1~0|skip_connect~1|+|nor_conv_1x1~0|skip_connect~1|skip_connect~2|",
    "|nor_conv_3x3~0|+|nor_conv_3x3~0|avg_pool_3x3~1|+|skip_connect~0|nor_conv_3x3~1|skip_connect~2|",
    "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|",
    "|skip_connect~0|+|none~0|none~1|+|none~0|nor_conv_1x1~1|none~2|",
]

SIZES = ["8:8:8:8:8", "8:8:8:8:16", "64:56:48:40:32"]


def training(rng, dataset, seed, epochs, text, *, params=0.25, flops=30.0, old=False):
    """One training, as ``ResultsCount.state_dict()``; ``old`` as the benchmark's first trainings were kept."""

    def curve(low, high):
        return {e: float(v) for e, v in enumerate(rng.uniform(low, high, size=epochs))}

    names = list(EVALUATIONS[dataset])
    per_epoch = names[:1] if old else names  # the others were evaluated after the last epoch alone
    accuracies, losses, times = {}, {}, {}
    for name in names:
        for epoch in range(epochs) if name in per_epoch else [epochs - 1]:
            key = f"{name}@{epoch}"
            accuracies[key], losses[key] = float(rng.uniform(10, 90)), float(rng.uniform(0.1, 3))
            if not old:
                times[key] = float(rng.uniform(1, 2))
    return {
        "name": dataset,
        "net_state_dict": None,
        "train_acc1es": curve(10, 90),
        "train_acc5es": None if old else curve(50, 99),
        "train_losses": curve(0.1, 3),
        "train_times": None if old else OrderedDict((e, float(rng.uniform(5, 9))) for e in range(epochs)),
        "arch_config": {"channel": 16, "num_cells": 5, "arch_str": text, "class_num": 10},
        "params": np.float64(params),
        "flop": flops,
        "seed": str(seed),
        "epochs": epochs,
        "latency": [float(v) for v in rng.uniform(0.01, 0.02, size=3)] if old else [0.0125],
        "eval_names": names,
        "eval_acc1es": accuracies,
        "eval_times": times,
        "eval_losses": losses,
    }


def record(index, text, trainings):
    """All trainings of one schedule by (data set, seed), as ``ArchResults.state_dict()``."""
    seeds = {}
    for dataset, seed in trainings:
        seeds.setdefault(dataset, []).append(seed)
    return {
        "arch_index": index,
        "arch_str": text,
        "all_results": dict(trainings),
        "dataset_seed": {d: sorted(s) for d, s in seeds.items()},
        "clear_net_done": True,
    }


def records(texts, schedules, *, seeds=(777, 888), old=(), rng=None):
    """Records by number and schedule: the first seed for all data sets, further seeds for every second architecture.

    Args:
        texts: The architectures.
        schedules: Epochs by name of the schedule.
        seeds: Seeds of the trainings.
        old: Schedules kept the older way.
        rng: Source of the numbers.
    """
    rng = rng or np.random.default_rng(0)
    return {
        i: OrderedDict(
            (
                name,
                record(
                    i,
                    text,
                    {
                        (dataset, seed): training(rng, dataset, seed, epochs, text, params=0.25 + i, old=name in old)
                        for dataset in EVALUATIONS
                        for seed in (seeds if i % 2 else seeds[:1])
                    },
                ),
            )
            for name, epochs in schedules.items()
        )
        for i, text in enumerate(texts)
    }


def single(texts, found, **changes):
    """The dict that a single file is."""
    return {
        "meta_archs": texts,
        "total_archs": len(texts),
        "arch2infos": found,
        "evaluated_indexes": {*found},
    } | changes


def write_bz2(content, path: Path) -> Path:
    with bz2.BZ2File(path, "wb") as file:
        pickle.dump(content, file, protocol=4)
    return path


def write_folder(folder: Path, texts, found) -> Path:
    folder.mkdir()
    write_bz2(single(texts, {}, arch2infos=None), folder / "meta.pickle.pbz2")
    for i, schedules in found.items():
        write_bz2(schedules, folder / f"{i:06d}.pickle.pbz2")
    return folder
