"""Run TUTORIAL.md as it is written, in a folder of its own, and print what a reader sees and how long it takes.

    python analysis/40_tutorial.py runs/tutorial [--only 4 5]

Blocks of TOML become files, named as their first line says; blocks of shell and Python are run in order, from the
folder that ``cd`` leads to. Seconds are the wall's.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
TUTORIAL = ROOT / "TUTORIAL.md"


class Block(NamedTuple):
    """A block of the tutorial: its language and its text."""

    language: str
    text: str


def blocks(markdown: str) -> Iterator[Block]:
    """Everything that a reader types; what is shown to him, ``text``, is left out."""
    for language, text in re.findall(r"^```(\w+)\n(.*?)^```$", markdown, re.DOTALL | re.MULTILINE):
        if language != "text":
            yield Block(language, text)


def file_of(block: Block) -> str:
    """Name of the file that a block of TOML becomes."""
    return block.text.splitlines()[0].removeprefix("# ")


def main() -> None:
    """Run the blocks, or some of those that are run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="where to run; the data are copied there as the tutorial has it")
    parser.add_argument("--only", type=int, nargs="+", help="numbers of the blocks to run; default: all")
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    if not (arguments.folder / "data").exists():
        shutil.copytree(ROOT / "data" / "datasets", arguments.folder / "data" / "datasets")
    here = arguments.folder.resolve()
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    for number, block in enumerate(blocks(TUTORIAL.read_text(encoding="utf-8"))):
        if block.language == "toml":
            (here / file_of(block)).write_text(block.text, encoding="utf-8")
            continue
        run = ["bash", "-ec", block.text] if block.language == "sh" else [sys.executable, "-c", block.text]
        if arguments.only is None or number in arguments.only:
            print(f"--- block {number} ---\n{block.text}", flush=True)
            begin = time.perf_counter()
            subprocess.run(run, cwd=here, check=True, env=os.environ | {"PATH": path}, stderr=subprocess.STDOUT)
            print(f"({time.perf_counter() - begin:.0f} s)\n", flush=True)
        for line in block.text.splitlines():
            if block.language == "sh" and line.startswith("cd "):
                here /= line.removeprefix("cd ")


if __name__ == "__main__":
    main()
