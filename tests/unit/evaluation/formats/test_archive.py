"""Archives, rows 47 to 52 of the bad-input table: refused whole, nothing written outside the target."""

from __future__ import annotations

import gzip
import io
import os
import stat
import struct
import tarfile
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from evaluation.formats.archive import Bounds, unpack
from evaluation.formats.errors import FormatError
from evaluation.formats.uploads import receive, receive_file
from tests.factories.model_files import make_config, make_safetensors

GOOD = {"config.json": make_config(), "model.safetensors": make_safetensors(), "notes.txt": b"left out"}


def make_zip(
    files: Iterable[tuple[str, bytes]], *, mode: int = 0, method: int = zipfile.ZIP_DEFLATED
) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in files:
            info = zipfile.ZipInfo("placeholder")
            info.filename = name
            info.compress_type = method
            info.external_attr = mode << 16
            archive.writestr(info, content)
    return buffer.getvalue()


def make_tar(files: Iterable[tuple[tarfile.TarInfo, bytes]]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for info, content in files:
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def member(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type = kind
    info.linkname = target
    return info


def one(name: str) -> Callable[[], bytes]:
    return lambda: make_zip([(name, b"x")])


def different_copies() -> bytes:
    """A zip whose local header names another file than its directory."""
    data = make_zip([("config.json", b"{}")], method=zipfile.ZIP_STORED)
    return data.replace(b"config.json", b"confih.json", 1)


def different_sizes() -> bytes:
    data = bytearray(make_zip([("config.json", b"{}  ")], method=zipfile.ZIP_STORED))
    data[18:22] = struct.pack("<I", 2)
    return bytes(data)


def overlapping() -> bytes:
    """Two directory entries that share one file's bytes."""
    data = make_zip([("config.json", b"{}"), ("README.md", b"{}")], method=zipfile.ZIP_STORED)
    start = data.rindex(b"PK\x01\x02")
    return data[: start + 42] + struct.pack("<I", 0) + data[start + 46 :]


ROWS: list[tuple[str, Callable[[], bytes]]] = [
    ("47 climbs", one("../x.json")),
    ("47 absolute", one("/abs.json")),
    ("47 backslashes", one("a\\..\\b.json")),
    ("47 device", one("CON")),
    ("47 device with a suffix", one("con.json")),
    ("47 reversed text", one("gpj\u202enosj.json")),
    ("47 NUL", one("config.json\0.py")),
    ("47 drive", one("C:config.json")),
    ("47 folder in a folder", one("a/b/config.json")),
    ("48 bomb", lambda: make_zip([("README.md", b"\0" * (200 << 20))])),
    ("48 many files", lambda: make_zip((f"f{n}.json", b"") for n in range(2000))),
    ("48 bomb in gzip", lambda: gzip.compress(make_tar([(member("README.md"), b"\0" * (100 << 20))]))),
    ("48 headers without end", lambda: gzip.compress(b"".join(
        tarfile.TarInfo(f"f{n}").tobuf() for n in range(20_000)))),
    ("48 a long extended header", lambda: make_tar([(member("x", tarfile.XHDTYPE), b"a" * (1 << 20))])),
    ("49 link in a zip", lambda: make_zip([("config.json", b"/etc/passwd")], mode=stat.S_IFLNK | 0o777)),
    ("49 link in a tar", lambda: make_tar([(member("config.json", tarfile.SYMTYPE, "/etc/passwd"), b"")])),
    ("49 hard link", lambda: make_tar([(member("config.json", tarfile.LNKTYPE, "../x"), b"")])),
    ("49 device", lambda: make_tar([(member("config.json", tarfile.CHRTYPE), b"")])),
    ("49 pipe", lambda: make_tar([(member("config.json", tarfile.FIFOTYPE), b"")])),
    ("50 two names for one file", different_copies),
    ("50 two sizes for one file", different_sizes),
    ("50 overlapping files", overlapping),
    ("50 encrypted", lambda: make_zip([("config.json", b"{}")]).replace(b"PK\x01\x02\x14\x03\x14\x00\x00\x00",
        b"PK\x01\x02\x14\x03\x14\x00\x01\x00")),
    ("50 cut", lambda: make_zip([("config.json", b"{}")])[:-30]),
    ("50 cut gzip", lambda: gzip.compress(make_tar([(member("config.json"), os.urandom(9999))]))[:-500]),
    ("51 equal by case", lambda: make_zip([("README.md", b"a"), ("readme.MD", b"b")])),
    ("51 the same twice", lambda: make_zip([("README.md", b"a"), ("README.md", b"b")])),
    ("51 equal by form", lambda: make_zip([("vocab.json", b"a"), ("ｖocab.json", b"b")])),
    ("not an archive", lambda: b"hello"),
    ("7z", lambda: b"7z\xbc\xaf\x27\x1c" + b"\0" * 600),
    ("a file over its limit", lambda: make_zip([("config.json", os.urandom(2 << 20))], method=zipfile.ZIP_STORED)),
]  # fmt: skip


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("build", [pytest.param(build, id=name) for name, build in ROWS])
def test_a_hostile_archive_is_refused(tmp_path: Path, build: Callable[[], bytes]) -> None:
    archive, target = tmp_path / "upload", tmp_path / "in" / "target"
    target.mkdir(parents=True)
    archive.write_bytes(build())
    with pytest.raises(FormatError) as caught:
        unpack(archive, target)
    assert caught.value.code == "bad_archive"
    outside = {path for path in tmp_path.rglob("*") if target not in path.parents}
    assert outside == {archive, tmp_path / "in", target}
    assert sum(path.stat().st_size for path in target.iterdir()) < 50 << 20


def tarred(files: dict[str, bytes]) -> bytes:
    return make_tar((member(name), content) for name, content in files.items())


@pytest.mark.parametrize(
    "data",
    [
        make_zip(GOOD.items()),
        make_zip((f"model/{name}", content) for name, content in GOOD.items()),
        make_zip(GOOD.items(), method=zipfile.ZIP_STORED),
        tarred(GOOD),
        tarred({f"./{name}": content for name, content in GOOD.items()}),
        gzip.compress(tarred(GOOD)),
    ],
    ids=["zip", "zip with a folder", "stored", "tar", "tar of a folder's content", "gzip"],
)
def test_a_good_archive_gives_its_model_files(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "upload").write_bytes(data)
    (tmp_path / "target").mkdir()
    names = unpack(tmp_path / "upload", tmp_path / "target")
    assert sorted(names) == ["config.json", "model.safetensors"]
    for name in names:
        assert (tmp_path / "target" / name).read_bytes() == GOOD[name]


def test_an_archive_with_more_than_it_may_hold_is_refused(tmp_path: Path) -> None:
    (tmp_path / "upload").write_bytes(make_zip(GOOD.items()))
    (tmp_path / "target").mkdir()
    with pytest.raises(FormatError, match="more than 2 files"):
        unpack(tmp_path / "upload", tmp_path / "target", bounds=Bounds(files=2))


@pytest.mark.parametrize(
    ("declared", "chunks", "code"),
    [
        (3, [b"ab"], "upload_size_differs"),
        (3, [b"ab", b"cd"], "upload_size_differs"),
        (None, [b"x" * 11], "upload_too_large"),
        (11, [], "upload_too_large"),
    ],
)
def test_52_an_upload_of_another_size_leaves_nothing(
    tmp_path: Path, declared: int | None, chunks: list[bytes], code: str
) -> None:
    with pytest.raises(FormatError) as caught:
        receive(iter(chunks), tmp_path / "part", declared=declared, max_bytes=10)
    assert caught.value.code == code
    assert list(tmp_path.iterdir()) == []


def test_52_an_upload_whose_sender_fails_leaves_nothing(tmp_path: Path) -> None:
    def broken() -> Iterable[bytes]:
        yield b"a"
        raise ConnectionError

    with pytest.raises(ConnectionError):
        receive(iter(broken()), tmp_path / "part", declared=None, max_bytes=10)
    assert list(tmp_path.iterdir()) == []


def test_an_upload_of_its_size_is_kept(tmp_path: Path) -> None:
    assert receive(iter([b"ab", b"c"]), tmp_path / "part", declared=3, max_bytes=10) == 3
    assert (tmp_path / "part").read_bytes() == b"abc"


def test_a_model_may_be_sent_file_by_file(tmp_path: Path) -> None:
    for name, content in (("config.json", make_config()), ("model.safetensors", make_safetensors())):
        assert receive_file(tmp_path, name, iter([content]), declared=len(content)) == len(content)
        assert (tmp_path / name).read_bytes() == content


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("../config.json", b"x", "bad_file_name"),
        ("model.py", b"x", "file_not_taken"),
        ("pytorch_model.bin", b"x", "file_not_taken"),
        ("LICENSE", b"x", "bad_file_name"),
        ("LICENSE.A", b"x", "bad_file_name"),
        ("config.json", b"x" * (2 << 20), "upload_too_large"),
        ("vocab.txt", b"x" * 2000, "upload_too_large"),
    ],
)
def test_a_file_that_may_not_be_sent_leaves_nothing(
    tmp_path: Path, name: str, content: bytes, code: str
) -> None:
    for present in ("LICENSE", "LICENSE.a"):
        (tmp_path / present).write_bytes(b"here")
    with pytest.raises(FormatError) as caught:
        receive_file(
            tmp_path, name, iter([content]), declared=None, max_total=1000 if name == "vocab.txt" else 1 << 30
        )
    assert caught.value.code == code
    assert sorted(path.name for path in tmp_path.iterdir()) == ["LICENSE", "LICENSE.a"]
