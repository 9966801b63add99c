"""Why one architecture is predicted what it is: what each single change would do to its score."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, final

import numpy as np
import numpy.typing as npt

from surrogate_nas.predictors.base import BasePredictor
from surrogate_nas.predictors.explaining.decisions import Decision, decisions_of
from surrogate_nas.predictors.explaining.effects import Floats, jackknife
from surrogate_nas.predictors.explaining.trees import feature_contributions
from surrogate_nas.predictors.explaining.wording import Wording, lines
from surrogate_nas.spaces.base import Rows, SearchSpace

if TYPE_CHECKING:
    import pandas as pd

#: A change of more genes than this is named by what it leads to.
MAX_CHANGED = 2

#: What stands in place of decisions where a change rewrites too many of them.
REWIRED = "rewired"


@final
@dataclass(frozen=True)
class ArchitectureExplanation:
    """What single changes do to the predicted score of one architecture.

    Attributes:
        effects: One row per change, the best first: decision, now (its option), option (instead), score (predicted
            after the change), effect (score minus the present one), std (standard error, from predictors fitted
            without some of the data; NaN without them), architecture (its text).
        decisions: One row per decision, the one with most at stake first: decision, now, worth (present score minus
            the mean over its alternatives), best, best_effect, worst, worst_effect (of its alternatives).
        features: Contributions to the prediction of the trees inside, if there are any, the largest first: feature,
            about, value, contribution; with ``expected`` they add up to the trees' own prediction.
        architecture: Its text.
        score: Predicted score.
        expected: What the trees predict on average; NaN without trees.
        wording: How numbers are written.
    """

    effects: "pd.DataFrame"
    decisions: "pd.DataFrame"
    features: "pd.DataFrame"
    architecture: str
    score: float
    expected: float
    wording: Wording

    def sentences(self, top: int = 5) -> list[str]:
        """What to know about it, in plain sentences.

        Args:
            top: How many decisions, and how many changes, to name.
        """
        words = self.wording
        said = [f"{self.architecture} is predicted {words.score(self.score)}."]
        for row in lines(self.decisions.head(top)):
            said.append(f"{row.decision}: {row.now} {words.worth(row.worth)} against the mean of its alternatives.")
        better = self.effects["effect"] > 0 if words.direction == "max" else self.effects["effect"] < 0
        if not better.any():
            return [*said, "No single change is predicted to improve it."]
        for row in lines(self.effects[better].head(top)):
            change = f"{row.option} instead of {row.now}" if row.now else row.option
            said.append(f"{row.decision}: {change}: {words.change(row.effect, row.std)}.")
        return said


def explain_architecture(
    predictor: BasePredictor,
    space: SearchSpace,
    x: npt.NDArray[np.int16],
    *,
    extra: npt.NDArray[np.float64] | None,
    left_out: list[BasePredictor],
    unit: str,
) -> ArchitectureExplanation:
    """Exact ablations of one checked row of shape (d,); see :func:`explanations.explain`."""
    near = single_changes(space, x)
    rows = np.concatenate([x[None], near])
    # What is known of the architecture besides its graph is taken to stay as it is.
    side = None if extra is None else np.repeat(extra, len(rows), axis=0)
    scores = predictor.predict(rows, extra=side)
    each = [p.predict(rows, extra=side) for p in left_out]
    spread = jackknife(np.stack([s[1:] - s[0] for s in each])) if each else np.full(len(near), np.nan)
    changes = _changes(space, x, near, scores, spread, maximise=predictor.direction == "max")
    features, expected = feature_contributions(predictor, x[None], extra)
    return ArchitectureExplanation(
        effects=changes,
        decisions=_decisions(changes),
        features=features,
        architecture=space.format(x[None])[0],
        score=float(scores[0]),
        expected=expected,
        wording=Wording.of(unit, predictor.direction, scores),
    )


def single_changes(space: SearchSpace, x: npt.NDArray[np.int16]) -> Rows:
    """Every row one change away: each other value of each gene, or the space's edits where they are something else.

    Args:
        space: Any space.
        x: One row, shape (d,).
    """
    if not space.genewise:
        return space.neighbors(x)
    gene = np.repeat(np.arange(space.n_genes), space.cardinalities)
    value = np.concatenate([np.arange(k) for k in space.cardinalities])
    kept = value != x[gene]
    rows = np.repeat(x[None], kept.sum(), axis=0)
    rows[np.arange(len(rows)), gene[kept]] = value[kept]
    # A row that is written in another form than the canonical one may mean a network of the space all the same.
    return rows[space.valid(rows) | space.valid(space.canonical(rows))]


def _changes(
    space: SearchSpace, x: npt.NDArray[np.int16], near: Rows, scores: Floats, spread: Floats, *, maximise: bool
) -> "pd.DataFrame":
    import pandas as pd

    decisions = decisions_of(space)
    texts = space.format(near)
    named = [_name(decisions, x, row, text) for row, text in zip(near, texts, strict=True)]
    frame = pd.DataFrame(named, columns=["decision", "now", "option"])
    frame["score"], frame["effect"], frame["std"] = scores[1:], scores[1:] - scores[0], spread
    frame["architecture"] = texts
    return frame.sort_values("effect", ascending=not maximise, kind="stable", ignore_index=True)


def _name(
    decisions: list[Decision], x: npt.NDArray[np.int16], row: npt.NDArray[np.int16], text: str
) -> tuple[str, ...]:
    """The decision that differs, what it is now, what it becomes."""
    changed = np.flatnonzero(row != x)
    if not 0 < len(changed) <= MAX_CHANGED:
        return REWIRED, "", f"to {text}"
    chosen = [decisions[g] for g in changed]
    now = [d.options[d.option_of[x[g]]] for d, g in zip(chosen, changed, strict=True)]
    then = [d.options[d.option_of[row[g]]] for d, g in zip(chosen, changed, strict=True)]
    return " and ".join(d.name for d in chosen), " and ".join(now), " and ".join(then)


def _decisions(changes: "pd.DataFrame") -> "pd.DataFrame":
    import pandas as pd

    rows = []
    for (decision, now), part in changes[changes["decision"] != REWIRED].groupby(["decision", "now"], sort=False):
        best, worst = part.iloc[0], part.iloc[-1]  # changes are sorted, the best first
        ends = best["option"], best["effect"], worst["option"], worst["effect"]
        rows.append((decision, now, -part["effect"].mean(), *ends))
    columns = ["decision", "now", "worth", "best", "best_effect", "worst", "worst_effect"]
    frame = pd.DataFrame(rows, columns=columns)
    order = frame["worth"].abs().sort_values(ascending=False, kind="stable").index
    return frame.loc[order].reset_index(drop=True)
