"""The contract of an encoder, as checks that any encoder can be run through, also a user's own.

    import pytest
    from surrogate_nas.testing.encoder import CHECKS

    @pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
    def test_contract(check):
        check(MyEncoder, my_space)

A factory is called as ``factory(space)``.
"""

from collections.abc import Callable

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from surrogate_nas.core import InvalidInputError
from surrogate_nas.encodings import Encoder
from surrogate_nas.spaces.base import Rows, SearchSpace

Factory = Callable[[SearchSpace], Encoder]


def some_rows(space: SearchSpace, n: int = 200) -> Rows:
    """Valid rows, the same ones each time."""
    return space.sample(n, np.random.default_rng(7))


def check_output_is_finite_float32_with_a_name_per_column(factory: Factory, space: SearchSpace) -> None:
    """Finite float32, and as many distinct names as columns."""
    encoder = factory(space).fit()
    features = encoder.transform(some_rows(space))
    names = encoder.get_feature_names_out()
    assert features.dtype == np.float32
    assert np.isfinite(features).all()
    assert features.shape == (200, len(names))
    assert len(set(names)) == len(names)
    assert all(isinstance(name, str) for name in names)


def check_columns_vary(factory: Factory, space: SearchSpace) -> None:
    """Columns are not constant over the space, unless all spaces share them; rare values may lack in a sample."""
    encoder = factory(space).fit()
    features = encoder.transform(some_rows(space, 4096))
    if not encoder.shared:
        assert (features.min(axis=0) < features.max(axis=0)).mean() > 0.5


def check_columns_do_not_depend_on_the_rows_of_fit(factory: Factory, space: SearchSpace) -> None:
    """Two predictors of one space see the same columns."""
    rows = some_rows(space)
    expected = factory(space).fit().transform(rows)
    for part in (rows[:1], rows[5:20]):
        np.testing.assert_array_equal(factory(space).fit(part).transform(rows), expected)


def check_batch_equals_loop(factory: Factory, space: SearchSpace) -> None:
    """A row has the same features alone and in a batch."""
    encoder, rows = factory(space).fit(), some_rows(space)[:30]
    one_by_one = np.concatenate([encoder.transform(rows[i : i + 1]) for i in range(len(rows))])
    # Long sums of floats are taken in another order for one row than for many.
    np.testing.assert_allclose(encoder.transform(rows), one_by_one, rtol=1e-5, atol=1e-6)


def check_order_of_rows_does_not_matter(factory: Factory, space: SearchSpace) -> None:
    """Features go with their rows."""
    encoder, rows = factory(space).fit(), some_rows(space)
    np.testing.assert_array_equal(encoder.transform(rows[::-1]), encoder.transform(rows)[::-1])


def check_no_rows_give_no_features(factory: Factory, space: SearchSpace) -> None:
    """An empty batch is a batch."""
    encoder = factory(space).fit()
    assert encoder.transform(some_rows(space)[:0]).shape == (0, len(encoder.get_feature_names_out()))


def check_equal_networks_have_equal_features(factory: Factory, space: SearchSpace) -> None:
    """Where the encoder says so, and only there."""
    encoder, rows = factory(space).fit(), some_rows(space, 2000)
    if encoder.invariant:
        np.testing.assert_array_equal(encoder.transform(rows), encoder.transform(space.canonical(rows)))


def check_arguments_stay_as_they_are(factory: Factory, space: SearchSpace) -> None:
    """Nothing that is handed over is changed, and nothing of it is kept."""
    rows = some_rows(space)
    before = rows.copy()
    factory(space).fit(rows).transform(rows)
    np.testing.assert_array_equal(rows, before)


def check_scikit_learn_conventions(factory: Factory, space: SearchSpace) -> None:
    """Clones share the space and agree; pipelines work; parameters are stored as given."""
    encoder, rows = factory(space), some_rows(space)
    assert encoder.get_params(deep=False)["space"] is space
    copy = clone(encoder)
    assert copy is not encoder
    assert copy.space is space
    np.testing.assert_array_equal(copy.fit_transform(rows), encoder.fit(rows).transform(rows))
    scaled = make_pipeline(encoder, StandardScaler()).fit_transform(rows)
    assert scaled.shape == (200, len(encoder.get_feature_names_out()))


def check_wrong_input_is_one_line(factory: Factory, space: SearchSpace) -> None:
    """Wrong input gives an error of one line."""
    encoder = factory(space)
    with pytest.raises(InvalidInputError, match="not fitted"):
        encoder.transform(some_rows(space))
    encoder.fit()
    for wrong in (np.zeros((3, space.n_genes + 1)), np.full((3, space.n_genes), 0.5), ["text"]):
        with pytest.raises(InvalidInputError) as error:
            encoder.transform(wrong)
        assert "\n" not in str(error.value)


CHECKS: tuple[Callable[[Factory, SearchSpace], None], ...] = (
    check_output_is_finite_float32_with_a_name_per_column,
    check_columns_vary,
    check_columns_do_not_depend_on_the_rows_of_fit,
    check_batch_equals_loop,
    check_order_of_rows_does_not_matter,
    check_no_rows_give_no_features,
    check_equal_networks_have_equal_features,
    check_arguments_stay_as_they_are,
    check_scikit_learn_conventions,
    check_wrong_input_is_one_line,
)
