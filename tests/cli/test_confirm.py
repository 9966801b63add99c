"""``surrogate-nas confirm`` where the space is too large to be listed."""

import numpy as np
import pandas as pd

import surrogate_nas as sn
from surrogate_nas.cli.app import execute


def test_a_space_too_large_to_list_is_ranked_by_a_sample(tmp_path, capsys):
    space = sn.get_space("mlp")
    X = space.sample(12, np.random.default_rng(0))
    sn.AutoPredictor(space).fit(X, X[:, 0].astype(float)).save(tmp_path / "p")
    asked = ("--task", "wine", "--top", 2, "--seeds", 1, "--epochs", 1, "--jobs", 1, "--run-dir", tmp_path / "c")
    assert execute([str(a) for a in ("confirm", "--predictor", tmp_path / "p", *asked)]) == 0, capsys.readouterr().err
    frame = pd.read_csv(tmp_path / "c" / "confirmed.csv")
    assert len(frame) == 2
    assert frame["val"].between(0, 1).all()
