"""Whether built networks are as large, and compute as much, as was published, and as torch itself counts.

* NAS-Bench-201: parameters of all 9,445 architectures of NAS-Bench-Suite-Zero's file (in the folder that
  SURROGATE_NAS_DATA names) against its column, multiplications of a sample against its FLOPs. That column also counts
  normalisations, activations and poolings: the second row counts them, too, and differs by one constant.
* NAS-Bench-Graph: parameters of a sample of each task against the embedded table, at each task's published setting.
* Every space of the catalogue: parameters against the sizes in torch's ``state_dict``, multiplications against
  ``torch.utils.flop_counter``; smallest and largest network of the sample. Products of graph operations outside
  linear layers, ARMA's, are torch's alone.

    python analysis/27_network_sizes.py                    # ten minutes on one core
    python analysis/27_network_sizes.py --rows 500 --sample 5
"""

import argparse
import os
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch.utils.flop_counter import FlopCounterMode

import surrogate_nas as sn
from surrogate_nas.core.statistics import spearman
from surrogate_nas.networks import count_flops, count_parameters

IMAGE, CLASSES = (3, 32, 32), 10

#: Task -> (features, classes, width, stem layers, head layers): features and classes are those of the data sets, the
#: rest is the only setting under which every published count comes out.
GRAPH_SETTINGS = {
    "cora": (1433, 7, 256, 0, 1),
    "citeseer": (3703, 6, 256, 0, 1),
    "pubmed": (500, 3, 128, 0, 0),
    "cs": (6805, 15, 128, 1, 0),
    "photo": (745, 8, 128, 0, 0),
    "computers": (767, 10, 64, 1, 1),
    "arxiv": (128, 40, 128, 0, 1),
}


def main() -> None:
    """Print everything."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=None, help="architectures of NAS-Bench-201; all by default")
    parser.add_argument("--flops", type=int, default=1000, help="how many of them are run to count multiplications")
    parser.add_argument("--graphs", type=int, default=300, help="architectures per task of NAS-Bench-Graph")
    parser.add_argument("--sample", type=int, default=20, help="architectures per space")
    args = parser.parse_args()
    torch.manual_seed(0)
    if "SURROGATE_NAS_DATA" in os.environ:
        cells(Path(os.environ["SURROGATE_NAS_DATA"]), args.rows, args.flops)
    graphs(args.graphs)
    spaces(args.sample)


def cells(folder: Path, rows: int | None, n_flops: int) -> None:
    """Parameters and multiplications of NAS-Bench-201 against NAS-Bench-Suite-Zero's columns."""
    published = pd.read_parquet(folder / "nas-bench-201-zero-cost-cifar10.parquet")
    published = published if rows is None else published.sample(rows, random_state=0)
    space = sn.get_space("nas-bench-201")
    X = space.parse(list(published.index))
    with torch.device("meta"):  # counts need no memory
        params = np.array([count_parameters(sn.build_network(space, x, IMAGE, CLASSES)) for x in X])
    equal = params == np.round(published["params"].to_numpy() * 1e6)
    print(f"NAS-Bench-201, parameters: {equal.sum():,} of {len(X):,} equal the published count")
    chosen = np.random.default_rng(0).choice(len(X), min(n_flops, len(X)), replace=False)
    expected = published["flops"].to_numpy()[chosen]
    networks = (sn.build_network(space, x, IMAGE, CLASSES) for x in X[chosen])
    counts = np.array([[count_flops(n, IMAGE, elementwise=e) for e in (False, True)] for n in networks])
    for what, ours in zip(("convolutions and linear layers", "with all that is elementwise"), counts.T, strict=True):
        differences = np.unique(np.round(expected * 1e6 - ours))
        span = f"{differences[0]:,.0f}" + (f" to {differences[-1]:,.0f}" if len(differences) > 1 else " throughout")
        print(
            f"NAS-Bench-201, FLOPs, {what}: Spearman {spearman(ours, expected):.5f} over {len(ours):,} architectures; "
            f"published - counted: {span}"
        )


def graphs(n: int) -> None:
    """Parameters of NAS-Bench-Graph against the embedded table."""
    space, table = sn.get_space("nas-bench-graph"), sn.load_table("nas-bench-graph")
    X = space.sample(n, np.random.default_rng(0), unique=True)
    for task, (features, classes, channels, stem, head) in GRAPH_SETTINGS.items():
        published = np.round(table.query(X, task=task, metric="params", split="") * 1e6)
        setting = {"channels": channels, "stem_layers": stem, "head_layers": head}
        with torch.device("meta"):
            ours = [count_parameters(sn.build_network(space, x, features, classes, **setting)) for x in X]
        print(f"NAS-Bench-Graph, {task}, parameters: {(ours == published).sum()} of {n} equal the published count")


def spaces(n: int) -> None:
    """Every space against torch's own counts."""
    shapes = {"graph": (16,), "tabular": (16,), "sequence": (3, 128), "image": IMAGE}
    rows = []
    for name in sn.list_spaces():
        space = sn.get_space(name)
        shape = shapes[space.skeleton.input_kind]
        edges = (torch.tensor([[0], [0]]),) * (space.skeleton.input_kind == "graph")
        params, flops, same_params, same_flops = [], [], 0, 0
        for x in space.sample(n, np.random.default_rng(0)):
            network = sn.build_network(space, x, shape, CLASSES).eval()
            trained = dict(network.named_parameters())
            params.append(count_parameters(network))
            same_params += params[-1] == sum(v.numel() for k, v in network.state_dict().items() if k in trained)
            flops.append(count_flops(network, shape, *edges))
            with FlopCounterMode(display=False) as counter, torch.no_grad():
                network(torch.zeros(1, *shape), *edges)
            same_flops += 2 * flops[-1] == counter.get_total_flops()
        rows.append([name, "x".join(map(str, shape)), same_params, same_flops, *span(params), *span(flops)])
    columns = ["space", "input", f"parameters equal, of {n}", f"FLOPs equal, of {n}", "fewest parameters, M", "most, M",
               "fewest FLOPs, M", "most, M"]  # fmt: skip
    print(pd.DataFrame(rows, columns=columns).to_string(index=False))


def span(counts: list[int]) -> tuple[float, float]:
    """Fewest and most, in millions."""
    return round(min(counts) / 1e6, 3), round(max(counts) / 1e6, 3)


if __name__ == "__main__":
    main()
