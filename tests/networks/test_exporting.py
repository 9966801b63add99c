"""Networks as files: each is read back, without this package, and computes the same for any number of inputs."""

import importlib.util
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import surrogate_nas as sn
from surrogate_nas.core import InvalidInputError, MissingExtraError, UnknownNameError
from surrogate_nas.networks import export_network, exporting

SMALL = {"channels": (4, 8, 8), "stages": (2, 1, 1)}
SLOW = ("nas-bench-301", "hw-fbnet", "transnas-macro")
SPACES: dict[str, dict[str, Any]] = {
    "nas-bench-201": SMALL,
    "nas-bench-101": {**SMALL, "stem_width": 4},
    "nas-bench-301": {**SMALL, "stem_width": 4, "auxiliary": True},
    "hw-fbnet": {"width_factor": 0.25},
    "transnas-macro": {"width_factor": 0.1},
    "chain": {"width_factor": 0.1},
    "mlp": {},
}
SHAPES = {"chain": (2, 21), "mlp": (9,)}

#: Those that torch looks through within seconds; of the others, whose parts are the same, one after the other is slow.
QUICK = ["mlp", "nas-bench-201", *(pytest.param(name, marks=pytest.mark.slow) for name in SLOW)]


def trained(name: str, row: int = 1) -> tuple[nn.Module, tuple[int, ...]]:
    """A small network whose normalisations have seen something."""
    space, shape = sn.get_space(name), SHAPES.get(name, (3, 12, 10))
    x = space.sample(row, np.random.default_rng(row))[-1]
    network = sn.build_network(space, x, shape, 4, **SPACES[name])
    network(torch.randn(8, *shape))
    return network, shape


def outputs(network: nn.Module, x: Tensor) -> Tensor:
    with torch.no_grad():
        return network.eval()(x)


def written_module(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location("written", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", SPACES)
def test_source_computes_the_same(name: str, tmp_path: Path) -> None:
    network, shape = trained(name)
    assert export_network(network, shape, tmp_path / "written.py", "python") == tmp_path / "written.py"
    assert network.training  # left as it was
    x = torch.randn(3, *shape)
    with torch.no_grad():
        y = written_module(tmp_path / "written.py").load()(x)
    assert torch.allclose(y, outputs(network, x), atol=1e-6)


#: Reads source in a process in which importing this package fails.
READER = """
import sys
sys.modules["surrogate_nas"] = None
import torch, written
torch.save(written.load()(torch.load("x.pt")).detach(), "y.pt")
"""


def test_source_runs_without_this_package(tmp_path: Path) -> None:
    network, shape = trained("nas-bench-201")
    export_network(network, shape, tmp_path / "written.py", "python")
    x = torch.randn(3, *shape)
    torch.save(x, tmp_path / "x.pt")
    subprocess.run([sys.executable, "-c", READER], cwd=tmp_path, check=True)
    assert torch.allclose(torch.load(tmp_path / "y.pt"), outputs(network, x), atol=1e-6)


def test_source_reads_like_written_by_hand(tmp_path: Path) -> None:
    space = sn.get_space("nas-bench-201")
    x = space.parse("|nor_conv_3x3~0|+|none~0|avg_pool_3x3~1|+|skip_connect~0|none~1|nor_conv_1x1~2|")[0]
    network = sn.build_network(space, x, (3, 8, 8), 10, **SMALL)
    source = export_network(network, (3, 8, 8), tmp_path / "written.py", "python").read_text(encoding="utf-8")
    assert (
        '            "1": nn.Sequential(nn.ReLU(), nn.Conv2d(4, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4)),\n'
        in source
    )
    assert 'layers_1 = self.layers["1"](x)\n' in source
    assert "*[Cell() for _ in range(2)]" in source
    assert source.count("class Cell") == 2  # two widths
    assert not any(len(line) > 120 or line != line.rstrip() for line in source.splitlines())
    # Names stay, so that weights trained here fit there, and the other way round.
    other = written_module(tmp_path / "written.py").Network()
    assert list(other.state_dict()) == list(network.state_dict())


def test_a_cell_that_lets_nothing_through_is_written_too(tmp_path: Path) -> None:
    network = sn.build_network(sn.get_space("nas-bench-201"), np.zeros(6, dtype=np.int16), (1, 9, 9), 3, **SMALL)
    export_network(network, (1, 9, 9), tmp_path / "written.py", "python")
    x = torch.randn(3, 1, 9, 9)
    assert torch.equal(written_module(tmp_path / "written.py").load()(x), outputs(network, x))


def test_parts_with_numbers_of_their_own_are_written_too(tmp_path: Path) -> None:
    class Scaled(nn.Module):
        """Scales and shifts."""

        def __init__(self) -> None:
            super().__init__()
            self.scale = nn.Parameter(torch.randn(3))
            self.register_buffer("shift", torch.randn(3))
            self.pooled = nn.Sequential(nn.MaxPool1d(3, 1, 1), nn.LayerNorm(5), nn.LeakyReLU(0.3), nn.Dropout(0.2))

        def forward(self, x: Tensor) -> Tensor:
            return self.pooled(x[:, 1:] * self.scale[:, None] + self.shift[:, None])

    network = Scaled()
    export_network(network, (4, 5), tmp_path / "written.py", "python")
    x = torch.randn(2, 4, 5)
    assert torch.equal(written_module(tmp_path / "written.py").load()(x), outputs(network, x))


@pytest.mark.parametrize("name", QUICK)
def test_torchscript_computes_the_same(name: str, tmp_path: Path) -> None:
    network, shape = trained(name, 2)
    path = export_network(network, shape, tmp_path / "network.pt", "torchscript")
    x = torch.randn(3, *shape)
    assert torch.allclose(torch.jit.load(path)(x), outputs(network, x), atol=1e-6)


@pytest.mark.parametrize("name", QUICK)
def test_exported_programs_compute_the_same(name: str, tmp_path: Path) -> None:
    network, shape = trained(name, 3)
    path = export_network(network, shape, tmp_path / "network.pt2")
    x = torch.randn(5, *shape)
    assert torch.allclose(torch.export.load(path).module()(x), outputs(network, x), atol=1e-6)


def test_networks_on_graphs_are_exported_programs(tmp_path: Path) -> None:
    space = sn.get_space("nas-bench-graph")
    network = sn.build_network(space, space.parse("[0,1,2,2] gat|arma|cheb|gin")[0], 5, 3, channels=8)
    path = export_network(network, 5, tmp_path / "network.pt2")
    x, edges = torch.randn(9, 5), torch.randint(0, 9, (2, 30))
    with torch.no_grad():
        expected = network.eval()(x, edges)
    assert torch.allclose(torch.export.load(path).module()(x, edges), expected, atol=1e-6)
    with pytest.raises(InvalidInputError, match="expected 'torch-export' for a network on graphs, got 'onnx'"):
        export_network(network, 5, tmp_path / "network.onnx", "onnx")


@pytest.mark.parametrize("name", QUICK)
def test_onnx_computes_the_same(name: str, tmp_path: Path) -> None:
    runtime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed: nothing reads ONNX here")
    pytest.importorskip("onnxscript", reason="onnxscript is not installed: nothing writes ONNX here")
    network, shape = trained(name, 4)
    path = export_network(network, shape, tmp_path / "network.onnx", "onnx")
    x = torch.randn(3, *shape)
    (y,) = runtime.InferenceSession(str(path)).run(None, {"input": x.numpy()})
    np.testing.assert_allclose(y, outputs(network, x).numpy(), atol=1e-5)
    assert [p.name for p in tmp_path.iterdir()] == ["network.onnx"]  # one file, weights and all


def test_a_missing_package_is_told_with_the_line_that_installs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"export to ONNX needs onnx: pip install 'surrogate-nas\[onnx\]'"):
        export_network(nn.Linear(3, 2), 3, tmp_path / "network.onnx", "onnx")


def test_what_cannot_be_written_is_told_in_one_line(tmp_path: Path) -> None:
    class Odd(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x if x.sum() > 0 else -x

    with pytest.raises(UnknownNameError, match="unknown format 'onx'.*did you mean 'onnx'"):
        export_network(nn.Linear(3, 2), 3, tmp_path / "a.onnx", "onx")
    with pytest.raises(InvalidInputError, match=r"expected a name that ends in \.pt2 for torch-export, got 'a\.onnx'"):
        export_network(nn.Linear(3, 2), 3, tmp_path / "a.onnx")
    with pytest.raises(InvalidInputError, match="expected one with weights, got one on the device 'meta'"):
        export_network(nn.Linear(3, 2, device="meta"), 3, tmp_path / "a.pt2")
    with pytest.raises(InvalidInputError, match="Odd: expected a part that computes the same whatever the values"):
        export_network(Odd(), 3, tmp_path / "a.py", "python")
    with pytest.raises(InvalidInputError, match="cannot be written"):
        export_network(nn.Linear(3, 2), 3, tmp_path / "missing" / "a.py", "python")
    assert not list(tmp_path.iterdir())
