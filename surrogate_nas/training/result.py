"""What one training gave: frozen, and to JSON and back without loss."""

import math
from dataclasses import MISSING, asdict, dataclass, fields
from typing import Any, Literal, NamedTuple

from surrogate_nas.core import InvalidInputError, choose


class Scores(NamedTuple):
    """Metrics on one part of the data; means over the splits where a data set has several, NaN where they do not apply.

    Attributes:
        accuracy: Share of correct samples, in [0, 1]; higher is better. Classification only, like all that follow
            up to ``auc``, except the loss.
        macro_f1: Mean over classes of the F1 score, in [0, 1]; higher is better.
        loss: Mean cross-entropy in nats, or mean squared error of the standardised target; lower is better.
        balanced_accuracy: Mean over the classes that occur of the share found, in [0, 1]; higher is better.
        precision: Mean over classes of the share of a class's answers that are right, in [0, 1]; higher is better.
        recall: Mean over classes of the share of a class that is found, in [0, 1]; higher is better.
        auc: Area under the ROC curve, mean over classes of one against the rest, in [0, 1]; higher is better.
        rmse: Root of the mean squared error in the target's unit; lower is better. Regression only, like the next.
        r2: Share of the target's variance that is explained, at most 1; higher is better.
    """

    accuracy: float = math.nan
    macro_f1: float = math.nan
    loss: float = math.nan
    balanced_accuracy: float = math.nan
    precision: float = math.nan
    recall: float = math.nan
    auc: float = math.nan
    rmse: float = math.nan
    r2: float = math.nan


#: Scores of a training that failed.
NO_SCORES = Scores()

#: The metrics of a classification and of a regression with their units, "" being the target's own. The first one is
#: what epochs are chosen on; higher is better.
CLASSIFICATION_UNITS = {
    "accuracy": "1", "macro_f1": "1", "loss": "nats", "balanced_accuracy": "1", "precision": "1", "recall": "1",
    "auc": "1",
}  # fmt: skip
REGRESSION_UNITS = {"r2": "1", "rmse": "", "loss": "1"}


class CurvePoint(NamedTuple):
    """The state of a training after one epoch; means over the splits.

    Attributes:
        epoch: Epochs done.
        train_loss: What was minimised, on the training data and with dropout and augmentation: cross-entropy in
            nats, or mean squared error of the standardised target.
        val_loss: The same on the validation data, without any of these.
        val_score: Accuracy on the validation data; R2 for a regression. Higher is better.
    """

    epoch: int
    train_loss: float
    val_loss: float
    val_score: float


@dataclass(frozen=True, slots=True)
class TrainingResult:
    """One training of one architecture with one seed.

    Attributes:
        status: "ok", or "failed" (diverged, out of memory, worker died): then all scores are NaN.
        reason: Why it failed, in one line; empty if it did not.
        dataset: Name of the data set.
        architecture: Text form of the architecture.
        seed: Seed of the initial weights, of the order of the samples, of dropout and of augmentation.
        val: Scores on the validation data at the best epoch.
        test: Scores on the test data at the same epoch.
        best_epoch: Epoch of the highest validation accuracy, or R2 (ties: lowest validation loss).
        epochs: Epochs that were run.
        parameters: Trainable parameters of one network.
        seconds: Wall time of the training in seconds.
        device: Where it ran.
        curve: The evaluated epochs in order.
        peak_memory: Bytes. On a GPU the most that this training had allocated there; on a CPU the most that its
            process ever held, whatever for, and 0 where the platform does not say.
    """

    status: Literal["ok", "failed"]
    reason: str
    dataset: str
    architecture: str
    seed: int
    val: Scores = NO_SCORES
    test: Scores = NO_SCORES
    best_epoch: int = 0
    epochs: int = 0
    parameters: int = 0
    seconds: float = math.nan
    device: str = "cpu"
    curve: tuple[CurvePoint, ...] = ()
    peak_memory: int = 0

    @property
    def ok(self) -> bool:
        """Whether the training gave scores."""
        return self.status == "ok"

    def score(self, metric: str = "accuracy", split: str = "val") -> float:
        """One number; NaN if the training failed, or the metric does not apply.

        Args:
            metric: A field of :class:`Scores`.
            split: "val" or "test".
        """
        scores = choose("split", split, {"val": self.val, "test": self.test})
        return float(choose("metric", metric, scores._asdict()))

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; NaN and infinity become None."""
        values = asdict(self)
        values["val"], values["test"] = self.val._asdict(), self.test._asdict()
        values["curve"] = [list(point) for point in self.curve]
        cleaned: dict[str, Any] = _finite_or_none(values)
        return cleaned

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "TrainingResult":
        """Inverse of :meth:`to_dict`; what an older version did not write yet takes its default.

        Raises:
            InvalidInputError: A field is missing or unknown.
        """
        known = {f.name: f.default is MISSING for f in fields(cls)}
        needed = {name for name, required in known.items() if required} | {"val", "test", "curve"}
        if not needed <= set(values) <= set(known):
            raise InvalidInputError(
                f"training result: expected the fields {', '.join(sorted(known))}, got {', '.join(sorted(values))}"
            )
        read = {"val": _scores(values["val"]), "test": _scores(values["test"]), "seconds": _nan(values.get("seconds"))}
        curve = tuple(CurvePoint(int(p[0]), *(_nan(v) for v in p[1:])) for p in values["curve"])
        return cls(**(values | read | {"curve": curve}))


def _scores(values: dict[str, float | None]) -> Scores:
    if unknown := set(values) - set(Scores._fields):
        raise InvalidInputError(
            f"training result: expected scores among {', '.join(Scores._fields)}, got {', '.join(sorted(unknown))}"
        )
    return Scores(**{name: _nan(value) for name, value in values.items()})


def _nan(value: float | None) -> float:
    return math.nan if value is None else float(value)


def _finite_or_none(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _finite_or_none(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_finite_or_none(v) for v in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
