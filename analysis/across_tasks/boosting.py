"""Multi-task boosting: one forest of boosted trees over all sources that knows the task, continued on the support."""

from typing import Any, Self

import numpy as np
import xgboost

from across_tasks.sources import Sources

#: Rows drawn from each source; trees shared by all tasks, and trees added for the new one.
ROWS, SHARED, OWN = 3000, 200, 60

COMMON = {"nthread": 1, "tree_method": "hist", "subsample": 0.8, "colsample_bytree": 0.5, "seed": 0}


class MultiTaskBoosting:
    """Trees on features, what the other sources say of the row, and the task.

    Args:
        described: The task is told by the descriptors of its data set, otherwise by its name (hidden in half of the
            rows, so that a task nobody knows has an answer).
    """

    def __init__(self, *, described: bool = False) -> None:
        self.described = described

    def fit(self, sources: Sources) -> Self:
        """Boost on rows of all sources."""
        self.sources = sources
        rng = np.random.default_rng(0)
        n_tasks = sources.scores.shape[1]
        columns, targets = [], []
        for t in range(n_tasks):
            known = np.flatnonzero(~np.isnan(sources.scores[:, t]))
            rows = rng.choice(known, min(ROWS, len(known)), replace=False)
            others = [u for u in range(n_tasks) if u != t]
            told = sources.descriptors[t] if self.described else np.eye(n_tasks)[t]
            hidden = np.zeros(len(rows), dtype=bool) if self.described else rng.random(len(rows)) < 0.5
            columns.append(self._columns(rows, others, np.where(hidden[:, None], np.nan, told)))
            targets.append(sources.scores[rows, t])
        data = xgboost.DMatrix(np.concatenate(columns), np.concatenate(targets))
        self.trees = xgboost.train({**COMMON, "max_depth": 6, "eta": 0.05}, data, SHARED)
        n_told = sources.descriptors.shape[1] if self.described else n_tasks
        told = sources.target if self.described else np.full(n_told, np.nan)
        self.columns = self._columns(np.arange(len(sources.scores)), list(range(n_tasks)), told)
        self.answer = self.trees.predict(xgboost.DMatrix(self.columns))
        self.denoised = sources.denoised
        return self

    def predict(self, support: Any, y: Any, test: Any) -> Any:
        """The shared trees' answer, and trees for what the support shows beyond it."""
        if not len(y):
            return self.answer[test]
        floats = np.concatenate([self.columns, self.denoised, self.answer[:, None]], axis=1)
        base = self.answer / self.answer.std()
        slope = float(base[support] @ y) / (float(base[support] @ base[support]) + 2.0)
        data = xgboost.DMatrix(floats[support], y, base_margin=slope * base[support])
        own = {**COMMON, "max_depth": 3, "eta": 0.1, "min_child_weight": 2, "lambda": 2.0}
        trees = xgboost.train(own, data, OWN)
        return trees.predict(xgboost.DMatrix(floats[test], base_margin=slope * base[test]))

    def _columns(self, rows: Any, others: list[int], told: Any) -> Any:
        said = self.sources.denoised[np.ix_(rows, others)]
        guess = self.sources.guess(others)[rows]
        summary = np.column_stack([guess, said.mean(axis=1), said.std(axis=1), said.min(axis=1), said.max(axis=1)])
        told = np.broadcast_to(told, (len(rows), np.shape(told)[-1]))
        return np.concatenate([self.sources.features[rows], summary, told], axis=1).astype(np.float32)
