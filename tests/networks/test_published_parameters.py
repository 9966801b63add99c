"""Networks are those of NAS-Bench-Graph: parameter counts equal the published ones exactly."""

import numpy as np
import pytest
import torch

import surrogate_nas as sn

#: Task -> (features, classes, width, stem layers, head layers). Features and classes are those of the
#: data sets; the rest is the only setting under which every published count comes out.
PUBLISHED_SETTINGS = {
    "cora": (1433, 7, 256, 0, 1),
    "citeseer": (3703, 6, 256, 0, 1),
    "pubmed": (500, 3, 128, 0, 0),
    "cs": (6805, 15, 128, 1, 0),
    "photo": (745, 8, 128, 0, 0),
    "computers": (767, 10, 64, 1, 1),
    "arxiv": (128, 40, 128, 0, 1),
}


@pytest.mark.parametrize("task", PUBLISHED_SETTINGS)
def test_parameter_counts_equal_the_published_ones(task: str) -> None:
    features, classes, channels, stem, head = PUBLISHED_SETTINGS[task]
    space = sn.get_space("nas-bench-graph")
    X = space.sample(100, np.random.default_rng(0), unique=True)
    published = sn.load_table("nas-bench-graph").query(X, task=task, metric="params", split="")  # in millions
    with torch.device("meta"):  # counts need no memory
        networks = [
            sn.build_network(space, x, features, classes, channels=channels, stem_layers=stem, head_layers=head)
            for x in X
        ]
    counted = [sum(p.numel() for p in network.parameters()) for network in networks]
    assert counted == np.round(published * 1e6).astype(int).tolist()
