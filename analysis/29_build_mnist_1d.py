"""Build ``data/datasets/mnist-1d.npz`` with the authors' own generator, the PyPI package ``mnist1d`` 0.0.2.post1.

    python analysis/29_build_mnist_1d.py [--wheel mnist1d-0.0.2.post1-py3-none-any.whl]

MNIST-1D is synthetic and made by a program: its authors publish that program and, as a pickle, what it gave with its
defaults (seed 42). Here the program is run with these defaults, so that nothing has to be unpickled or fetched by
who uses the data. Without ``--wheel`` the package is downloaded; it is checked against its SHA-256. Samples are kept
as float32, the 4,000 to train on first, then the 1,000 to test on. The same input always gives the same bytes.
"""

import argparse
import hashlib
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

DATA = Path(__file__).resolve().parent.parent / "data" / "datasets"
PACKAGE = "mnist1d==0.0.2.post1"
WHEEL_SHA256 = "e780fadc12ab6e45994dcb02bbe728b347243e0a5d13790f2a86992500eceb86"


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
        x, y = generate(wheel)
    path = arguments.out / "mnist-1d.npz"
    np.savez_compressed(path, x=x, y=y)
    print(f"{path.name}: {x.shape} {x.dtype}, classes {np.bincount(y).tolist()}, {path.stat().st_size:,} bytes")
    print(f"sha256 {hashlib.sha256(path.read_bytes()).hexdigest()}")


def download(folder: Path) -> Path:
    """Fetch the wheel with pip."""
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--quiet", "--dest", str(folder), PACKAGE]
    subprocess.run(command, check=True)
    return next(folder.glob("*.whl"))


def generate(wheel: Path) -> tuple[np.ndarray, np.ndarray]:
    """Run the generator with its defaults: samples float32 (5000, 40) and classes uint8 (5000,)."""
    sys.path.insert(0, str(wheel))
    from mnist1d.data import get_dataset_args, make_dataset

    data = make_dataset(get_dataset_args())
    x = np.concatenate([data["x"], data["x_test"]]).astype(np.float32)
    return x, np.concatenate([data["y"], data["y_test"]]).astype(np.uint8)


if __name__ == "__main__":
    main()
