"""The bad-input table, rows 1 to 46: what a hostile or broken model's files do to intake.

Each row is refused (or accepted) with the stated outcome, nothing is written beside the cache, nothing of a refused
model stays, and the same process lets a good model in afterwards. Rows 47 to 54 and 58 to 60 are in
``unit/evaluation/formats``, 55 to 57 in ``test_intake``, 18 and 61 to 65 in ``faults/isolation``; 66 to 70 are pages,
exports and the catalog.
"""

from __future__ import annotations

import os
import pickle
import struct
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping
from io import BytesIO
from pathlib import Path

import pytest

from evaluation.contract import ModelSource
from evaluation.formats.errors import FormatError
from evaluation.formats.intake import IntakeReport, IntakeSpec
from evaluation.formats.sharded import read_index
from evaluation.intake.pipeline import take_in
from evaluation.intake.probes import Budget, check_tokenizer
from tests.factories.model_files import (
    TOKENIZER,
    as_json,
    make_config,
    make_folder,
    make_safetensors,
    with_header,
)

Files = Mapping[str, bytes | None]
PICKLE = pickle.dumps({"weights": [0.0] * 64})
INDEX = "model.safetensors.index.json"
SHARD = "model-00001-of-00001.safetensors"


def weights(content: bytes) -> Files:
    return {"model.safetensors": content}


def tensor(shape: object = (2,), offsets: object = (0, 8), dtype: object = "F32") -> dict[str, object]:
    return {"dtype": dtype, "shape": shape, "data_offsets": offsets}


def one_tensor(data: bytes = b"\x00" * 8, name: str = "a", **parts: object) -> Files:
    return weights(with_header({name: tensor(**parts)}, data))


def index(target: str, **more: object) -> Files:
    shard = make_safetensors({"a": (2,)})
    document = {"weight_map": {"a": target, **more}}
    return {"model.safetensors": None, SHARD: shard, INDEX: as_json(document)}


def config(**overrides: object) -> Files:
    return {"config.json": make_config(**overrides)}


def config_text(old: str, new: str) -> Files:
    return {"config.json": make_config().decode().replace(old, new).encode()}


def template(text: str) -> Files:
    return {"tokenizer_config.json": as_json({"chat_template": text})}


def as_zip() -> bytes:
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("data.pkl", PICKLE)
    return buffer.getvalue()


def many_tensors(count: int) -> bytes:
    each = ", ".join(
        f'"t{n}": {{"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}}' for n in range(count)
    )
    return with_header(f"{{{each}}}".encode())


def long_index(count: int) -> Files:
    each = ", ".join(f'"t{n}": "{SHARD}"' for n in range(count))
    return {**index(SHARD), INDEX: f'{{"weight_map": {{{each}}}}}'.encode()}


def duplicate_tensor() -> bytes:
    one = '"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}'
    return with_header(("{" + one + ", " + one + "}").encode(), b"\x00" * 4)


def nested(depth: int) -> bytes:
    return b'{"a": ' + b"[" * depth + b"]" * depth + b"}"


def catastrophic() -> dict[str, object]:
    """A pre-tokenizer whose expression needs exponential time for a line of one letter."""
    split = {"type": "Split", "pattern": {"Regex": "(a+)+c"}, "behavior": "Isolated", "invert": False}
    return {**TOKENIZER, "pre_tokenizer": split}


ACCEPTED = "accepted"

ROWS: list[tuple[str, Callable[[], Files], str]] = [
    ("01 pickle only", lambda: {"model.safetensors": None, "pytorch_model.bin": PICKLE}, "weights_not_safetensors"),
    ("02 pickle beside safetensors", lambda: {"pytorch_model.bin": PICKLE}, ACCEPTED),
    ("03 pickle named safetensors", lambda: weights(PICKLE), "bad_header"),
    ("04 pickle behind zeros", lambda: weights(b"\x00" * 64 + PICKLE), "bad_header"),
    ("05 zip named safetensors", lambda: weights(as_zip()), "bad_header"),
    ("06 header of 2^63 bytes", lambda: weights(struct.pack("<Q", 1 << 63) + b"{}"), "bad_header"),
    ("07 header beyond the file", lambda: weights(struct.pack("<Q", 1000) + b"{}"), "bad_header"),
    ("08 header of spaces", lambda: weights(with_header(b"{}" + b" " * (17 << 20))), "bad_header"),
    ("09 400,000 empty tensors", lambda: weights(many_tensors(400_000)), "bad_header"),
    ("09 20,001 empty tensors", lambda: weights(many_tensors(20_001)), "bad_header"),
    ("10 shape overflows", lambda: one_tensor(shape=[1 << 32, 1 << 32]), "bad_header"),
    ("11 huge shape, little data", lambda: one_tensor(shape=[1 << 30]), "bad_header"),
    ("12 negative dimension", lambda: one_tensor(shape=[-2]), "bad_header"),
    ("12 fractional dimension", lambda: one_tensor(shape=[2.0]), "bad_header"),
    ("12 dimension true", lambda: one_tensor(shape=[True, 2]), "bad_header"),
    ("13 hole", lambda: one_tensor(offsets=[4, 12], data=b"\x00" * 12), "bad_header"),
    (
        "13 overlap",
        lambda: weights(with_header({"a": tensor(), "b": tensor(offsets=[4, 12])}, b"\x00" * 12)),
        "bad_header",
    ),
    ("14 trailing bytes", lambda: weights(make_safetensors() + as_zip()), "bad_header"),
    ("15 tensor twice", lambda: weights(duplicate_tensor()), "bad_header"),
    ("16 tensor named as a path", lambda: one_tensor(name="../../x"), "bad_header"),
    ("16 tensor with NUL", lambda: one_tensor(name="a\0b"), "bad_header"),
    ("16 tensor with a long name", lambda: one_tensor(name="a" * 10_000), "bad_header"),
    ("17 script in metadata", lambda: weights(make_safetensors(metadata={"x": "<script>alert(1)</script>"})), ACCEPTED),
    ("20 index climbs", lambda: index("../model.safetensors"), "bad_index"),
    ("21 index is absolute", lambda: index("/etc/hostname"), "bad_index"),
    ("22 index names nothing", lambda: index("model-00002-of-00002.safetensors"), "bad_index"),
    ("22 parts without index", lambda: {"model.safetensors": None, SHARD: make_safetensors()}, "index_missing"),
    ("23 index with 10^6 entries", lambda: long_index(1_000_000), "file_too_large"),
    ("24 config 5,000 deep", lambda: {"config.json": nested(5000)}, "bad_json"),
    ("25 config of 100 MB", lambda: {"config.json": b"{" + b" " * (100 << 20) + b"}"}, "file_too_large"),
    ("26 key twice", lambda: config_text('"vocab_size": 4', '"vocab_size": 4, "vocab_size": 5'), "bad_json"),
    ("27 NaN", lambda: config_text("64", "NaN"), "bad_json"),
    ("27 Infinity", lambda: config_text("64", "-Infinity"), "bad_json"),
    ("27 1e400", lambda: config_text("64", "1e400"), "bad_json"),
    ("27 a number of 10^5 digits", lambda: config_text("64", "9" * 100_000), "bad_json"),
    ("28 list", lambda: {"config.json": b"[]"}, "bad_json"),
    ("28 null", lambda: {"config.json": b"null"}, "bad_json"),
    ("28 UTF-16", lambda: {"config.json": make_config().decode().encode("utf-16")}, "bad_json"),
    ("28 half a surrogate", lambda: {"config.json": b'{"a": "\\ud800"}'}, "bad_json"),
    ("29 10^9 layers", lambda: config(num_hidden_layers=10**9), "bad_config"),
    ("30 10^9 labels", lambda: config(num_labels=10**9), "bad_config"),
    ("30 20,000 named labels", lambda: config(id2label={str(n): "x" for n in range(20_000)}), "bad_config"),
    ("30 10^6 named labels", lambda: config(id2label={str(n): "x" for n in range(1_000_000)}), "file_too_large"),
    ("31 vocabulary of 10^15", lambda: config(vocab_size=10**15), "bad_config"),
    ("31 vocabulary of -1", lambda: config(vocab_size=-1), "bad_config"),
    ("31 hidden size 0", lambda: config(hidden_size=0), "bad_config"),
    ("31 hidden size true", lambda: config(hidden_size=True), "bad_config"),
    ("32 heads do not divide", lambda: config(hidden_size=10, num_attention_heads=4), "bad_config"),
    ("32 groups do not divide", lambda: config(num_attention_heads=4, num_key_value_heads=3), "bad_config"),
    ("33 auto_map, known type", lambda: config(auto_map={"AutoModel": "m.X"}), ACCEPTED),
    ("34 auto_map, unknown type", lambda: config(auto_map={"AutoModel": "m.X"}, model_type="new"), "needs_remote_code"),
    ("34 unknown type", lambda: config(model_type="new"), "unknown_architecture"),
    ("34 no type", lambda: config(model_type=...), "unknown_architecture"),
    ("35 internal attention", lambda: config(_attn_implementation_internal="evil/kernel"), "bad_config"),
    ("35 attention from a repository", lambda: config(attn_implementation="owner/repo"), "bad_config"),
    ("35 the same, within", lambda: config(text_config={"_attn_implementation": "owner/repo:x"}), "bad_config"),
    ("36 trust_remote_code", lambda: config(trust_remote_code=True), "needs_remote_code"),
    ("37 unknown quantization", lambda: config(quantization_config={"quant_method": "mine"}), "bad_config"),
    ("37 quantization by path", lambda: config(quantization_config={"quant_method": "gptq", "x": "/a"}), "bad_config"),
    ("37 quantization is a list", lambda: config(quantization_config=["gptq"]), "bad_config"),
    ("38 code beside", lambda: {"setup.py": b"boom", "x.so": b"\x7fELF", "modeling.py": b"boom"}, ACCEPTED),
    ("39 tokenizer wants code", lambda: {"tokenizer_config.json": as_json({"auto_map": {}})}, "needs_remote_code"),
    ("39 unknown tokenizer", lambda: {"tokenizer_config.json": as_json({"tokenizer_class": "Mine"})}, "bad_tokenizer"),
    ("40 tokenizer too large", lambda: {"tokenizer.json": b" " * (65 << 20)}, "file_too_large"),
    ("42 template escapes", lambda: template("{{ cycler.__init__.__globals__ }}"), "bad_template"),
    ("42 template escapes by class", lambda: template("{{ ().__class__.__mro__ }}"), "bad_template"),
    ("43 template without end", lambda: template(
        "{% for a in range(99999) %}{% for b in range(99999) %}{{ b }}{% endfor %}{% endfor %}"), "bad_template"),
    ("44 template takes memory", lambda: template("{{ '%1000000000d' % 1 }}{{ '%1000000000d' % 1 }}"), "bad_template"),
    ("45 template includes", lambda: template("{% include '/etc/passwd' %}"), "bad_template"),
    ("45 template imports", lambda: template("{%- from 'x' import y %}"), "bad_template"),
    ("45 template of bad syntax", lambda: template("{% for %}"), "bad_template"),
    ("46 template of 5 MB", lambda: {"chat_template.jinja": b"x" * (5 << 20)}, "file_too_large"),
    ("46 template of 100 KB", lambda: template("x" * 100_000), "bad_template"),
]  # fmt: skip


def in_order(tree: Path) -> dict[str, tuple[int, int]]:
    """Every file below a folder with its size and time of change."""
    return {
        str(path): (path.lstat().st_size, path.lstat().st_mtime_ns)
        for path in sorted(tree.rglob("*"))
        if not path.is_dir()
    }


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "beside").write_text("untouched")
    yield tmp_path
    for path, folders, _ in os.walk(tmp_path / "cache"):
        for name in folders:
            os.chmod(os.path.join(path, name), 0o700)


def let_in(place: Path, folder: Path, *, probe: bool = True) -> IntakeReport:
    source = ModelSource(name="org/x", revision="local", directory=str(folder))
    spec = IntakeSpec(source=source, cache_dir=str(place / "cache"), probe=probe)
    return take_in(spec, endpoint="http://127.0.0.1:9", token=None, tell=lambda progress: None)


@pytest.mark.parametrize(("build", "expected"), [pytest.param(b, e, id=name) for name, b, e in ROWS])
def test_the_table_holds(place: Path, build: Callable[[], Files], expected: str) -> None:
    folder = make_folder(place / "model", **build())
    before = in_order(place)
    began = time.monotonic()
    report = let_in(place, folder)
    seconds = time.monotonic() - began

    assert (report.failure.code if report.failure else ACCEPTED) == expected
    assert seconds < 60
    after = {
        path: facts for path, facts in in_order(place).items() if not path.startswith(str(place / "cache"))
    }
    assert after == before
    if report.failure is not None:
        assert report.failure.fault == "submitter"
        assert not list((place / "cache" / "models").glob("*"))
        assert not [path for path in (place / "cache" / "staging").rglob("*") if path.is_file()]
        assert str(place) not in report.failure.message
    else:
        assert report.source.directory is not None
        taken = {path.name for path in Path(report.source.directory).iterdir()}
        assert not any(name.endswith((".bin", ".py", ".so")) for name in taken)
    assert let_in(place, make_folder(place / "good"), probe=False).failure is None


@pytest.mark.parametrize(
    "kind", ["link to a device", "link to a file", "pipe", "link in place of the folder's config"]
)
def test_19_what_is_no_plain_file_is_not_opened(place: Path, kind: str) -> None:
    folder = make_folder(place / "model", **{"model.safetensors": None})
    if kind == "link to a device":
        (folder / "model.safetensors").symlink_to("/dev/zero")
    elif kind == "link to a file":
        (folder / "model.safetensors").symlink_to(place / "beside")
    elif kind == "pipe":
        os.mkfifo(folder / "model.safetensors")
    else:
        (folder / "model.safetensors").write_bytes(make_safetensors())
        (folder / "config.json").unlink()
        (folder / "config.json").symlink_to(place / "beside")
    report = let_in(place, folder)
    assert report.failure is not None
    assert report.failure.code == "bad_file"


def test_23_a_long_index_within_its_size_is_refused_by_count() -> None:
    document = long_index(300_000)[INDEX]
    assert document is not None
    with pytest.raises(FormatError, match="more than"):
        read_index(document, {SHARD})


def test_40_a_tokenizer_of_two_gigabytes_is_refused_by_its_listing(place: Path) -> None:
    folder = make_folder(place / "model")
    with (folder / "tokenizer.json").open("wb") as file:
        file.truncate(2 << 30)
    began = time.monotonic()
    report = let_in(place, folder)
    assert report.failure is not None
    assert report.failure.code == "file_too_large"
    assert time.monotonic() - began < 10


def test_41_a_tokenizer_that_never_ends_is_ended(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "model", **{"tokenizer.json": as_json(catastrophic())})
    with pytest.raises(FormatError) as caught:
        check_tokenizer(folder, Budget(2, 6 << 30))
    assert caught.value.code == "bad_tokenizer"
