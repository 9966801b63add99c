"""Parameters that make no sense are refused in one line, by ``fit`` as scikit-learn wants it."""

import pytest

from surrogate_nas.core import InvalidInputError
from surrogate_nas.encodings import LaplacianEncoder, LearnedEmbedding, PathEncoder, WeisfeilerLehman
from surrogate_nas.spaces import get_space


@pytest.mark.parametrize(
    ("encoder", "wrong"),
    [
        (PathEncoder, {"max_paths": 0}),
        (WeisfeilerLehman, {"iterations": -1}),
        (WeisfeilerLehman, {"max_colours": 1.5}),
        (LaplacianEncoder, {"k": "many"}),
        (LearnedEmbedding, {"dimension": 0}),
        (LearnedEmbedding, {"epochs": -1}),
    ],
)
def test_counts(encoder, wrong):
    made = encoder(get_space("nas-bench-201"), **wrong)
    with pytest.raises(
        InvalidInputError, match=f"{encoder.__name__}: {next(iter(wrong))}: expected a whole number"
    ) as error:
        made.fit()
    assert "\n" not in str(error.value)
