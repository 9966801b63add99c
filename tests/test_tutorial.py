"""What TUTORIAL.md has typed works, in order, in a folder of its own; with less of everything, to be quick."""

import contextlib
import importlib.util
import io
import re
import runpy
import shlex
import shutil
import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from surrogate_nas.cli.app import execute
from surrogate_nas.core.resources import data_folder
from surrogate_nas.training import load_dataset
from surrogate_nas.training.datasets.files import data_source

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "TUTORIAL.md").read_text(encoding="utf-8")

#: What is replaced, and nothing else: fewer and shorter trainings, in this process.
LESS = (
    ("epochs = 10", "epochs = 1"),
    ("folds = 5", "folds = 2"),
    ("--sample 60", "--sample 12"),
    ("--budget 20", "--budget 2 --strategy random"),
    ("--top 3", "--top 1"),
    ("--seeds 3", "--seeds 1"),
    ("surrogate-nas train ", "surrogate-nas train --jobs 1 "),
    ("surrogate-nas confirm ", "surrogate-nas confirm --jobs 1 "),
)


def script():
    """The script that runs the tutorial as it is written; its name begins with a number."""
    spec = importlib.util.spec_from_file_location("tutorial", ROOT / "analysis" / "40_tutorial.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


TUTORIAL = script()
BLOCKS = list(TUTORIAL.blocks(TEXT))


def lessened(text):
    for old, new in LESS:
        text = text.replace(old, new)
    return text


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """The folder in which all blocks were run, and what the commands printed."""
    folder, printed = tmp_path_factory.mktemp("tutorial"), []
    (folder / "data").symlink_to(data_folder())
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for block in BLOCKS:
            text = lessened(block.text)
            if block.language == "toml":
                Path(TUTORIAL.file_of(block)).write_text(text, encoding="utf-8")
            elif block.language == "python":
                Path("block.py").write_text(text, encoding="utf-8")
                runpy.run_path("block.py")
            else:
                for line in text.splitlines():
                    printed.append((line, _typed(line, patch)))
        return Path.cwd(), printed


def _typed(line, patch):
    """Do one line of the shell; returns what it printed."""
    verb, *words = shlex.split(line)
    if verb == "mkdir":
        Path(words[0]).mkdir()
    elif verb == "cp":
        shutil.copy(*words)
    elif verb == "cd":
        patch.chdir(words[0])
    else:
        assert verb == "surrogate-nas", line
        with contextlib.redirect_stdout(io.StringIO()) as out:
            assert execute(words) == 0, line
        return out.getvalue()
    return ""


def test_every_line_works(done):
    folder, printed = done
    verbs = [line.split()[1] for line, _ in printed if line.startswith("surrogate-nas")]
    assert verbs == ["train", "fit", "search", "fit", "confirm"]
    assert "12 architectures, 1 task(s) in runs/watch/table.parquet" in printed[3][1]


def test_what_is_promised_is_there(done):
    folder, _ = done
    promised = re.findall(r"`(runs/[^`*]+)`", TEXT)
    assert len(promised) > 5
    for name in promised:
        assert (folder / name).exists(), name


def test_the_data_are_those_that_were_built(done):
    folder, _ = done
    source = data_source("watch")
    source.files[0].verify(folder / source.files[0].name)
    data = load_dataset(folder / "watch.toml")
    assert (data.classes, data.input_shape, len(data.y)) == (source.classes, (6, 64), 700)
    counts = np.bincount(data.y)
    assert set(counts) == {100}
    subject = pd.read_csv(folder / "watch.csv.gz").groupby("window")["subject"].first().to_numpy()
    for split in data.splits:
        assert sum(len(np.unique(subject[part])) for part in split) == 10  # nobody is in two parts


def test_what_is_replaced_is_there():
    typed = "".join(block.text for block in BLOCKS)
    assert all(old in typed for old, _ in LESS)


def test_the_space_has_twenty_lines():
    (space,) = (block.text for block in BLOCKS if block.text.startswith("# sensors.toml"))
    assert len([line for line in space.splitlines() if line.strip()]) - 1 <= 20
    assert tomllib.loads(space)["family"] == "chain"
