"""NAS-Bench-101's record file, written byte by byte as its format says, and read back."""

import base64
import contextlib
import json
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from surrogate_nas.core import InvalidInputError
from surrogate_nas.core.crc32c import crc32c, mask
from surrogate_nas.tables import Table
from surrogate_nas.tables.importers import read_source
from surrogate_nas.tables.importers.nas_bench_101 import read_nas_bench_101
from surrogate_nas.tables.importers.tfrecord import MAX_RECORD, read_records
from surrogate_nas.tables.importers.wire import BYTES, FIXED32, FIXED64, VARINT, fields

CONV3, CONV1, POOL = "conv3x3-bn-relu", "conv1x1-bn-relu", "maxpool3x3"


def varint(value: int) -> bytes:
    out = b""
    while value > 0x7F:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def message(*parts: tuple[int, int, int | float | bytes]) -> bytes:
    """Fields in protocol buffers' wire format: number, wire type, value."""
    out = b""
    for number, kind, value in parts:
        out += varint(number << 3 | kind)
        if kind == VARINT:
            out += varint(value)
        elif kind == BYTES:
            out += varint(len(value)) + value
        else:
            out += struct.pack("<d" if kind == FIXED64 else "<f", value)
    return out


def evaluation(epoch: float, seconds: float, accuracies: list[float], path: bytes = b"") -> bytes:
    numbers = [(i, FIXED64, float(v)) for i, v in enumerate([epoch, seconds, *accuracies], 1)]
    return message(*numbers, (6, BYTES, path))


def metrics(params: int, evaluations: list[bytes], total: float = 1.5) -> bytes:
    return message(*((1, BYTES, e) for e in evaluations), (2, VARINT, params), (3, FIXED64, total))


def record(digest: str, epochs: int, adjacency: str, operations: list[str], data: bytes) -> bytes:
    text = base64.b64encode(data).decode()
    return json.dumps([digest, epochs, adjacency, ",".join(operations), text]).encode()


def framed(data: bytes) -> bytes:
    """A record as TFRecord files hold it."""
    head = struct.pack("<Q", len(data))
    check = (int(mask(crc32c(part, [0], [len(part)]))[0]) for part in (head, data))
    return head + struct.pack("<I", next(check)) + data + struct.pack("<I", next(check))


CELLS = [
    # The cell that opens the published file, with its hash there; the other hashes are the benchmark's own code's.
    (
        [[0, 1, 0, 0, 1, 1, 0], [0, 0, 1, 0, 0, 0, 0], [0, 0, 0, 1, 0, 0, 1], [0, 0, 0, 0, 0, 1, 0],
         [0, 0, 0, 0, 0, 1, 0], [0, 0, 0, 0, 0, 0, 1], [0, 0, 0, 0, 0, 0, 0]],
        ["input", CONV3, POOL, CONV3, CONV3, CONV1, "output"],
        "00005c142e6f48ac74fdcf73e3439874",
    ),
    ([[0, 1], [0, 0]], ["input", "output"], "043721b9c7fe8c5fad811d47d83132ec"),
    ([[0, 1, 1], [0, 0, 1], [0, 0, 0]], ["input", CONV1, "output"], "09fc2d10bdd6225e167a6f81a22a3f06"),
    ([[0, 1, 1], [0, 0, 1], [0, 0, 0]], ["input", POOL, "output"], "6f6257bc3b12d87b8736e81cd4b7ed8b"),
]  # fmt: skip
PARAMS = [8_555_530, 1_227_914, 1_814_666, 1_227_914]


def values(module: int, epochs: int, repetition: int) -> tuple[np.ndarray, np.ndarray]:
    """Accuracies (half way and end; train, val, test) in single precision as the benchmark has them, and seconds."""
    rng = np.random.default_rng([module, epochs, repetition])
    return rng.uniform(0.1, 1.0, (2, 3)).astype(np.float32), np.sort(rng.uniform(10, 4000, 2))


def official(schedules: tuple[int, ...]) -> list[bytes]:
    """All records, module by module as the published file has them."""
    out = []
    for m, ((matrix, operations, digest), params) in enumerate(zip(CELLS, PARAMS, strict=True)):
        adjacency = "".join(str(e) for row in matrix for e in row)
        for epochs in schedules:
            for repetition in range(3):
                accuracies, seconds = values(m, epochs, repetition)
                evaluations = [
                    evaluation(0.0, 0.0, [0.1, 0.1, 0.1], b"/model.ckpt-0"),
                    evaluation(epochs / 2, seconds[0], accuracies[0]),
                    evaluation(epochs, seconds[1], accuracies[1]),
                ]
                out.append(record(digest, epochs, adjacency, operations, metrics(params, evaluations)))
    return out


@pytest.fixture(scope="module")
def records() -> list[bytes]:
    return official((4, 12, 36, 108))


@pytest.fixture
def write(tmp_path):
    def to_file(records: list[bytes], raw: bool = False) -> Path:
        path = tmp_path / "nasbench_full.tfrecord"
        path.write_bytes(b"".join(records if raw else (framed(r) for r in records)))
        return path

    return to_file


def check(table: Table, schedules: tuple[int, ...]) -> None:
    X = table.space.from_matrix([np.array(c[0]) for c in CELLS], [c[1] for c in CELLS])
    for epochs in schedules:
        for seed in range(3):
            expected = [values(m, epochs, seed) for m in range(len(CELLS))]
            at = {"task": "cifar10", "epochs": epochs, "seed": seed}
            for i, split in enumerate(("train", "val", "test")):
                got = table.query(X, metric="accuracy", split=split, **at)
                np.testing.assert_array_equal(got, [a[1, i] for a, _ in expected])
                curve = table.curve(X, metric="accuracy", split=split, **at)
                assert curve.epochs == (epochs // 2, epochs)
                np.testing.assert_array_equal(curve.values, [a[:, i] for a, _ in expected])
            got = table.query(X, metric="train_time", **at)
            np.testing.assert_array_equal(got, [s[1] for _, s in expected])
            curve = table.curve(X, metric="train_time", **at)
            np.testing.assert_array_equal(curve.values, np.array([s for _, s in expected], dtype=np.float32))
    np.testing.assert_array_equal(table.query(X, task="cifar10", metric="params"), np.array(PARAMS) / 1e6)


def test_every_number_of_the_full_file_is_read(write, records):
    table = read_nas_bench_101(write(records), partial=True)
    assert len(table) == len(CELLS)
    assert len(table.columns) == 4 * 3 * 4 + 1
    check(table, (4, 12, 36, 108))
    column = table.column(task="cifar10", metric="train_time", epochs=4, seed=0)
    assert (column.unit, column.direction) == ("s", "min")
    assert table.default_metric("cifar10") == "accuracy"
    assert table.info.key == "canonical"


def test_the_small_file_is_read_in_any_order_of_modules(write):
    small = official((108,))
    table = read_source("nas-bench-101", write(small[::3] + small[1::3] + small[2::3]), partial=True)
    assert len(table.columns) == 3 * 4 + 1
    check(table, (108,))


def test_small_blocks_give_the_same_records(write, records, monkeypatch):
    monkeypatch.setattr("surrogate_nas.tables.importers.tfrecord.BLOCK", 100)
    path = write(records)
    assert [r for batch in read_records(path) for r in batch] == records


def test_progress_is_told_in_bytes(write, records):
    class Listener:
        calls = []

        def say(self, text):
            raise AssertionError

        def track(self, label, done, total, note=""):
            self.calls.append((label, done, total))

    path = write(records)
    read_nas_bench_101(path, progress=Listener(), partial=True)
    size = path.stat().st_size
    assert Listener.calls[-1] == ("records", size, size)


def test_a_file_with_too_few_modules_or_trainings_says_so(write, records, monkeypatch):
    with pytest.raises(InvalidInputError, match=r"tfrecord: expected 423,624 architectures, got 4; .*partial=True"):
        read_nas_bench_101(write(records))
    space = read_nas_bench_101(write(records), partial=True).space
    monkeypatch.setattr(type(space), "size", len(CELLS))
    read_nas_bench_101(write(records))
    with pytest.raises(InvalidInputError, match="expected 3 trainings of each module with 108 epochs, got 3 times num"):
        read_nas_bench_101(write(records[:-1]))
    table = read_nas_bench_101(write(records[:-1]), partial=True)
    last = table.query(table.X[-1], task="cifar10", metric="accuracy", split="val", epochs=108, seed=2)
    assert np.isnan(last).all()


def test_wherever_the_file_ends_it_is_refused(write, records):
    data = b"".join(framed(r) for r in records[:3])
    ends = np.cumsum([0] + [len(framed(r)) for r in records[:3]]).tolist()
    for end in range(0, len(data), 7):
        path = write([data[:end]], raw=True)
        if end in ends[1:]:
            continue
        with pytest.raises(InvalidInputError, match=r"tfrecord: expected .*download it again"):
            read_nas_bench_101(path, partial=True)


@given(st.integers(0, 10**6), st.integers(1, 255))
def test_a_flipped_bit_is_noticed(tmp_path_factory, place, flip):
    data = bytearray(framed(b'["some", "data"]') * 2)
    data[place % len(data)] ^= flip
    path = tmp_path_factory.mktemp("flipped") / "x.tfrecord"
    path.write_bytes(bytes(data))
    with pytest.raises(InvalidInputError):
        list(read_records(path))


def test_the_message_names_the_damaged_record(write, records):
    good = [framed(r) for r in records[:3]]
    damaged = bytearray(b"".join(good))
    damaged[len(good[0]) + 40] ^= 1
    with pytest.raises(InvalidInputError, match=rf"wrong checksum \(CRC-32C\) in the record at byte {len(good[0]):,};"):
        read_nas_bench_101(write([bytes(damaged)], raw=True), partial=True)


def test_other_files_are_refused(write, tmp_path):
    for data in (b"\x00" * 100, b"PK\x03\x04" * 40, b"\xff" * 64, json.dumps({"a": 1}).encode() * 9):
        with pytest.raises(InvalidInputError, match="expected"):
            read_nas_bench_101(write([data], raw=True), partial=True)
    for missing in (tmp_path / "none.tfrecord", tmp_path):
        with pytest.raises(InvalidInputError, match="expected a readable file|expected a TFRecord"):
            read_nas_bench_101(missing, partial=True)
    huge = struct.pack("<Q", MAX_RECORD + 1)
    head = huge + struct.pack("<I", int(mask(crc32c(huge, [0], [8]))[0]))
    with pytest.raises(InvalidInputError, match="expected records of at most"):
        read_nas_bench_101(write([head], raw=True), partial=True)


GOOD = metrics(5, [evaluation(0, 0, [0.1] * 3)] * 3)
HASH = CELLS[1][2]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"not json", "expected records"),
        (b"[1, 2]", "expected records"),
        (b"[" * 100_000, "expected records"),
        (json.dumps([HASH, 4, 0, "input,output", "AA"]).encode(), "expected records"),
        (record("xyz", 4, "0100", ["input", "output"], GOOD), "expected records"),
        (record("ab", 4, "0100", ["input", "output"], GOOD), "expected an MD5 hash"),
        (record(HASH, 5, "0100", ["input", "output"], GOOD), "even number of epochs"),
        (record(HASH, -4, "0100", ["input", "output"], GOOD), "epochs of a record"),
        (record(HASH, "4", "0100", ["input", "output"], GOOD), "epochs of a record"),
        (record(HASH, 4, "010", ["input", "output"], GOOD), "expected a square matrix"),
        (record(HASH, 4, "0200", ["input", "output"], GOOD), "expected a square matrix"),
        (record(HASH, 4, "0" * 64, ["input"] * 8, GOOD), "expected a square matrix"),
        (record(HASH, 4, "0000", ["input", "output"], GOOD), "expected"),
        (record(HASH, 4, "0100", ["input", "conv"], GOOD), "expected"),
        (record("0" * 32, 4, "0100", ["input", "output"], GOOD), "expected the hash of every module"),
        (record(HASH, 4, "0100", ["input", "output"], b""), "three evaluations"),
        (record(HASH, 4, "0100", ["input", "output"], metrics(5, [b""] * 2)), "expected seconds and three"),
        (record(HASH, 4, "0100", ["input", "output"], GOOD[:-3]), "protocol buffer"),
        (record(HASH, 4, "0100", ["input", "output"], message((1, VARINT, 3))), "wire type"),
        (record(HASH, 4, "0100", ["input", "output"], message((2, FIXED64, 3))), "wire type"),
        (
            record(HASH, 4, "0100", ["input", "output"], metrics(5, [evaluation(0, 0, [0.1, 2.0, 0.1])] * 3)),
            "accuracies from 0 to 1",
        ),
        (
            record(HASH, 4, "0100", ["input", "output"], metrics(5, [message((3, FIXED32, 0.5))] * 3)),
            "unexpected wire type",
        ),
        (record(HASH, 4, "0100", ["input", "output"], metrics(2**40, [evaluation(0, 0, [0.1] * 3)] * 3)), "parameters"),
    ],
)
def test_records_of_another_kind_are_refused(write, content, said):
    with pytest.raises(InvalidInputError, match=said) as error:
        read_nas_bench_101(write([content]), partial=True)
    assert "\n" not in str(error.value)
    assert str(error.value).startswith(str(write([])))


def test_contradictions_are_refused(write):
    other = metrics(6, [evaluation(0, 0, [0.1] * 3)] * 3)
    two = [record(HASH, 4, "0100", ["input", "output"], m) for m in (GOOD, other)]
    with pytest.raises(InvalidInputError, match="expected 5 parameters in every record, got 6"):
        read_nas_bench_101(write(two), partial=True)
    same = [record(HASH, 2 * e, "0100", ["input", "output"], GOOD) for e in range(1, 70)]
    with pytest.raises(InvalidInputError, match="expected at most 64 trainings"):
        read_nas_bench_101(write(same), partial=True)


def test_the_wire_format_is_read_strictly():
    parts = [(1, VARINT, 300), (2, FIXED64, 0.5), (3, BYTES, b"abc"), (4, FIXED32, 0.5), (99, VARINT, 0)]
    found = fields(message(*parts))
    assert [(n, k) for n, k, _ in found] == [(n, k) for n, k, _ in parts]
    assert [found[i][2] for i in (0, 2, 4)] == [300, b"abc", 0]
    for wrong in (b"\x0b", b"\x08", b"\x80" * 11, b"\x09\x00", b"\x12\x05abc", b"\x00\x00"):
        with pytest.raises(InvalidInputError, match="protocol buffer"):
            fields(wrong)


@given(st.binary(max_size=60))
def test_any_bytes_are_fields_or_refused(data):
    with contextlib.suppress(InvalidInputError):
        fields(data)


def test_tensorflow_and_protobuf_read_the_same(write, records):
    """What the benchmark's own reader is made of: TensorFlow's record iterator and the published message."""
    tensorflow = pytest.importorskip("tensorflow", reason="TensorFlow is not installed")
    descriptor = pytest.importorskip("google.protobuf.descriptor_pb2")
    from google.protobuf import descriptor_pool, message_factory

    file = descriptor.FileDescriptorProto(name="model_metrics.proto", package="nasbench", syntax="proto2")
    kinds = descriptor.FieldDescriptorProto
    model = file.message_type.add(name="ModelMetrics")
    model.field.add(name="evaluations", number=1, type=kinds.TYPE_MESSAGE, label=3, type_name=".nasbench.Evaluation")
    model.field.add(name="params", number=2, type=kinds.TYPE_INT32, label=1)
    model.field.add(name="total", number=3, type=kinds.TYPE_DOUBLE, label=1)
    one = file.message_type.add(name="Evaluation")
    for number, name in enumerate(["epoch", "seconds", "train", "val", "test"], 1):
        one.field.add(name=name, number=number, type=kinds.TYPE_DOUBLE, label=1)
    one.field.add(name="path", number=6, type=kinds.TYPE_STRING, label=1)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    message_class = message_factory.GetMessageClass(pool.FindMessageTypeByName("nasbench.ModelMetrics"))

    path = write(records)
    table = read_nas_bench_101(path, partial=True)
    got = [r.numpy() for r in tensorflow.data.TFRecordDataset(str(path))]
    assert got == records
    trained: dict[tuple[str, int], int] = {}
    for digest, epochs, adjacency, operations, data in map(json.loads, got):
        final = message_class.FromString(base64.b64decode(data)).evaluations[2]
        seed = trained[digest, epochs] = trained.get((digest, epochs), -1) + 1
        names = operations.split(",")
        x = table.space.from_matrix([np.array(list(adjacency), dtype=int).reshape(len(names), -1)], [names])
        for split in ("train", "val", "test"):
            at = {"task": "cifar10", "metric": "accuracy", "split": split, "epochs": epochs, "seed": seed}
            assert table.query(x, **at)[0] == getattr(final, split)
