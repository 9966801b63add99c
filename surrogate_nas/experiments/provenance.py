"""What a run must record so that somebody else can repeat it."""

import os
import platform
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any

from surrogate_nas import __version__

#: Packages whose version can change a result.
_DECIDING = ("numpy", "pandas", "pyarrow", "scipy", "scikit-learn", "xgboost", "torch", "torch-geometric")


def provenance() -> dict[str, Any]:
    """Versions, machine, threads and commit, as plain values."""
    versions = {"surrogate-nas": __version__, "python": platform.python_version()}
    for package in _DECIDING:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            versions[package] = "not installed"
    return {
        "versions": versions,
        "platform": platform.platform(terse=True),
        "processors": os.cpu_count(),
        "threads": {name: os.environ[name] for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS") if name in os.environ},
        "commit": commit(),
    }


def commit() -> str | None:
    """Commit of the checkout this package runs from, "+" behind it where files were changed; None if installed."""
    root = Path(__file__).resolve().parents[2]
    if not (root / ".git").exists():
        return None
    head = _git(root, "rev-parse", "HEAD")
    changed = _git(root, "status", "--porcelain", "--untracked-files=no")
    return None if head is None else head + ("+" if changed else "")


def _git(root: Path, *arguments: str) -> str | None:
    command = ["git", "-C", str(root), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=10)  # noqa: S603 - no shell
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
