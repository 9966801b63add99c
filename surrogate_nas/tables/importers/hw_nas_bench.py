"""HW-NAS-Bench: ``HW-NAS-Bench-v1_0.pickle``, costs on six devices for two spaces.

A dict with two entries. "nasbench201" holds by data set "config", which names the architectures, and one
array per cost, "edgegpu_latency" and the like: measured or estimated for every architecture. "fbnet" holds
by cost a look-up table from blocks to numbers, for networks of 9**22 architectures: what the benchmark
answers for a network is the sum over its blocks, its stem and its head. Only the first is a table; of the
second, :func:`read_hw_nas_bench_fbnet` computes a table for the architectures it is given.

A cost of -1 says that a network cannot run on the device: it is not measured.
"""

import re
from collections.abc import Iterator
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from surrogate_nas.core import Column, Direction, InvalidInputError
from surrogate_nas.core.progress import Progress, Silent
from surrogate_nas.spaces import get_space
from surrogate_nas.spaces.base import SearchSpace
from surrogate_nas.tables.importers.pickled import as_record, field, kind_of, named, number
from surrogate_nas.tables.importers.reading import check_complete, naming
from surrogate_nas.tables.safe_pickle import PLAIN_DATA, Array, load_pickle
from surrogate_nas.tables.sources import get_source
from surrogate_nas.tables.table import Table
from surrogate_nas.tables.text import parse_architectures

#: What a cost's name ends with, its unit and direction.
COSTS: tuple[tuple[str, str, Direction], ...] = (
    ("latency", "ms", "min"),
    ("energy", "mJ", "min"),
    ("arithmetic_intensity", "", "max"),
)

#: Entry that names the architectures of a data set.
_CONFIG = "config"

#: What the source writes where a network cannot run.
_CANNOT_RUN = -1.0

Floats = npt.NDArray[np.float64]


def read_hw_nas_bench(path: "str | PathLike[str]", *, progress: Progress | None = None, partial: bool = False) -> Table:
    """Read the costs of all architectures of NAS-Bench-201.

    Tasks are the data sets the networks were built for: "cifar10", "cifar100", "ImageNet16-120". Metrics keep
    the source's names, device first: "edgegpu_latency", "pixel3_latency", ... in ms, "..._energy" in mJ.

    Args:
        path: The file.
        progress: Told how many data sets were read, and what else the file holds.
        partial: Accept a file with fewer architectures than were published.

    Raises:
        InvalidInputError: Not such a file, truncated, hostile or incomplete; the message begins with the path.
    """
    report = progress or Silent()
    space = get_space("nas-bench-201")
    with naming(path):
        tasks = named(_load(Path(path)).get("nasbench201"), "nasbench201")
        texts: list[str] = []
        columns: dict[Column, Floats] = {}
        for done, (task, content) in enumerate(tasks.items(), 1):
            costs = named(content, task)
            found = _architectures(costs.get(_CONFIG), task)
            if texts and found != texts:
                raise InvalidInputError(f"{task}: expected the architectures of the other data sets, in their order")
            texts = found
            for name in (n for n in costs if n != _CONFIG):
                column = _column(task, name)
                if column is None:
                    report.say(f"{task}: left out {name:.60}, which is no {', '.join(c[0] for c in COSTS)}")
                else:
                    columns[column] = _costs(costs[name], len(texts), f"{task}, {name}")
            report.track("data sets", done, len(tasks))
        check_complete(len(texts), space.size, partial)
        X = parse_architectures(space, texts)
        return Table(space, X, columns, **get_source("hw-nas-bench").about)


def read_hw_nas_bench_fbnet(
    path: "str | PathLike[str]", X: npt.ArrayLike, *, progress: Progress | None = None
) -> Table:
    """Compute the costs of networks of FBNet's space from the costs of their blocks, as the benchmark does.

    Tasks are "cifar100" and "ImageNet"; metrics as in :func:`read_hw_nas_bench`. Nothing in this table was
    measured on a whole network.

    Args:
        path: The file.
        X: Rows of the space "hw-fbnet", shape (m, 22).
        progress: Told how many costs were computed.

    Raises:
        InvalidInputError: Not such a file, truncated or hostile; the message begins with the path.
    """
    return fbnet_table(Path(path), get_space("hw-fbnet"), X, progress or Silent())


def fbnet_table(path: Path, space: SearchSpace, X: npt.ArrayLike, report: Progress) -> Table:
    """Arguments and errors as in :func:`read_hw_nas_bench_fbnet`."""
    rows = space.rows(X)
    blocks = _block_names(space)
    with naming(path):
        lookups = named(_load(path).get("fbnet"), "fbnet")
        columns: dict[Column, Floats] = {}
        for done, (name, content) in enumerate(lookups.items(), 1):
            lookup = named(content, name)
            for network in NETWORKS:
                column = _column(network.task, name)
                if column is not None:
                    constant, costs = _sums(lookup, network, blocks, name)
                    columns[column] = constant + costs[np.arange(len(costs)), rows].sum(axis=1)
            report.track("costs", done, len(lookups))
        about = get_source("hw-nas-bench").about
        about |= {"name": "hw-nas-bench-fbnet", "source": f"{about['source']} (sums over the costs of blocks)"}
        return Table(space, rows, columns, **about)


def _load(path: Path) -> dict[Any, Any]:
    with path.open("rb") as file:
        return as_record(load_pickle(file, allow=PLAIN_DATA), "the file")


def _column(task: str, name: str) -> Column | None:
    """The column of a cost such as "edgegpu_latency"; None where the name is of another kind."""
    for ending, unit, direction in COSTS:
        if name.endswith(f"_{ending}"):
            return Column(task, name, unit=unit, direction=direction)
    return None


def _architectures(configs: object, task: str) -> list[str]:
    """Architectures as text, in the benchmark's order."""
    if isinstance(configs, dict) and configs.keys() == set(range(len(configs))):
        configs = [configs[i] for i in range(len(configs))]
    if not isinstance(configs, list | tuple) or not configs:
        raise InvalidInputError(f"{task}: expected {_CONFIG!r} with architectures, got {kind_of(configs)}")
    return [field(as_record(c, f"{task}, {_CONFIG}"), "arch_str", str, f"{task}, {_CONFIG}") for c in configs]


def _costs(values: object, n: int, what: str) -> Floats:
    """One number per architecture; NaN where it cannot run."""
    if isinstance(values, Array):
        array = np.asarray(values)
        found = array.astype(np.float64) if array.dtype.kind in "iuf" else np.empty(0)
    elif isinstance(values, list | tuple):
        found = np.array([number(v, what) for v in values])
    else:
        raise InvalidInputError(f"{what}: expected numbers, got {kind_of(values)}; is this the published file?")
    if found.shape != (n,):
        raise InvalidInputError(f"{what}: expected {n} numbers, got an array of shape {found.shape}")
    wrong = (found < 0) & (found != _CANNOT_RUN)
    if wrong.any():
        i = int(np.flatnonzero(wrong)[0])
        raise InvalidInputError(f"{what}: expected a cost or {_CANNOT_RUN:g}, got {found[i]:g} for architecture {i}")
    return np.where((found == _CANNOT_RUN) | ~np.isfinite(found), np.nan, found)


# The networks of FBNet's space: what the look-up tables were made for.


class Network(NamedTuple):
    """What surrounds the blocks on one data set.

    Attributes:
        task: Data set.
        size: Height and width of an image.
        first_stride: Stride of the stem.
        strides: Stride of the first block of each stage.
        head: Channels of the last convolution.
        classes: Outputs.
    """

    task: str
    size: int
    first_stride: int
    strides: tuple[int, ...]
    head: int
    classes: int


NETWORKS = (
    Network("cifar100", 32, 1, (1, 1, 2, 2, 1, 2, 1), 1504, 100),
    Network("ImageNet", 224, 2, (1, 2, 2, 2, 1, 2, 1), 1984, 1000),
)

#: Channels of the stem; channels and blocks of each stage.
STEM = 16
STAGES = ((16, 1), (24, 4), (32, 4), (64, 4), (112, 4), (184, 4), (352, 1))

#: A block: kernel, expansion, groups; anything else is written "skip".
_BLOCK = re.compile(r"k(?P<kernel>\d)_e(?P<exp>\d)(?:_g(?P<group>\d))?|skip")


def _block_names(space: SearchSpace) -> list[str]:
    """What each value of a gene stands for, as the space itself writes it."""
    values = np.arange(int(space.cardinalities.min()))
    names: list[str] = []
    for text in space.format(np.repeat(values[:, None], space.n_genes, axis=1)):
        found = {match.group() for match in _BLOCK.finditer(text)}
        if len(found) != 1:
            raise InvalidInputError(f"space {space.name!r}: expected blocks like 'k3_e6' and 'skip', got {text!r:.80}")
        names += found
    return names


def _sums(lookup: dict[str, Any], network: Network, blocks: list[str], what: str) -> tuple[float, Floats]:
    """Cost of what all networks share, and of each block in each layer, shape (layers, blocks)."""

    def cost(key: str) -> float:
        if key not in lookup:
            raise InvalidInputError(f"{what}: expected the cost of {key}, got none; is this the published file?")
        return number(lookup[key], f"{what}, {key}")

    def convolution(size: int, inputs: int, outputs: int, kernel: int, stride: int) -> float:
        at = f"H{size}_W{size}_Cin{inputs}_Cout{outputs}"
        return cost(f"ConvNorm_{at}_kernel{kernel}_stride{stride}_group1")

    constant = convolution(network.size, 3, STEM, 3, network.first_stride)
    size, channels = network.size // network.first_stride, STEM
    costs = []
    for inputs, outputs, stride in _layers(network):
        at = f"H{size}_W{size}_Cin{inputs}_Cout{outputs}"
        costs.append([cost(_key(block, at, stride)) for block in blocks])
        size, channels = size // stride, outputs
    constant += convolution(size, channels, network.head, 1, 1)
    constant += cost(f"AvgP_H{size}_W{size}_Cin{network.head}_Cout{network.head}_kernel{size}_stride1")
    constant += cost(f"FC_Cin{network.head}_Cout{network.classes}")
    return constant, np.array(costs)


def _layers(network: Network) -> Iterator[tuple[int, int, int]]:
    """Input channels, output channels and stride of every layer."""
    inputs = STEM
    for (outputs, depth), stride in zip(STAGES, network.strides, strict=True):
        for i in range(depth):
            yield inputs, outputs, stride if i == 0 else 1
            inputs = outputs


def _key(block: str, at: str, stride: int) -> str:
    """Name of a block in the look-up tables."""
    match = _BLOCK.fullmatch(block)
    if match is None or match["kernel"] is None:
        return f"Skip_{at}_stride{stride}"
    return f"ConvBlock_{at}_exp{match['exp']}_kernel{match['kernel']}_stride{stride}_group{match['group'] or 1}"
