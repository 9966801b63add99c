import json

import numpy as np
import pandas as pd
import pytest

from surrogate_nas.core import InvalidInputError
from surrogate_nas.reports import read_run
from surrogate_nas.reports.run import COLUMNS

pytestmark = pytest.mark.xdist_group("reports")


def test_it_reads_what_the_job_returned(run, finished):
    result = finished.result
    for name in ("comparison", "history", "ranking"):
        expected, got = getattr(result, name), getattr(run, name)
        shared = [column for column in expected if column in [*COLUMNS[f"{name}.csv"][0], *COLUMNS[f"{name}.csv"][1]]]
        assert len(shared) >= 3
        pd.testing.assert_frame_equal(got[shared], expected[shared], check_dtype=False, rtol=1e-12)
    assert run.budget == result.budget
    assert run.learned_from == result.learned_from
    assert run.task == "my wine"
    assert run.epochs == 4
    assert run.space_size == result.outcome.predictor.space.size
    assert run.seconds == pytest.approx(result.seconds)


def test_it_reads_every_training_with_its_curve(run):
    budget = run.budget
    assert len(run.trainings) == len({(r.architecture, r.seed) for r in run.trainings})
    assert len(run.trainings) >= budget.support + budget.further + budget.finalists * budget.seeds
    assert all(r.ok and r.curve and np.isfinite(r.seconds) for r in run.trainings)


def test_the_kinds_of_network_are_told_apart(run):
    assert set(run.comparison["kind"]) == {"guided", "random", "hand"}
    assert set(run.history["kind"]) == {"guided", "random"}


def edit_facts(change):
    def edit(folder):
        path = folder / "run.json"
        facts = json.loads(path.read_text())
        change(facts)
        path.write_text(json.dumps(facts))

    return edit


def edit_table(name, change):
    def edit(folder):
        frame = pd.read_csv(folder / name, keep_default_na=False)
        change(frame).to_csv(folder / name, index=False)

    return edit


def put(name, content):
    return lambda folder: (folder / name).write_bytes(content)


def append(name, content):
    return lambda folder: (folder / name).write_bytes((folder / name).read_bytes() + content)


DAMAGES = {
    "facts cut short": ("run.json", put("run.json", b'{"config": {"bud')),
    "facts not text": ("run.json", put("run.json", b"\xff\xfe\x00")),
    "facts not an object": ("run.json", put("run.json", b"[1, 2]")),
    "no budget": ("config.budget", edit_facts(lambda f: f["config"].pop("budget"))),
    "half a training": ("config.budget.support", edit_facts(lambda f: f["config"]["budget"].update(support=2.5))),
    "no seeds": ("seeds", edit_facts(lambda f: f["config"]["budget"].update(seeds=0))),
    "an unknown budget": ("config.budget", edit_facts(lambda f: f["config"]["budget"].update(more=1))),
    "a task without a name": ("config.trainer.dataset", edit_facts(lambda f: f["config"]["trainer"].update(dataset=7))),
    "seconds as text": ("seconds.learn", edit_facts(lambda f: f["seconds"].update(learn="long"))),
    "no versions": ("versions", edit_facts(lambda f: f.pop("versions"))),
    "an empty table": ("ranking.csv", put("ranking.csv", b"")),
    "a table without rows": ("ranking.csv", put("ranking.csv", b"architecture,mean,std\n")),
    "a ragged table": ("ranking.csv", put("ranking.csv", b"architecture,mean,std\na,1\nb,1,2,3,4\n")),
    "a binary table": ("history.csv", put("history.csv", bytes(range(256)))),
    "a missing column": ("predicted_std", edit_table("comparison.csv", lambda t: t.drop(columns="predicted_std"))),
    "text for a number": ("mean", edit_table("ranking.csv", lambda t: t.assign(mean="good"))),
    "an unknown arm": ("arm", edit_table("comparison.csv", lambda t: t.assign(arm="luck"))),
    "no choice": ("chosen", edit_table("comparison.csv", lambda t: t.assign(chosen=False))),
    "a damaged log": ("trainings.jsonl", put("trainings.jsonl", b"not a log\n")),
    "a log of something else": ("trainings.jsonl", append("trainings.jsonl", b'{"architecture": "a", "seed": 1}\n')),
    "an unfinished run": ("run.json", lambda folder: (folder / "run.json").unlink()),
    "an empty folder": ("surrogate-nas run", lambda folder: [p.unlink() for p in folder.glob("*.*") if p.is_file()]),
}


@pytest.mark.parametrize(("named", "damage"), DAMAGES.values(), ids=DAMAGES)
def test_damage_is_one_line_with_a_remedy(copy, named, damage):
    damage(copy)
    with pytest.raises(InvalidInputError) as error:
        read_run(copy)
    text = str(error.value)
    assert named in text
    assert "expected" in text
    assert "\n" not in text


def test_a_folder_that_is_none(finished, tmp_path):
    for path, got in ((tmp_path / "nowhere", "nothing of that name"), (finished.folder / "run.json", "a file")):
        with pytest.raises(
            InvalidInputError, match=f"expected the folder of a finished run, got {got}; name the folder"
        ):
            read_run(path)


def test_an_unfinished_run_says_how_to_finish(copy):
    (copy / "run.json").unlink()
    with pytest.raises(InvalidInputError, match="finish the run by repeating its command"):
        read_run(copy)
