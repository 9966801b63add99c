"""What the tests of several importers share."""

import importlib.util
import os
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


class Hostile:
    """Runs a command when a reader that is not careful unpickles it."""

    def __reduce__(self):
        return os.system, ("touch harmed",)


class Listener:
    """Keeps what a reader says."""

    def __init__(self):
        self.lines, self.counts = [], []

    def say(self, text):
        self.lines.append(text)

    def track(self, label, done, total, note=""):
        self.counts.append((done, total))


@pytest.fixture
def hostile() -> Hostile:
    return Hostile()


@pytest.fixture
def listener() -> Listener:
    return Listener()
