import bz2
import contextlib
import io
import os
import pickle
import struct
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from surrogate_nas.core import InvalidInputError
from surrogate_nas.tables.safe_pickle import (
    NUMPY_SCALARS,
    PLAIN_DATA,
    RefusedGlobalError,
    limited,
    load_pickle,
    open_bz2,
)


class Hostile:
    """Pickles into a call."""

    def __init__(self, function, *arguments):
        self.call = (function, arguments)

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize("protocol", range(3, pickle.HIGHEST_PROTOCOL + 1))  # earlier ones write bytes by name
def test_plain_data_and_numpy_scalars_are_read(protocol):
    data = {"a": [1, 2.5, None, True, "text", (b"bytes",)], 7: np.float64(0.25), "f": np.float32(1.5)}
    data |= {"i": np.int64(-3), "u": np.uint8(255), "b": np.bool_(True), "c": np.complex128(1 + 2j)}
    got = load_pickle(pickle.dumps(data, protocol=protocol))
    assert got == data
    assert type(got["f"]) is np.float32
    assert type(got["i"]) is np.int64


def test_the_names_that_numpy_1_wrote_are_read():
    text = b"cnumpy.core.multiarray\nscalar\n(cnumpy\ndtype\n(X\x02\x00\x00\x00f8K\x00K\x01tR"
    state = b"(K\x03X\x01\x00\x00\x00<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    raw = b"C\x08" + struct.pack("<d", 0.7352624285044876)
    assert load_pickle(b"\x80\x03" + text + state + raw + b"tR.") == 0.7352624285044876


def test_big_endian_scalars_keep_their_value():
    assert load_pickle(pickle.dumps(np.array([1.5], dtype=">f8")[0])) == 1.5


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("function", [os.system, eval, exec, getattr, open, Path.unlink, io.open])
def test_a_hostile_pickle_does_not_run(tmp_path, function, protocol):
    target = tmp_path / "harmed"
    data = pickle.dumps({"x": Hostile(function, f"touch {target}")}, protocol=protocol)
    with pytest.raises(RefusedGlobalError, match="allow-list"):
        load_pickle(data)
    assert not target.exists()


def test_a_hostile_file_is_named(tmp_path):
    path = tmp_path / "evil.bench"
    path.write_bytes(pickle.dumps(Hostile(os.system, "true")))
    with pytest.raises(RefusedGlobalError, match=r"evil\.bench: pickle asks for '(posix|nt)\.system'"):
        load_pickle(path)


def test_names_inside_an_allowed_module_are_not_allowed():
    for name in (b"cnumpy\nload\n.", b"cnumpy\ndtype.__class__\n.", b"cnumpy.core.multiarray\n_reconstruct\n."):
        with pytest.raises(RefusedGlobalError):
            load_pickle(name)


def test_persistent_references_are_refused():
    with pytest.raises(RefusedGlobalError, match="outside the file"):
        load_pickle(b"Psomething\n.")


@pytest.mark.parametrize(
    "value", [np.array(["x"])[0], np.datetime64("2020-01-01"), np.array([(1, 2.0)], dtype="i4,f8")[0], np.bytes_(b"x")]
)
def test_types_other_than_numbers_are_refused(value):
    with pytest.raises(RefusedGlobalError):
        load_pickle(pickle.dumps(value))


@pytest.mark.parametrize(
    "body",
    [
        b"(X\x02\x00\x00\x00O8K\x00K\x01tR.",  # objects
        b"(X\x02\x00\x00\x00V8K\x00K\x01tR.",  # raw memory
        b"(K\x05tR.",  # not a code
    ],
)
def test_odd_types_are_refused(body):
    with pytest.raises(RefusedGlobalError):
        load_pickle(b"cnumpy\ndtype\n" + body)


def test_a_plain_type_cannot_be_turned_into_a_structured_one():
    head = b"\x80\x03cnumpy\ndtype\n(X\x02\x00\x00\x00f8K\x00K\x01tR"
    for state in (b"(K\x03X\x01\x00\x00\x00<NX\x01\x00\x00\x00aNK\x08K\x08K\x3ftb.", b"Nb.", b"}b.", b"(K\x03K\x04tb."):
        with pytest.raises((RefusedGlobalError, InvalidInputError)):
            load_pickle(head + state)


def test_scalars_of_the_wrong_length_are_refused():
    good = pickle.dumps(np.float64(1.0), protocol=4)
    at = good.index(struct.pack("<d", 1.0))
    short = good[: at - 1] + b"\x04" + good[at : at + 4] + good[at + 8 :]
    short = short[:3] + struct.pack("<Q", len(short) - 11) + short[11:]
    with pytest.raises(RefusedGlobalError, match="8 bytes"):
        load_pickle(short)
    with pytest.raises(RefusedGlobalError, match="plain type"):
        load_pickle(b"cnumpy.core.multiarray\nscalar\n(K\x01K\x02tR.")


def test_an_importer_can_allow_more():
    data = pickle.dumps(OrderedDict(a=np.float64(1.0)))
    with pytest.raises(RefusedGlobalError):
        load_pickle(data)
    assert load_pickle(data, allow={**NUMPY_SCALARS, "collections.OrderedDict": dict}) == {"a": 1.0}


def test_the_default_allow_list_cannot_be_changed():
    with pytest.raises(TypeError):
        NUMPY_SCALARS["os.system"] = os.system


@pytest.mark.parametrize("data", [b"", b"\x80", b"hello world", b"PAR1", pickle.dumps(list(range(1000)))[:-20], b"."])
def test_broken_bytes_are_one_clear_line(data):
    with pytest.raises(InvalidInputError, match="expected a complete pickle"):
        load_pickle(data)


def test_a_missing_file_is_one_clear_line(tmp_path):
    with pytest.raises(InvalidInputError, match="expected a readable file"):
        load_pickle(tmp_path / "none.bench")


@given(st.binary(max_size=60), st.integers(0, 200), st.integers(1, 255))
def test_damaged_bytes_are_read_or_refused_never_run(tail, place, flip):
    data = bytearray(pickle.dumps({"valid_perf": 0.5, "perf": np.float64(0.25)}, protocol=3) + tail)
    data[place % len(data)] ^= flip
    with contextlib.suppress(InvalidInputError):
        load_pickle(bytes(data))


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_plain_data_has_arrays_ordered_dicts_and_sets(protocol):
    arrays = [
        np.arange(6.0).reshape(2, 3), np.asfortranarray(np.arange(6).reshape(2, 3)), np.array([1.5, -2], dtype=">f4"),
        np.array(7, dtype=np.uint8), np.empty((0, 3)), np.array([True, False]), np.array([1 + 2j]),
    ]  # fmt: skip
    data = {"o": OrderedDict(b=1, a=OrderedDict()), "s": {1, "x"}, "e": set(), "f": np.float64(0.25), "a": arrays}
    got = load_pickle(pickle.dumps(data, protocol=protocol), allow=PLAIN_DATA)
    assert list(got["o"].items()) == [("b", 1), ("a", {})]
    assert (got["s"], got["e"], got["f"]) == ({1, "x"}, set(), 0.25)
    for ours, theirs in zip(got["a"], arrays, strict=True):
        array = np.asarray(ours)
        assert array.dtype == theirs.dtype
        np.testing.assert_array_equal(array, theirs)
        np.testing.assert_array_equal(np.array(ours, dtype=complex, copy=True), theirs)


@pytest.mark.parametrize("value", [np.array(["x"]), np.array([{}], dtype=object), np.zeros(1, dtype="i4,f8")])
@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_arrays_of_other_things_are_refused(value, protocol):
    with pytest.raises(RefusedGlobalError):
        load_pickle(pickle.dumps(value, protocol=protocol), allow=PLAIN_DATA)


F8 = b"cnumpy\ndtype\n(X\x02\x00\x00\x00f8K\x00K\x01tR"


@pytest.mark.parametrize(
    "body",
    [
        b"ccollections\nOrderedDict\n(K\x05tR.",  # not pairs
        b"ccollections\nOrderedDict\n(](K\x01K\x02K\x03etR.",
        b"ccollections\nOrderedDict\n(]tR}b.",  # a state
        b"c__builtin__\nset\n(K\x05tR.",
        b"c__builtin__\nset\n(](}etR.",  # not hashable
        b"c_codecs\nencode\n(X\x01\x00\x00\x00aX\x03\x00\x00\x00hextR.",  # another encoding
        b"c_codecs\nencode\n(K\x01X\x06\x00\x00\x00latin1tR.",
        b"c_codecs\nencode\n(tR.",
        b"c__builtin__\nbytes\n(J\xff\xff\xff\x7ftR.",  # two gigabytes
        b"cnumpy\nndarray\n(K\x05tR.",  # called
        b"cnumpy\nndarray\n)\x81.",  # made without a call
        b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\ndtype\n(K\x00tC\x01btR.",  # of another class
        b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(K\x00tC\x01btR(K\x01K\x02tb.",  # a short state
        b"cnumpy.core.numeric\n_frombuffer\n(C\x08aaaaaaaaK\x01(K\x01tX\x01\x00\x00\x00CtR.",  # no type
        b"cnumpy.core.numeric\n_frombuffer\n(C\x08aaaaaaaa" + F8 + b"(K\x02tX\x01\x00\x00\x00CtR.",  # too few bytes
        b"cnumpy.core.numeric\n_frombuffer\n(C\x08aaaaaaaa" + F8 + b"(J\xff\xff\xff\xfftX\x01\x00\x00\x00CtR.",
        b"cnumpy.core.numeric\n_frombuffer\n(C\x08aaaaaaaa" + F8 + b"(K\x01tX\x01\x00\x00\x00AtR.",  # no order
        b"cnumpy.core.numeric\n_frombuffer\n(K\x08" + F8 + b"(K\x01tX\x01\x00\x00\x00CtR.",  # no bytes
        F8 + b"0" + F8[:-1] + b"\x81(K\x01tX.",  # cut off
    ],
)
def test_allowed_names_with_odd_arguments_are_refused(body):
    with pytest.raises(InvalidInputError):
        load_pickle(b"\x80\x04" + body, allow=PLAIN_DATA)


def test_streams_are_read_just_to_the_end_of_the_pickle():
    stream = io.BytesIO(pickle.dumps([1]) + pickle.dumps([2]) + b"rest")
    assert load_pickle(stream) == [1]
    assert load_pickle(stream) == [2]
    assert stream.read() == b"rest"


def test_compressed_files_expand_to_a_limit(tmp_path):
    path = tmp_path / "some.pbz2"
    path.write_bytes(bz2.compress(pickle.dumps(bytes(10_000))))
    with open_bz2(path, limit=20_000) as stream:
        assert load_pickle(stream) == bytes(10_000)
        assert stream.read(1) == b""
    with open_bz2(path, limit=9_000) as stream, pytest.raises(InvalidInputError, match="expands to more bytes"):
        load_pickle(stream)
    assert limited(io.BytesIO(b"abc"), 3).read() == b"abc"
    with pytest.raises(InvalidInputError, match="expands to more"):
        limited(io.BytesIO(b"abcd"), 3).read()


@given(st.integers(0, 400), st.integers(1, 255), st.sampled_from([2, 4, 5]))
def test_damaged_plain_data_is_read_or_refused_never_run(place, flip, protocol):
    whole = {"o": OrderedDict(a=np.float64(0.5)), "s": {1}, "a": np.arange(3.0), "t": "latency"}
    data = bytearray(pickle.dumps(whole, protocol=protocol))
    data[place % len(data)] ^= flip
    with contextlib.suppress(InvalidInputError):
        load_pickle(bytes(data), allow=PLAIN_DATA)
