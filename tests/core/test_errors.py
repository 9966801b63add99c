import pickle

import pytest

from surrogate_nas.core import (
    InvalidInputError,
    MissingExtraError,
    SpaceExhaustedError,
    SurrogateNASError,
    UnknownNameError,
    choose,
)


@pytest.mark.parametrize(
    ("error", "builtin"),
    [
        (InvalidInputError, ValueError),
        (UnknownNameError, LookupError),
        (SpaceExhaustedError, RuntimeError),
        (MissingExtraError, ImportError),
    ],
)
def test_each_error_is_caught_by_the_family_and_by_the_builtin(error, builtin):
    assert issubclass(error, SurrogateNASError)
    assert issubclass(error, builtin)
    with pytest.raises(builtin, match="^what came$"):
        raise error("what came")


@pytest.mark.parametrize("error", [InvalidInputError, UnknownNameError, SpaceExhaustedError, MissingExtraError])
def test_a_message_is_one_line(error):
    assert str(error("expected this,\n  got:\tthat\r\n")) == "expected this, got: that"
    assert str(error("two", "arguments")) == "two arguments"


def test_errors_cross_process_borders():
    error = pickle.loads(pickle.dumps(UnknownNameError.of("task", "cra", ["cora"])))  # noqa: S301
    assert isinstance(error, UnknownNameError)
    assert "did you mean 'cora'?" in str(error)


def test_choose_returns_what_was_asked_for():
    assert choose("task", "b", {"a": 1, "b": 2}) == 2


def test_an_unknown_name_lists_the_known_ones_and_the_nearest():
    with pytest.raises(UnknownNameError) as caught:
        choose("task", "citeser", {"cora": 1, "citeseer": 2})
    assert str(caught.value) == ("unknown task 'citeser': expected one of cora, citeseer; did you mean 'citeseer'?")


def test_no_far_fetched_hint():
    assert str(UnknownNameError.of("task", "xyz", ["cora"])) == "unknown task 'xyz': expected one of cora"


@pytest.mark.parametrize("got", [None, 3, ["cora"], {"cora": 1}])
def test_names_that_are_not_text_are_unknown_names_too(got):
    with pytest.raises(UnknownNameError, match="expected one of cora"):
        choose("task", got, {"cora": 1})


def test_nothing_to_choose_from():
    with pytest.raises(UnknownNameError, match=r"expected one of \(none\)"):
        choose("table", "a", {})


def test_a_missing_extra_says_how_to_install_it():
    error = MissingExtraError.of("optuna", "optuna", "the Optuna sampler")
    assert str(error) == "the Optuna sampler needs optuna: pip install 'surrogate-nas[optuna]'"
