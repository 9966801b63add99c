"""Values, errors, random streams and statistics: what every other package stands on."""

from surrogate_nas.core.errors import (
    InvalidInputError,
    MissingExtraError,
    SpaceExhaustedError,
    SurrogateNASError,
    UnknownNameError,
    choose,
)
from surrogate_nas.core.random import as_generator, spawn_seeds
from surrogate_nas.core.values import Column, Direction, MetricSpec, PredictedInterval, Prediction, Proposal, TaskData

__all__ = [
    "Column",
    "Direction",
    "InvalidInputError",
    "MetricSpec",
    "MissingExtraError",
    "PredictedInterval",
    "Prediction",
    "Proposal",
    "SpaceExhaustedError",
    "SurrogateNASError",
    "TaskData",
    "UnknownNameError",
    "as_generator",
    "choose",
    "spawn_seeds",
]
