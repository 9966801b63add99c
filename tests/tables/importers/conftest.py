"""Modules beside the tests that several of them share."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="session")
def writers() -> ModuleType:
    """Writers of pickled benchmark files."""
    spec = importlib.util.spec_from_file_location("writers_pickled", Path(__file__).with_name("writers_pickled.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
