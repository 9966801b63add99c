"""The names that the package promises exist, and asking for the package alone is cheap."""

import importlib
import inspect
import json
import pkgutil
import subprocess
import sys

import pytest

import surrogate_nas as sn

PACKAGES = sorted(m.name for m in pkgutil.iter_modules(sn.__path__) if m.ispkg)

#: Libraries that cost tens of milliseconds to seconds; they load when a name that needs them is used.
HEAVY = {"matplotlib", "networkx", "pandas", "pyarrow", "scipy", "sklearn", "torch", "torch_geometric", "xgboost"}


def loaded_after(statement: str) -> set[str]:
    """Top-level modules that a fresh process has loaded after ``statement``."""
    code = (
        f"{statement}\nimport json, sys\nsys.stdout.write(json.dumps(sorted({{m.split('.')[0] for m in sys.modules}})))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout))


@pytest.mark.parametrize("name", sn.__all__)
def test_every_public_name_resolves(name):
    assert getattr(sn, name) is not None


def test_public_names_are_listed_once():
    assert len(set(sn.__all__)) == len(sn.__all__)
    assert set(sn.__all__) <= set(dir(sn))


@pytest.mark.parametrize("package", PACKAGES)
def test_every_package_says_what_it_is_and_what_it_offers(package):
    module = importlib.import_module(f"surrogate_nas.{package}")
    assert module.__doc__
    missing = [name for name in module.__all__ if not hasattr(module, name)]
    assert not missing
    offered = [getattr(module, name) for name in module.__all__]
    undocumented = [o for o in offered if (inspect.isclass(o) or inspect.isfunction(o)) and not o.__doc__]
    assert not undocumented


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'Tabel'"):
        sn.Tabel  # noqa: B018


def test_importing_the_package_loads_nothing_heavy():
    assert not loaded_after("import surrogate_nas") & HEAVY


def test_listing_spaces_and_tables_loads_no_learning_library():
    """Shell completion and `surrogate-nas tables` must answer at once."""
    heavy = {"matplotlib", "scipy", "sklearn", "torch", "torch_geometric", "xgboost"}
    assert not loaded_after("import surrogate_nas as sn; sn.list_spaces(); sn.list_tables()") & heavy
