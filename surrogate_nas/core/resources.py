"""Where embedded data and the user's cache live."""

import os
import sys
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent.parent


def data_folder() -> Path:
    """Folder of the embedded tables: inside the installed package, or ``data/`` of a checkout."""
    installed = _PACKAGE / "_data"
    return installed if installed.is_dir() else _PACKAGE.parent / "data"


def cache_folder() -> Path:
    """Folder for files that can be made again, by the platform's convention.

    ``SURROGATE_NAS_CACHE`` overrides it.
    """
    if chosen := os.environ.get("SURROGATE_NAS_CACHE"):
        return Path(chosen).expanduser()
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "surrogate_nas" / "cache"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "surrogate_nas"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "surrogate_nas"  # empty counts as unset
