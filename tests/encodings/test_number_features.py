"""Numbers as numbers, on the scale of their choice."""

import numpy as np
import pytest

from surrogate_nas.encodings import DepthFeatures, GraphFeatures, NumberFeatures
from surrogate_nas.encodings.coarse import MAX_VOCABULARY, coarse
from surrogate_nas.spaces import get_space
from surrogate_nas.spaces.choices.chain import sequence_space
from surrogate_nas.spaces.operations import Operation
from surrogate_nas.spaces.skeleton import Skeleton


def named(space, text):
    encoder = NumberFeatures(space).fit()
    values = encoder.transform(space.parse(text))[0]
    return dict(zip(encoder.get_feature_names_out(), values.tolist(), strict=True))


def test_widths_lie_on_a_scale_of_ratios():
    features = named(get_space("nats-sss"), "8:64:16:32:8")
    assert features["channels 1 on its scale"] == 0
    assert features["channels 2 on its scale"] == 1
    assert features["channels 3 on its scale"] == pytest.approx(1 / 3)
    assert features["sum of channels"] == pytest.approx(0 + 1 + 1 / 3 + 2 / 3)


def test_what_is_not_there_is_neither_wide_nor_narrow():
    features = named(get_space("mlp"), "8-1024-8-1024-8 relu none dropout(0.5)")
    assert (features["width 1 on its scale"], features["width 2 on its scale"]) == (0, 1)
    assert (features["width 6 there"], features["width 6 on its scale"]) == (0, 0)
    assert features["mean width"] == pytest.approx(0.4)
    assert features["dropout on its scale"] == 1
    assert features["activation=0"] == 1


def test_large_vocabularies_are_merged_and_small_ones_are_not():
    chain = get_space("chain")
    graphs = chain.graphs(chain.parse("conv(64,3)-conv(16,11)-pool(2)-dense(128)"))
    assert len(graphs.vocabulary) > MAX_VOCABULARY
    merged = coarse(graphs)
    names = [merged.vocabulary[i].name for i in merged.ops[0] if i >= 0]
    assert names == ["input", "conv", "conv", "pool", "dense", "output"]
    small = get_space("nas-bench-201").graphs(np.zeros((1, 6), dtype=np.int16))
    assert coarse(small) is small


def test_long_chains_are_counted_right():
    """Beyond 30 nodes and 127 layers, where small integers would overflow."""
    conv = Operation("conv", "convolution", 3, True, 1.0)
    space = sequence_space("long", ["c", "s"], 150, [conv, Operation("skip", "identity")], Skeleton("image"))
    X = np.zeros((2, 150), dtype=np.int16)
    X[1, 100:] = 1
    encoder = GraphFeatures(space, pairs=False)
    values = dict(zip(encoder._names(), encoder._encode(X).T.tolist(), strict=True))
    assert values["longest conv"] == [150, 100]
    assert values["count conv"] == [150, 100]
    assert np.isfinite(DepthFeatures(space)._encode(X)).all()
