"""What a predictor has learned about a whole space: main effects, importances, interactions."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, final

import numpy as np
import numpy.typing as npt

from surrogate_nas.core import Direction
from surrogate_nas.predictors.base import BasePredictor
from surrogate_nas.predictors.explaining.decisions import decisions_of
from surrogate_nas.predictors.explaining.effects import (
    FEWEST_ROWS,
    Design,
    Floats,
    additive_part,
    jackknife,
    pair_effects,
    sampling_error,
    shares,
)
from surrogate_nas.predictors.explaining.trees import feature_importance
from surrogate_nas.predictors.explaining.wording import Wording, lines
from surrogate_nas.spaces.base import Rows, SearchSpace

if TYPE_CHECKING:
    import pandas as pd

#: Spaces up to this size are looked at in full; of larger ones, this many rows drawn with a fixed seed.
MAX_WHOLE, SAMPLE = 2**15, 2**13

#: Rows, evenly taken, on which predictors fitted without some of the data are compared.
SPREAD_ROWS = 2**12

#: Pairs of decisions and shares of variance below these are not worth a sentence.
MAX_PAIRS, SMALLEST_SHARE = 3, 0.01

#: What most of the best have in common, and so many more of them than of all, is worth a sentence.
COMMON, MORE = 0.5, 0.2


@final
@dataclass(frozen=True)
class SpaceExplanation:
    """What moves the predicted score, over a whole space.

    An *effect* is the mean predicted score of all architectures that take an option, minus that of all architectures.
    Where a space does not hold every combination, an option's effect includes what usually comes with it.

    Attributes:
        effects: One row per option: decision, option, rows (that take it), mean, effect, std (standard error, from
            sampling and from predictors fitted without some of the data; NaN where there is neither), among_best
            (share of the best predicted hundredth that takes it).
        decisions: One row per decision, the most important first: decision, share (of the variance that it explains by
            itself), best, best_effect, worst, worst_effect.
        interactions: One row per pair of decisions, the strongest first: decision, other, share (of the variance,
            beyond all single effects), option, other_option, effect (of the strongest combination, beyond their own).
        features: What the trees inside go by, if there are any: feature, about, importance (mean absolute
            contribution), trend (rank correlation of value and contribution).
        mean: Mean predicted score.
        additive: Share of the variance that single effects explain together.
        rows: Architectures looked at.
        whole: Whether these are the whole space.
        wording: How numbers are written.
    """

    effects: "pd.DataFrame"
    decisions: "pd.DataFrame"
    interactions: "pd.DataFrame"
    features: "pd.DataFrame"
    mean: float
    additive: float
    rows: int
    whole: bool
    wording: Wording

    def sentences(self, top: int = 5) -> list[str]:
        """What was learned, in plain sentences.

        Args:
            top: How many options to name, those that move the score most first.
        """
        words = self.wording
        if not self.decisions["share"].sum() > 0:
            return [f"Every architecture is predicted the same score, {words.score(self.mean)}."]
        first = [f"{row.decision} ({row.share:.0%})" for row in lines(self.decisions.head(3))]
        said = [f"What decides most, by share of the variance of predicted scores: {', '.join(first)}."]
        for row in lines(self.strongest(top)):
            said.append(f"{row.decision}: {row.option} {words.worth(row.effect, row.std)} on average.")
        pairs = self.interactions[self.interactions["share"] >= SMALLEST_SHARE].head(min(top, MAX_PAIRS))
        for row in lines(pairs):
            both = f"{row.option} at {row.decision} together with {row.other_option} at {row.other}"
            said.append(f"{both} {words.worth(row.effect)} beyond what each does alone.")
        more = self.effects["among_best"] - self.effects["rows"] / self.rows
        for k in more[(more >= MORE) & (self.effects["among_best"] >= COMMON)].nlargest(2).index:
            row = self.effects.loc[k]
            told = f"{row['among_best']:.0%} of the best predicted hundredth take {row['option']} at {row['decision']}"
            said.append(f"{told}, {row['rows'] / self.rows:.0%} of all do.")
        return said

    def strongest(self, top: int) -> "pd.DataFrame":
        """The options that move the score most, of those that enough architectures take to be sure of it.

        Args:
            top: How many.
        """
        size = self.effects["effect"].abs()
        sure = (self.effects["rows"] >= min(FEWEST_ROWS, self.rows)) & ~(size < 2 * self.effects["std"])
        return self.effects.loc[size[sure].sort_values(ascending=False, kind="stable").index[:top]]


def rows_to_explain(space: SearchSpace) -> Rows:
    """The whole space where it is small, else a fixed sample of it.

    Args:
        space: Any space.
    """
    if space.size <= MAX_WHOLE:
        return space.enumerate()
    return space.sample(SAMPLE, np.random.default_rng(0))


def explain_space(
    predictor: BasePredictor,
    space: SearchSpace,
    X: Rows,
    *,
    extra: npt.NDArray[np.float64] | None,
    left_out: list[BasePredictor],
    unit: str,
) -> SpaceExplanation:
    """Main effects, importances and interactions of checked rows; see :func:`explanations.explain`."""
    scores = predictor.predict(X, extra=extra)
    return explain_scores(
        space, X, scores, unit=unit, direction=predictor.direction,
        spread=_spread(space, X, extra, left_out), features=feature_importance(predictor, X, extra),
    )  # fmt: skip


def explain_scores(
    space: SearchSpace, X: Rows, scores: Floats, *, unit: str = "", direction: Direction = "max",
    spread: Floats | None = None, features: "pd.DataFrame | None" = None,
) -> SpaceExplanation:  # fmt: skip
    """The same numbers for any scores, measured ones too.

    Args:
        space: The space of the rows.
        X: Rows, shape (n, d).
        scores: Score of each row, shape (n,).
        unit: Unit of the scores.
        direction: "max" if a higher score is better.
        spread: Standard error of each option's effect, shape (options,), if it is known.
        features: What goes into ``features``.
    """
    import pandas as pd

    decisions = decisions_of(space)
    design = Design.of(decisions, X, whole=len(X) == space.size)
    mean = float(scores.mean())
    centred = scores - mean
    if np.ptp(scores) <= 1e-12 * max(abs(mean), 1.0):
        centred = np.zeros_like(centred)  # rounding is no effect
    effects = design.means(centred)
    own = shares(design, centred, effects)
    additive = additive_part(design, centred)
    total = float((centred**2).sum())
    chance = sampling_error(design, centred, effects)
    std = np.where(chance == 0, np.nan, chance) if spread is None else np.hypot(chance, spread)
    best = np.argsort(-scores if direction == "max" else scores, kind="stable")[: max(FEWEST_ROWS, len(X) // 100)]
    single = _effects(design, effects, mean, std, design.taken[best].mean(axis=0))
    return SpaceExplanation(
        effects=single,
        decisions=_decisions(design, own, single, direction),
        interactions=_interactions(design, centred - additive, total),
        features=pd.DataFrame(columns=["feature", "about", "importance", "trend"]) if features is None else features,
        mean=mean,
        additive=float((additive**2).sum() / total) if total > 0 else 0.0,
        rows=len(X),
        whole=design.whole,
        wording=Wording.of(unit, direction, scores),
    )


def _spread(
    space: SearchSpace, X: Rows, extra: npt.NDArray[np.float64] | None, left_out: list[BasePredictor]
) -> Floats | None:
    """Standard error of effects, from how they differ between predictors that each miss a part of the data."""
    if not left_out:
        return None
    some = np.linspace(0, len(X) - 1, min(len(X), SPREAD_ROWS)).round().astype(np.int64)
    side = None if extra is None else extra[some]
    scores = np.stack([p.predict(X[some], extra=side) for p in left_out], axis=1)
    design = Design.of(decisions_of(space), X[some], whole=False)
    return jackknife(design.means(scores - scores.mean(axis=0)).T)


def _effects(design: Design, effects: Floats, mean: float, std: Floats, among_best: Floats) -> "pd.DataFrame":
    import pandas as pd

    names = [(decision.name, option) for decision in design.decisions for option in decision.options]
    frame = pd.DataFrame(names, columns=["decision", "option"])
    frame["rows"] = design.rows.astype(np.int64)
    frame["mean"], frame["effect"], frame["std"] = mean + effects, effects, std
    frame["among_best"] = among_best
    return frame[frame["rows"] > 0].reset_index(drop=True)


def _decisions(design: Design, own: Floats, effects: "pd.DataFrame", direction: Direction) -> "pd.DataFrame":
    import pandas as pd

    better = effects["effect"] if direction == "max" else -effects["effect"]
    groups = better.groupby(effects["decision"], sort=False)
    frame = pd.DataFrame({"decision": [d.name for d in design.decisions], "share": own})
    for name, places in (("best", groups.idxmax()), ("worst", groups.idxmin())):
        found = effects.loc[places[frame["decision"]]]
        frame[name], frame[f"{name}_effect"] = found["option"].to_numpy(), found["effect"].to_numpy()
    return frame.sort_values("share", ascending=False, kind="stable", ignore_index=True)


def _interactions(design: Design, rest: Floats, total: float) -> "pd.DataFrame":
    """The strongest combination of options of every pair of decisions."""
    import pandas as pd

    means, explained = pair_effects(design, rest)
    explained = explained * ((rest**2).sum() / total if total > 0 else 0.0)
    options = [option for decision in design.decisions for option in decision.options]
    strength = np.where(design.pairs >= FEWEST_ROWS, np.abs(means), -1.0)
    ends = np.cumsum([len(decision.options) for decision in design.decisions])
    starts = np.append(0, ends[:-1])
    found = []
    for a, b in zip(*np.triu_indices(len(ends), 1), strict=True):
        block = strength[starts[a] : ends[a], starts[b] : ends[b]]
        i, j = np.unravel_index(block.argmax(), block.shape)
        if block[i, j] < 0:  # no combination has enough rows
            continue
        i, j = starts[a] + i, starts[b] + j
        names = design.decisions[a].name, design.decisions[b].name
        found.append((*names, explained[a, b], options[i], options[j], means[i, j]))
    frame = pd.DataFrame(found, columns=["decision", "other", "share", "option", "other_option", "effect"])
    return frame.sort_values("share", ascending=False, kind="stable", ignore_index=True)
