"""What one training gave: frozen, and to JSON and back without loss."""

import math
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, NamedTuple

from surrogate_nas.core import InvalidInputError, choose


class Scores(NamedTuple):
    """Metrics on one split of the nodes; means over the resplits where a data set has several.

    Attributes:
        accuracy: Share of correct nodes, in [0, 1]; higher is better.
        macro_f1: Mean over classes of the F1 score, in [0, 1]; higher is better.
        loss: Mean cross-entropy in nats; lower is better.
    """

    accuracy: float
    macro_f1: float
    loss: float


#: Scores of a training that failed.
NO_SCORES = Scores(math.nan, math.nan, math.nan)


class CurvePoint(NamedTuple):
    """The state of a training after one epoch; means over the resplits.

    Attributes:
        epoch: Epochs done.
        train_loss: Cross-entropy on the labelled nodes, with dropout, in nats.
        val_loss: Cross-entropy on the validation nodes, in nats.
        val_accuracy: Share of correct validation nodes, in [0, 1].
    """

    epoch: int
    train_loss: float
    val_loss: float
    val_accuracy: float


@dataclass(frozen=True, slots=True)
class TrainingResult:
    """One training of one architecture with one seed.

    Attributes:
        status: "ok", or "failed" (diverged, out of memory, worker died): then all scores are NaN.
        reason: Why it failed, in one line; empty if it did not.
        dataset: Name of the data set.
        architecture: Text form of the architecture.
        seed: Seed of the initial weights and of dropout.
        val: Scores on the validation nodes at the best epoch.
        test: Scores on the test nodes at the same epoch.
        best_epoch: Epoch of the highest validation accuracy (ties: lowest validation loss).
        epochs: Epochs that were run.
        parameters: Trainable parameters of one network.
        seconds: Wall time of the training in seconds.
        device: Where it ran.
        curve: The evaluated epochs in order.
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

    @property
    def ok(self) -> bool:
        """Whether the training gave scores."""
        return self.status == "ok"

    def score(self, metric: str = "accuracy", split: str = "val") -> float:
        """One number; NaN if the training failed.

        Args:
            metric: "accuracy", "macro_f1" or "loss".
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
        """Inverse of :meth:`to_dict`.

        Raises:
            InvalidInputError: A field is missing or unknown.
        """
        known = {f.name for f in fields(cls)}
        if set(values) != known:
            raise InvalidInputError(
                f"training result: expected the fields {', '.join(sorted(known))}, got {', '.join(sorted(values))}"
            )
        number = {"val": _scores(values["val"]), "test": _scores(values["test"]), "seconds": _nan(values["seconds"])}
        curve = tuple(CurvePoint(int(p[0]), *(_nan(v) for v in p[1:])) for p in values["curve"])
        return cls(**(values | number | {"curve": curve}))


def _scores(values: dict[str, float | None]) -> Scores:
    return Scores(**{name: _nan(value) for name, value in values.items()})


def _nan(value: float | None) -> float:
    return math.nan if value is None else float(value)


def _finite_or_none(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _finite_or_none(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_finite_or_none(v) for v in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
