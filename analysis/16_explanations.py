"""Are explanations true? What a predictor says of a space, beside what the space's table says.

NAS-Bench-201, CIFAR-10 validation accuracy after 200 epochs, all 15,625 rows (``nas-bench-201.parquet`` in the folder
that SURROGATE_NAS_DATA names). For each seed s an AutoPredictor is fitted to 256 rows drawn by
``default_rng(s).choice(15625, 256, replace=False)``. The same functions then explain its predictions and the table's
own scores, over the whole space:

* main effects (30 options): Spearman's correlation, mean and largest difference in points, and how many true effects
  lie within two standard errors (delete-group jackknife over five refits);
* importance of the six decisions and strength of the fifteen pairs: Spearman's correlation of their variance shares;
* single changes of 200 random architectures: correlation of predicted and true changes, and how often the sign is right
  where the true change is at least one point;
* TreeSHAP against ablations: for trees on one-hot genes, the contribution of each gene (TreeSHAP, summed over its
  columns) beside its ablation (the score minus the mean over the gene's other values), over the same 200.

    python analysis/16_explanations.py --seeds 5
"""

import argparse
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from surrogate_nas import AutoPredictor, Predictor, explain, get_space
from surrogate_nas.core.statistics import spearman
from surrogate_nas.encodings import OneHotEncoder
from surrogate_nas.predictors import BasePredictor, BoostedTrees, leave_out
from surrogate_nas.predictors.explaining.architecture import single_changes
from surrogate_nas.predictors.explaining.space import SpaceExplanation, explain_scores
from surrogate_nas.predictors.explaining.trees import contributions, tree_view
from surrogate_nas.spaces import SearchSpace

TARGET = "cifar10-val-200ep"
SPACE = "nas-bench-201"

#: Architectures whose single changes are looked at, and the least true change whose sign has to be right.
ARCHITECTURES, CLEAR = 200, 1.0


def effects(found: SpaceExplanation, true: SpaceExplanation) -> dict[str, float]:
    """Main effects, importances and interactions beside the true ones."""
    both = found.effects.merge(true.effects, on=["decision", "option"], suffixes=("", "_true"))
    off = (both["effect"] - both["effect_true"]).abs()
    share = found.decisions.merge(true.decisions, on="decision", suffixes=("", "_true"))
    pairs = found.interactions.merge(true.interactions, on=["decision", "other"], suffixes=("", "_true"))
    return {
        "effects: Spearman": spearman(both["effect"], both["effect_true"]),
        "effects: mean difference": off.mean(),
        "effects: largest difference": off.max(),
        "effects: within 2 std": float((off <= 2 * both["std"]).mean()),
        "decisions: Spearman": spearman(share["share"], share["share_true"]),
        "decisions: largest difference": (share["share"] - share["share_true"]).abs().max(),
        "pairs: Spearman": spearman(pairs["share"], pairs["share_true"]),
    }


def changes(predictor: BasePredictor, space: SearchSpace, X: Any, y: Any) -> dict[str, float]:
    """Single changes of some architectures beside the true ones; ``X`` are all rows in the space's order."""
    chosen = np.random.default_rng(0).choice(len(X), ARCHITECTURES, replace=False)
    score = predictor.predict(X)
    near = [space.index(single_changes(space, X[i])) for i in chosen]
    said = np.concatenate([score[n] - score[i] for i, n in zip(chosen, near, strict=True)])
    true = np.concatenate([y[n] - y[i] for i, n in zip(chosen, near, strict=True)])
    clear = np.abs(true) >= CLEAR
    return {
        "changes: Spearman": spearman(said, true),
        "changes: sign right": float((np.sign(said) == np.sign(true))[clear].mean()),
    }


def shap_and_ablations(predictor: Predictor, space: SearchSpace, X: Any) -> float:
    """Correlation of each gene's TreeSHAP contribution with its ablation, over some architectures."""
    chosen = X[np.random.default_rng(0).choice(len(X), ARCHITECTURES, replace=False)]
    view = tree_view(predictor, chosen, None)
    if view is None:
        raise ValueError("expected trees")
    gene = np.searchsorted(np.cumsum(space.cardinalities), np.arange(len(view.names)), side="right")
    shap = contributions(view)[0] @ (gene[:, None] == np.arange(space.n_genes))
    near = np.stack([single_changes(space, x) for x in chosen])
    scores = predictor.predict(near.reshape(-1, space.n_genes)).reshape(near.shape[:2])
    other = scores.reshape(len(chosen), space.n_genes, -1).mean(axis=2)
    return spearman(shap.ravel(), (predictor.predict(chosen)[:, None] - other).ravel())


def measure(space: SearchSpace, X: Any, y: Any, true: SpaceExplanation, n: int, seed: int) -> dict[str, Any]:
    """Fit on one draw of rows, explain, compare."""
    rows = np.random.default_rng(seed).choice(len(y), n, replace=False)
    predictor = AutoPredictor(space).fit(X[rows], y[rows])
    left_out = leave_out(predictor, X[rows], y[rows]).predictors
    started = time.process_time()
    found = explain(predictor, unit="%")
    spent = time.process_time() - started
    found = explain(predictor, left_out=left_out, unit="%")
    trees = Predictor(space, OneHotEncoder(space), BoostedTrees()).fit(X[rows], y[rows])
    return {
        "seed": seed,
        **effects(found, true),
        **changes(predictor, space, X, y),
        "TreeSHAP and ablations: Spearman": shap_and_ablations(trees, space, X),
        "explain s": spent,
        "sentences": found.sentences(5),
    }


def main() -> None:
    """Print true and explained effects, agreement by seed, and one predictor's sentences."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--seeds", type=int, default=5)
    options.add_argument("--first", type=int, default=0, help="first seed")
    options.add_argument("--n", type=int, default=256)
    given = options.parse_args()
    if not os.environ.get("SURROGATE_NAS_DATA"):
        raise SystemExit("set SURROGATE_NAS_DATA to the folder with nas-bench-201.parquet")
    table = pd.read_parquet(Path(os.environ["SURROGATE_NAS_DATA"]) / "nas-bench-201.parquet")
    space = get_space(SPACE)
    X = space.parse(list(table.index))
    order = np.argsort(space.index(X))
    X, y = X[order], table[TARGET].to_numpy(dtype=float)[order]
    true = explain_scores(space, X, y, unit="%")
    print("## What the table itself says, by the same functions\n")
    print(*true.sentences(5), sep="\n")
    print(f"\nSingle decisions explain {true.additive:.0%} of the variance.\n")
    print(
        true.effects.pivot_table(index="decision", columns="option", values="effect", sort=False).round(2).to_string()
    )
    results = [measure(space, X, y, true, given.n, seed) for seed in range(given.first, given.first + given.seeds)]
    frame = pd.DataFrame(results).drop(columns="sentences").set_index("seed")
    print(f"\n## AutoPredictor on {given.n} rows, beside it\n")
    print(frame.T.assign(mean=frame.mean(), std=frame.std(ddof=0)).round(3).to_string())
    print(f"\n## What it says (seed {given.first})\n")
    print(*results[0]["sentences"], sep="\n")


if __name__ == "__main__":
    main()
