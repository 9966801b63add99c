import sys
from pathlib import Path

import pytest

from surrogate_nas.core.resources import cache_folder, data_folder

linux_only = pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="the XDG convention is for other systems")


def test_the_embedded_data_are_at_hand():
    assert (data_folder() / "registry.toml").is_file()
    assert (data_folder() / "README.md").is_file()


def test_the_users_choice_of_cache_wins(monkeypatch, tmp_path):
    monkeypatch.setenv("SURROGATE_NAS_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path
    monkeypatch.setenv("SURROGATE_NAS_CACHE", "~/elsewhere")
    assert cache_folder() == Path.home() / "elsewhere"


@linux_only
def test_the_cache_follows_the_platform(monkeypatch, tmp_path):
    monkeypatch.delenv("SURROGATE_NAS_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "surrogate_nas"


@linux_only
@pytest.mark.parametrize("unset", ["", None])
def test_without_a_choice_the_cache_is_in_the_home_folder(monkeypatch, unset):
    monkeypatch.delenv("SURROGATE_NAS_CACHE")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    if unset is not None:
        monkeypatch.setenv("XDG_CACHE_HOME", unset)
    assert cache_folder() == Path.home() / ".cache" / "surrogate_nas"
