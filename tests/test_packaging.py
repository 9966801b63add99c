"""The built wheel works by itself: installed into an empty environment, used from a folder that is no checkout."""

import ast
import subprocess
import sys
import sysconfig
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import surrogate_nas

ROOT = Path(__file__).parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
BIN = "Scripts" if sys.platform == "win32" else "bin"


def run(*command, cwd):
    done = subprocess.run([str(c) for c in command], cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT, cwd=folder)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def environment(wheel, tmp_path_factory) -> Path:
    """An empty environment with the wheel in it; the dependencies are those of the running one.

    Its site-packages are added by path, so that the checkout, which an editable install puts there
    by a .pth file of its own, stays out of reach.
    """
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False)
    python = folder / BIN / "python"
    run(
        sys.executable,
        "-m",
        "pip",
        "--python",
        python,
        "install",
        "--quiet",
        "--no-index",
        "--no-deps",
        wheel,
        cwd=folder,
    )
    site = Path(run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=folder).strip())
    dependencies = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    (site / "dependencies.pth").write_text("\n".join(sorted(dependencies)) + "\n", encoding="utf-8")
    return folder


def test_the_wheel_holds_the_package_and_its_data_only(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    data = {p.relative_to(ROOT / "data").as_posix() for p in (ROOT / "data").rglob("*") if p.is_file()}
    assert {"registry.toml", "README.md", "tables/nas-bench-graph.md", "tables/nas-bench-101.md"} <= data
    assert any(name.endswith(".parquet") for name in data)
    assert {f"surrogate_nas/_data/{name}" for name in data} <= names
    assert "surrogate_nas/py.typed" in names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    outside = {name.split("/")[0] for name in names} - {"surrogate_nas"}
    assert outside == {f"surrogate_nas-{surrogate_nas.__version__}.dist-info"}
    sources = {p.relative_to(ROOT).as_posix() for p in (ROOT / "surrogate_nas").rglob("*.py")}
    assert {name for name in names if name.endswith(".py")} == sources


def test_the_installed_package_reads_its_own_data(environment, tmp_path):
    code = """
import surrogate_nas as sn
print(sn.__file__)
print(sn.list_tables())
table = sn.load_table("nas-bench-graph")
print(len(table), len(table.tasks))
print(table.space.format(table.space.enumerate()[:1])[0])
"""
    where, tables, size, architecture = run(environment / BIN / "python", "-c", code, cwd=tmp_path).splitlines()
    assert Path(where).is_relative_to(environment)
    assert "nas-bench-graph" in tables
    assert size == "26206 9"
    assert architecture


def test_the_command_is_installed(environment, tmp_path):
    assert "run" in run(environment / BIN / "surrogate-nas", "--help", cwd=tmp_path)


def test_the_installed_version_is_that_of_the_source(environment, tmp_path):
    code = "import importlib.metadata as m; print(m.metadata('surrogate-nas'))"
    metadata = run(environment / BIN / "python", "-c", code, cwd=tmp_path).splitlines()
    assert {f"Version: {surrogate_nas.__version__}", "License-Expression: Apache-2.0"} <= set(metadata)


def declared() -> list[Requirement]:
    project = PYPROJECT["project"]
    extras = [line for lines in project["optional-dependencies"].values() for line in lines]
    return [Requirement(line) for line in (*PYPROJECT["build-system"]["requires"], *project["dependencies"], *extras)]


def test_dependencies_have_lower_bounds_only():
    """An upper bound or a pin would take a newer version away from a user."""
    assert all([s.operator for s in r.specifier] == [">="] for r in declared())


def test_every_extra_that_a_message_names_exists():
    extras = set(PYPROJECT["project"]["optional-dependencies"])
    for path in sorted((ROOT / "surrogate_nas").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "MissingExtraError.of":
                assert ast.literal_eval(node.args[1]) in extras, f"{path}:{node.lineno}"


def pins() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    found = [Requirement(line) for line in lines if line and not line.startswith("#")]
    assert all([s.operator for s in r.specifier] == ["=="] for r in found)
    return {canonicalize_name(r.name): next(iter(r.specifier)).version for r in found}


def test_the_pinned_versions_satisfy_the_bounds():
    pinned = pins()
    required = [r for r in declared() if r.name in {canonicalize_name(n) for n in pinned}]
    assert {"torch", "numpy", "hatchling"} <= {r.name for r in required}
    assert all(r.specifier.contains(pinned[r.name]) for r in required)
    assert "+" not in pinned["torch"]  # a local suffix would forbid the CUDA build, or the CPU build


@pytest.mark.parametrize("group", ["dependencies", "dev"])
def test_everything_needed_is_pinned(group):
    project = PYPROJECT["project"]
    lines = project["dependencies"] if group == "dependencies" else project["optional-dependencies"]["dev"]
    assert {canonicalize_name(Requirement(line).name) for line in lines} <= set(pins())
