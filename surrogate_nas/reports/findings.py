"""What the numbers of a run say: pure functions from a run to small values and frames, drawn by nobody here."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from surrogate_nas.core.statistics import kendall_tau, spearman
from surrogate_nas.reports.run import Run
from surrogate_nas.training import TrainingResult

if TYPE_CHECKING:
    import pandas as pd

#: Kind of network -> its rank among networks of equal score, so that tables come out the same each time.
_ORDER = {"guided": 0, "random": 1, "hand": 2}

#: Fewer pairs than this say nothing about an order.
MIN_PAIRS = 3


class Answer(NamedTuple):
    """One confirmed network that stands for its arm, or for itself.

    Attributes:
        label: Short name, as in tables and figures.
        architecture: Its text form.
        val: Mean validation score over the fresh seeds, a fraction; NaN where every training failed.
        val_std: Standard deviation over the seeds; NaN for one seed.
        test: Mean test score.
        test_std: Standard deviation over the seeds.
        seeds: Trainings behind these numbers.
    """

    label: str
    architecture: str
    val: float
    val_std: float
    test: float
    test_std: float
    seeds: int

    @property
    def ok(self) -> bool:
        """Whether any training of it succeeded."""
        return self.seeds > 0


@dataclass(frozen=True)
class Gap:
    """Difference of mean test scores between the guided arm's answer and another one.

    Attributes:
        other: What it is compared with.
        points: Difference in percentage points; positive favours the guided arm; NaN if either failed.
        error: Standard error of the difference over training seeds, in points; NaN where a side has one seed.
        low: Lower end of its 95 % interval over training seeds (Welch), in points; NaN where there is none.
        high: Upper end of that interval.
        same: Both are the same network under the same seeds: the difference is zero by construction.
    """

    other: Answer
    points: float
    error: float
    low: float
    high: float
    same: bool


@dataclass(frozen=True)
class Agreement:
    """How predictions and confirmations order the same networks.

    Attributes:
        n: Networks, each counted once.
        tau: Kendall's tau-b over them; NaN for fewer than three.
        rho: Spearman's correlation; NaN for fewer than three.
        n_unseen: Those that the predictor had not been adapted to.
        tau_unseen: Kendall's tau-b over these alone; NaN for fewer than three.
    """

    n: int
    tau: float
    rho: float
    n_unseen: int
    tau_unseen: float


class Finalist(NamedTuple):
    """One network that an arm, or both, confirmed.

    Attributes:
        architecture: Its text form.
        labels: Kind and label under which it stands in tables, once per arm.
        val: Mean validation score over the fresh seeds.
        val_std: Standard deviation over the seeds.
        test: Mean test score.
        test_std: Standard deviation over the seeds.
    """

    architecture: str
    labels: tuple[tuple[str, str], ...]
    val: float
    val_std: float
    test: float
    test_std: float


def rows(frame: "pd.DataFrame") -> Iterator[Any]:
    """The rows of a frame, each with its columns as attributes."""
    return frame.itertuples(index=False)


def networks(run: Run) -> "pd.DataFrame":
    """Every confirmed network, the best mean validation score first, those that failed last.

    Columns beside those of ``comparison.csv``: kind ("guided", "random", "hand"), label (short name), answer (it is
    an arm's choice), seeds (trainings that succeeded), seen (the predictor was adapted to a training of it).
    """
    frame = run.comparison.assign(order=run.comparison["kind"].map(_ORDER))
    frame = frame.sort_values(["val", "order"], ascending=[False, True], kind="stable", na_position="last")
    number = (frame.groupby("kind").cumcount() + 1).astype(str)
    hand = frame["kind"] == "hand"
    frame["label"] = frame["name"].where(hand, frame["kind"] + " " + number)
    frame["answer"] = frame["chosen"] & ~hand
    frame["seeds"] = (run.budget.seeds - frame["failed"]).astype(int)
    frame["seen"] = frame["architecture"].isin(_adapted_to(run))
    return frame.drop(columns="order").reset_index(drop=True)


def answers(run: Run) -> tuple[Answer, Answer, Answer | None]:
    """The guided arm's answer, the random arm's, and the best validated hand-made network if there is any."""
    frame = networks(run)

    def first(kind: str) -> Answer | None:
        # Sorted by validation, so the first hand-made one is the best.
        rows = frame[(frame["kind"] == kind) & frame["chosen"]].to_dict(orient="records")
        return Answer(**{str(k): v for k, v in rows[0].items() if k in Answer._fields}) if rows else None

    guided, random = first("guided"), first("random")
    assert guided is not None and random is not None  # noqa: S101, PT018 - read_run saw one of each
    return guided, random, first("hand")


def gap(ours: Answer, other: Answer) -> Gap:
    """Difference of mean test scores, with what the spread over seeds says about it.

    With few seeds a standard error is itself a rough number; the interval is as wide as that makes it.
    """
    points = 100 * (ours.test - other.test)
    if ours.architecture == other.architecture:
        return Gap(other, points, 0.0, points, points, same=True)
    errors = np.array([_standard_error(ours), _standard_error(other)])
    error = 100 * float(np.hypot(*errors))
    half = error * _welch(errors, np.array([ours.seeds, other.seeds]))
    return Gap(other, points, error, points - half, points + half, same=False)


def agreement(run: Run) -> Agreement:
    """Rank correlation of predicted and confirmed validation scores, each network once."""
    frame = distinct(networks(run)).dropna(subset=["predicted", "val"])
    unseen = frame[~frame["seen"]]

    def over(part: "pd.DataFrame", statistic: Callable[..., float]) -> float:
        return statistic(part["predicted"], part["val"]) if len(part) >= MIN_PAIRS else float("nan")

    return Agreement(
        len(frame), over(frame, kendall_tau), over(frame, spearman), len(unseen), over(unseen, kendall_tau)
    )


def distinct(frame: "pd.DataFrame") -> "pd.DataFrame":
    """Each architecture once, under the name it has first."""
    return frame.drop_duplicates("architecture", ignore_index=True)


def best_so_far(run: Run) -> "pd.DataFrame":
    """Per arm and training of the search: step, val, and best (the highest val up to that step; NaN before any)."""
    frame = run.history.sort_values(["kind", "step"], kind="stable", ignore_index=True)
    frame["best"] = frame.groupby("kind")["val"].cummax()
    frame["best"] = frame.groupby("kind")["best"].ffill()  # a failed training leaves the best as it was
    return frame[["kind", "step", "architecture", "val", "best"]]


def ranking(run: Run, top: int) -> "pd.DataFrame":
    """The first ``top`` of the ranking, with what is known of each from real trainings.

    Columns: rank, architecture, mean, std; found (validation score of the guided arm's training, NaN where
    there was none or it failed); val, val_std (mean and deviation over fresh seeds, NaN where not confirmed).
    """
    frame = run.ranking.head(top)[["architecture", "mean", "std"]].reset_index(drop=True)
    guided = run.history[run.history["kind"] == "guided"]
    frame["found"] = frame["architecture"].map(guided.set_index("architecture")["val"])
    confirmed = distinct(run.comparison).set_index("architecture")
    for column in ("val", "val_std"):
        frame[column] = frame["architecture"].map(confirmed[column])
    frame.insert(0, "rank", np.arange(1, len(frame) + 1))
    return frame


def tied_with_first(run: Run) -> int:
    """How many of the listed architectures are predicted within one standard deviation of the first."""
    first = run.ranking.iloc[0]
    return int((run.ranking["mean"] >= first["mean"] - first["std"]).sum())


def curves(run: Run) -> "pd.DataFrame":
    """Validation accuracy by epoch of every confirmed network, over the fresh seeds.

    Columns: kind, label, thick (it is its arm's answer, or the best validated hand-made network), epoch, mean,
    std (NaN for one seed), seeds (trainings behind the point).
    """
    import pandas as pd

    shown = networks(run)
    thick = {answer.label for answer in answers(run) if answer is not None}
    points = [
        (row.kind, row.label, row.label in thick, point.epoch, point.val_score)
        for row in rows(shown)
        for result in confirmations(run, row.architecture)
        for point in result.curve
        if result.ok
    ]
    columns = ["kind", "label", "thick", "epoch"]
    frame = pd.DataFrame(points, columns=[*columns, "value"])
    return frame.groupby(columns, sort=False)["value"].agg(mean="mean", std="std", seeds="count").reset_index()


def confirmations(run: Run, architecture: str) -> list[TrainingResult]:
    """The trainings with fresh seeds of one architecture."""
    seeds = run.budget.confirm_seeds
    return [r for r in run.trainings if r.architecture == architecture and r.seed in seeds]


def failures(run: Run) -> list[TrainingResult]:
    """Trainings that gave no scores."""
    return [r for r in run.trainings if not r.ok]


def arm_costs(run: Run) -> "pd.DataFrame":
    """What each arm paid: trainings and seconds of the search and of the confirmation.

    One row per kind with the columns kind, search, search_s, confirm, confirm_s, total, total_s. What two arms
    share is charged to both, as if each had run alone; a training without a known cost counts no seconds.
    """
    import pandas as pd

    rows = []
    for kind in _ORDER:
        tried = run.history[run.history["kind"] == kind]
        confirmed = run.comparison[run.comparison["kind"] == kind]
        search, confirm = len(tried), len(confirmed) * run.budget.seeds
        search_s, confirm_s = tried["cost_s"].sum(), confirmed["cost_s"].sum()
        rows.append((kind, search, search_s, confirm, confirm_s, search + confirm, search_s + confirm_s))
    columns = ["kind", "search", "search_s", "confirm", "confirm_s", "total", "total_s"]
    return pd.DataFrame(rows, columns=columns)


def training_seconds(run: Run) -> float:
    """Seconds of all trainings, each counted once."""
    return float(np.nansum([r.seconds for r in run.trainings]))


def finalists(run: Run) -> list[Finalist]:
    """The networks that the two arms confirmed: the guided arm's answer first, then by validation score."""
    frame = networks(run)
    frame = frame[frame["kind"] != "hand"]
    first = answers(run)[0].architecture
    found = []
    for architecture, part in frame.groupby("architecture", sort=False):
        row = part.iloc[0]
        labels = tuple(zip(part["kind"], part["label"], strict=True))
        found.append(Finalist(str(architecture), labels, row["val"], row["val_std"], row["test"], row["test_std"]))
    return sorted(found, key=lambda finalist: finalist.architecture != first)


def _adapted_to(run: Run) -> set[str]:
    guided = run.history[(run.history["kind"] == "guided") & run.history["val"].notna()]
    return set(guided["architecture"])


def _welch(errors: npt.NDArray[np.float64], seeds: npt.NDArray[np.int64]) -> float:
    """Half-width of the 95 % interval of a difference of two means, in standard errors; NaN where unknown."""
    from scipy.stats import t

    squares = errors**2
    if not (np.isfinite(squares).all() and squares.sum() > 0 and (seeds > 1).all()):
        return float("nan")
    freedom = squares.sum() ** 2 / (squares**2 / (seeds - 1)).sum()
    return float(t.ppf(0.975, freedom))


def _standard_error(answer: Answer) -> float:
    return answer.test_std / np.sqrt(answer.seeds) if answer.seeds else float("nan")
