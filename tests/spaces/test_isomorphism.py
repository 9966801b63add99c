"""Hashes of networks: the same for the same network, whatever it is written like."""

import networkx as nx
import numpy as np

from surrogate_nas.spaces import GraphBatch, Operation
from surrogate_nas.spaces.isomorphism import network_hashes, without_identities
from surrogate_nas.spaces.operations import INPUT, OUTPUT

VOCABULARY = (INPUT, Operation("a", "convolution", 3, True, 1.0), Operation("id", "identity"), OUTPUT)


def batch_of(*graphs):
    out = []
    for edges, ops in graphs:
        graph = nx.DiGraph(edges)
        nx.set_node_attributes(graph, dict(enumerate(ops)), "op")
        out.append(graph)
    return GraphBatch.from_networkx(out, VOCABULARY)


def test_an_identity_becomes_edges_and_parallel_edges_add_up():
    batch = batch_of(([(0, 1), (0, 2), (1, 3), (2, 3), (0, 3)], ["input", "id", "id", "output"]))
    counts, kept = without_identities(batch)
    np.testing.assert_array_equal(kept, [[True, False, False, True]])
    assert counts[0, 0, 3] == 3
    assert counts.sum() == 3


def test_hashes_do_not_depend_on_padding_or_order():
    one = ([(0, 1), (1, 3), (0, 2), (2, 3)], ["input", "a", "id", "output"])
    other = ([(0, 2), (2, 3), (0, 1), (1, 3)], ["input", "id", "a", "output"])
    long = ([(k, k + 1) for k in range(8)], ["input", *"aaaaaaa", "output"])
    alone, padded = network_hashes(batch_of(one)), network_hashes(batch_of(one, other, long))
    assert alone[0] == padded[0] == padded[1]
    assert padded[0] != padded[2]


def test_one_operation_read_twice_is_not_two_operations():
    shared = ([(0, 1), (1, 2), (1, 3), (2, 4), (3, 4)], ["input", "a", "a", "a", "output"])
    separate = ([(0, 1), (0, 2), (1, 3), (2, 4), (3, 5), (4, 5)], ["input", "a", "a", "a", "a", "output"])
    a, b = network_hashes(batch_of(shared, separate))
    assert a != b


def test_long_paths_are_told_apart_by_their_far_ends():
    hashes = network_hashes(batch_of(*(([(k, k + 1) for k in range(n)], ["input", *"a" * (n - 1), "output"])
                                       for n in range(1, 12))))  # fmt: skip
    assert len(set(hashes.tolist())) == 11
