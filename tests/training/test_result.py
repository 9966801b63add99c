"""Results: to JSON and back, also those that an older version wrote."""

import json
import math

import pytest

from surrogate_nas.core import InvalidInputError, UnknownNameError
from surrogate_nas.core.values import COST_METRICS
from surrogate_nas.training import Scores, TrainingResult
from surrogate_nas.training.result import CLASSIFICATION_UNITS, REGRESSION_UNITS, CurvePoint

#: A line of a log of version 0.1.
OLD = """{"status": "ok", "reason": "", "dataset": "wine", "architecture": "[0,1,1,2] arma|arma|gcn|cheb", "seed": 0,
"val": {"accuracy": 0.6878378378378378, "macro_f1": 0.6802286751214484, "loss": 0.7634259462356567},
"test": {"accuracy": 0.6918918918918919, "macro_f1": 0.6802543427086999, "loss": 0.7640886306762695},
"best_epoch": 4, "epochs": 4, "parameters": 8579, "seconds": 0.15881311900000128, "device": "cpu",
"curve": [[2, 0.9593504071235657, 0.9742630124092102, 0.5635135135135135],
[4, 0.5716013312339783, 0.7634259462356567, 0.6878378378378378]]}"""


def test_results_of_an_older_version_are_read():
    result = TrainingResult.from_dict(json.loads(OLD))
    assert result.val[:3] == (0.6878378378378378, 0.6802286751214484, 0.7634259462356567)
    assert math.isnan(result.score("auc", "test"))
    assert result.curve[1] == CurvePoint(4, 0.5716013312339783, 0.7634259462356567, 0.6878378378378378)
    assert result.peak_memory == 0
    again = TrainingResult.from_dict(json.loads(json.dumps(result.to_dict(), allow_nan=False)))
    assert again.to_dict() == result.to_dict()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"scores": 1}, "expected the fields .*, got .*scores"),
        ({"seed": None}, "expected the fields"),
        ({"val": {"top5": 0.5}}, "expected scores among accuracy, .*, got top5"),
    ],
)
def test_other_fields_are_refused(change, message):
    values = json.loads(OLD) | change
    with pytest.raises(InvalidInputError, match=message):
        TrainingResult.from_dict({k: v for k, v in values.items() if v is not None})


def test_every_metric_has_a_unit_and_a_direction():
    assert set(CLASSIFICATION_UNITS) | set(REGRESSION_UNITS) == set(Scores._fields)
    assert {name for name in Scores._fields if name in COST_METRICS} == {"loss", "rmse"}
    with pytest.raises(UnknownNameError, match="unknown metric 'top5'"):
        TrainingResult.from_dict(json.loads(OLD)).score("top5")
