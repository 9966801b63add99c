"""What was finished stays finished: logs after kills, of other runs, damaged, on full and unwritable disks."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from surrogate_nas.core import InvalidInputError
from surrogate_nas.experiments.run_log import RunLog, plain, read_log

CONFIG = {"space": "s", "strategy": {"name": "evolution", "population_size": 50}, "batch_size": 4}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "run" / "log.jsonl"


def open_log(path, config=CONFIG, key=("row", "seed")):
    return RunLog(path, config, key=key)


def record(i, **more):
    return {"row": [i, 2], "seed": 0, "score": i / 7, **more}


def test_records_are_found_again_by_key_and_in_order(path):
    with open_log(path) as log:
        log.append(record(3), record(1))
        log.append({"row": np.array([5, 2], dtype=np.int16), "seed": np.int64(0), "score": np.float64("nan")})
        assert log.get(((3, 2), 0)) == log.get(([3, 2], 0)) == log.get((np.array([3, 2]), 0)) == record(3)
        assert log.get(((9, 9), 0)) is None
    with open_log(path) as log:
        assert len(log) == 3
        assert log.records == [record(3), record(1), {"row": [5, 2], "seed": 0, "score": None}]
    assert read_log(path) == (CONFIG, log.records)


def test_every_record_is_on_disk_when_append_returns(path):
    with open_log(path) as log:
        for i in range(5):
            log.append(record(i))
            assert read_log(path)[1] == [record(j) for j in range(i + 1)]


def test_nothing_is_written_twice(path):
    with open_log(path) as log:
        log.append(record(1))
        for again in ([record(1)], [record(2), record(2)]):
            with pytest.raises(InvalidInputError, match=r"a record with row \(., 2\), seed 0 is there already"):
                log.append(*again)
        assert len(log) == 1
    assert len(read_log(path)[1]) == 1


def test_a_log_cut_anywhere_continues_with_what_was_complete(path):
    with open_log(path) as log:
        log.append(*[record(i) for i in range(4)])
    whole = path.read_bytes()
    for cut in [*range(0, len(whole), 23), len(whole) - 1, len(whole)]:
        path.write_bytes(whole[:cut])
        complete = max(0, whole[:cut].count(b"\n") - 1)
        assert read_log(path)[1] == [record(i) for i in range(complete)]
        with open_log(path) as log:
            assert log.records == [record(i) for i in range(complete)]
            log.append(record(9))
        with open_log(path) as log:
            assert log.records == [*[record(i) for i in range(complete)], record(9)]


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({**CONFIG, "batch_size": 5}, "holds another run: batch_size was 4, now 5; choose another run folder"),
        ({**CONFIG, "strategy": {"name": "random"}}, r"strategy.name was 'evolution', now 'random'; strategy.popula"),
        ({**CONFIG, "more": True}, r"more was '\(absent\)', now True"),
        (dict.fromkeys("abcdef", 1), r"space was 's', now '\(absent\)'.* \.\.\.;"),
    ],
)
def test_another_configuration_is_refused_and_says_what_differs(path, config, message):
    open_log(path).close()
    before = path.read_bytes()
    with pytest.raises(InvalidInputError, match=message) as error:
        open_log(path, config)
    assert "\n" not in str(error.value)
    assert path.read_bytes() == before
    open_log(path).close()  # and the folder is free again


HEADER = json.dumps({"surrogate_nas_log": 1, "config": CONFIG}).encode() + b"\n"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"my own notes", "expected a log that begins with"),
        (b"\x00\xff\n", "expected a log that begins with"),
        (HEADER.replace(b'log": 1', b'log": 2'), "expected a log that begins with"),
        (HEADER[:-3] + b"\n", "got line 1 that is not JSON"),
        (HEADER + b"{]\n" + json.dumps(record(1)).encode() + b"\n", "got line 2 that is not JSON; delete it and all"),
        (HEADER + b"[1]\n", "got line 2 that is not a JSON object"),
        (HEADER + b"\n", "got line 2 that is not JSON"),
        (HEADER + b'{"row": [1]}\n', "got line 2 without the field 'seed'"),
        (HEADER + b"[" * 100_000 + b"\n", "got line 2 that is not JSON"),
        (HEADER + b"\xff\xfe{}\n", "got line 2 that is not JSON"),
    ],
    ids=range(10),
)
def test_a_damaged_log_is_one_line_and_stays_as_it_is(path, content, message):
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(InvalidInputError, match=message) as error:
        open_log(path)
    assert "\n" not in str(error.value)
    assert path.read_bytes() == content


@given(st.binary(max_size=200), st.integers(0, 400))
def test_no_content_gives_anything_but_a_log_or_one_line(tmp_path_factory, junk, at):
    path = tmp_path_factory.mktemp("junk") / "log.jsonl"
    good = HEADER + b"".join(json.dumps(record(i)).encode() + b"\n" for i in range(5))
    path.write_bytes(good[:at] + junk + good[at:])
    try:
        open_log(path).close()
    except InvalidInputError as error:
        assert "\n" not in str(error)  # noqa: PT017 - both outcomes are right
        assert path.read_bytes() == good[:at] + junk + good[at:]


def test_keys_may_be_anything_that_json_holds(path):
    content = HEADER + json.dumps({"row": {"a": [1, {"b": 2}]}, "seed": [[1], None]}).encode() + b"\n"
    path.parent.mkdir()
    path.write_bytes(content)
    with open_log(path) as log:
        assert len(log) == 1


@pytest.mark.parametrize("place", ["file/log.jsonl", "file/deeper/log.jsonl", "folder"])
def test_a_place_that_cannot_be_written_is_one_line(tmp_path, place):
    (tmp_path / "file").write_text("in the way")
    (tmp_path / "folder").mkdir()
    with pytest.raises(InvalidInputError, match="run folder: cannot write .*; choose a folder that can be written"):
        open_log(tmp_path / place)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_is_one_line_and_the_log_stays_as_it_was(path):
    with open_log(path) as log:
        log.append(record(1))
        before = path.read_bytes()
        real, log._file = log._file, os.open("/dev/full", os.O_RDWR)
        with pytest.raises(InvalidInputError, match="cannot write .*; all that was finished before is in it"):
            log.append(record(2))
        os.close(log._file)
        log._file = real
        assert log.records == [record(1)]
        assert path.read_bytes() == before
        log.append(record(2))
    assert read_log(path)[1] == [record(1), record(2)]


def test_one_writer_at_a_time_in_this_process(path):
    with open_log(path):
        with pytest.raises(InvalidInputError, match="somebody else is writing here; wait until that run ends"):
            open_log(path)
        open_log(path.with_name("other.jsonl")).close()
        with pytest.raises(InvalidInputError, match="somebody else is writing here"):
            open_log(path)
    open_log(path).close()


WRITER = """
import sys, time
from surrogate_nas.experiments.run_log import RunLog
log = RunLog(sys.argv[1], {"a": 1}, key=("i",))
i = len(log)
print("open", flush=True)
while True:
    log.append({"i": i, "filler": "x" * 20000})
    print(i, flush=True)
    i += 1
"""


def start_writer(path):
    writer = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True)
    assert writer.stdout.readline() == "open\n"
    return writer


@pytest.mark.skipif(sys.platform == "win32", reason="no lock between processes on this platform")
def test_another_process_is_kept_out_until_the_writer_is_gone(path):
    writer = start_writer(path)
    try:
        with pytest.raises(InvalidInputError, match="somebody else is writing here"):
            open_log(path, {"a": 1}, ("i",))
    finally:
        writer.kill()
        writer.communicate()
    open_log(path, {"a": 1}, ("i",)).close()


def test_killed_at_any_moment_all_that_was_reported_is_there(path):
    rng = np.random.default_rng(0)
    reported = 0
    for _ in range(4):
        writer = start_writer(path)
        time.sleep(rng.uniform(0.0, 0.05))
        writer.send_signal(signal.SIGKILL if hasattr(signal, "SIGKILL") else signal.SIGTERM)
        numbers = writer.communicate()[0].split()
        reported = max([reported, *(int(n) + 1 for n in numbers if n.isdecimal())])
        records = read_log(path)[1]
        assert len(records) >= reported
        assert [r["i"] for r in records] == list(range(len(records)))


def test_plain_is_what_json_gives_back():
    value = {"a": np.arange(3), 1: (np.float32(0.5), float("inf"), None, True), "path": Path("x"), "s": np.str_("t")}
    assert plain(value) == {"a": [0, 1, 2], "1": [0.5, None, None, True], "path": "x", "s": "t"}
    assert json.loads(json.dumps(plain(value))) == plain(value)
