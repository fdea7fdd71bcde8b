"""Archives of a model's files, sent by strangers: checked while they are unpacked, bounded in every way.

Only plain files directly at the top (or in one common folder) with names that a model's files have. Nothing is
trusted that the archive says of itself: sizes are counted, both copies of a zip's directory must agree.
"""

from __future__ import annotations

import contextlib
import gzip
import itertools
import os
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, BinaryIO, Self, cast

from evaluation.formats.errors import FormatError, shown
from evaluation.formats.files import MAX_FILES, MAX_TOTAL, rule_for
from evaluation.formats.names import check_file_name, collision_key
from evaluation.formats.uploads import create_new

CODE = "bad_archive"
MAX_RATIO = 50
"""Weights hardly shrink; what unpacks to fifty times its size is no model."""
SMALL = 1 << 20
"""Below this the ratio says nothing: a configuration of spaces is small whatever it does."""
BLOCK = 1 << 20
LOCAL_HEADER = struct.Struct("<4s5H3I2H")
METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
ENCRYPTED, SIZES_BEHIND = 0x1, 0x8
PLAIN_TYPES = {tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.DIRTYPE}
MAX_EXTENDED_HEADER = 64 << 10


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much may come out of an archive."""

    files: int = MAX_FILES
    total_bytes: int = MAX_TOTAL
    ratio: int = MAX_RATIO


def unpack(path: Path, target: Path, *, bounds: Bounds | None = None) -> tuple[str, ...]:
    """Unpacks a zip or an uncompressed or gzip tar into the empty folder ``target``; gives the names of the files.

    Files whose names no model has are left out. Raises FormatError (``bad_archive``); the folder may then hold a part,
    which the caller removes with the folder.
    """
    bounds = bounds or Bounds()
    with path.open("rb") as file:
        start = file.read(512)
        file.seek(0)
        if start.startswith(b"PK\x03\x04"):
            return _unpack_zip(file, target, bounds)
        packed = start.startswith(b"\x1f\x8b")
        if packed or start[257:262] == b"ustar":
            return _unpack_tar(file, target, bounds, packed=packed)
    raise _bad("is neither a zip nor a tar file")


class _Names:
    """The names of an archive so far: portable, unique, in one folder at most."""

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        self._seen: set[str] = set()
        self._folder: str | None = None

    def plain(self, name: str) -> str:
        """The file's own name. Raises FormatError when the archive's name for it is not harmless."""
        *folders, last = name.split("/")
        for part in (*folders, last):
            try:
                check_file_name(part)
            except FormatError as error:
                raise _bad(f"holds a file with the name {shown(name)}") from error
        folder = "/".join(folders)
        if len(folders) > 1 or (self._folder is not None and folder != self._folder):
            raise _bad("holds folders; put the model's files at the top")
        self._folder = folder
        key = collision_key(last)
        if key in self._seen:
            raise _bad(f"holds two files that some systems hold to be the same: {shown(last)}")
        self._seen.add(key)
        if len(self._seen) > self._bounds.files:
            raise _bad(f"holds more than {self._bounds.files} files")
        return last


def _unpack_zip(file: BinaryIO, target: Path, bounds: Bounds) -> tuple[str, ...]:
    _check_count(file, bounds)
    try:
        with zipfile.ZipFile(file) as archive:
            members = [info for info in archive.infolist() if not _is_plain_folder(info)]
            names = _Names(bounds)
            plain = [(info, names.plain(_raw_name(info))) for info in members]
            _check_members(file, members, bounds)
            made = []
            for info, name in plain:
                if rule_for(name) is not None:
                    with archive.open(info) as source:
                        _copy(source, target / name, info.file_size)
                    made.append(name)
            return tuple(made)
    except (
        zipfile.BadZipFile,
        zipfile.LargeZipFile,
        NotImplementedError,
        RuntimeError,
        EOFError,
        OSError,
    ) as error:
        raise _bad("is damaged or of a kind that is not read") from error
    except (ValueError, struct.error) as error:
        raise _bad("is damaged") from error


def _check_count(file: BinaryIO, bounds: Bounds) -> None:
    """Counts the entries before the library makes an object of each."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(size - (1 << 16) - 22, 0))
    tail = file.read()
    file.seek(0)
    end = tail.rfind(b"PK\x05\x06")
    if end < 0 or len(tail) - end < 22:
        raise _bad("is damaged")
    entries, directory = struct.unpack("<H", tail[end + 10 : end + 12])[0], tail[end + 12 : end + 16]
    if entries > bounds.files + 2 or struct.unpack("<I", directory)[0] > (bounds.files + 2) * 1024:
        raise _bad(f"holds more than {bounds.files} files")


def _check_members(file: BinaryIO, members: list[zipfile.ZipInfo], bounds: Bounds) -> None:
    total = sum(info.file_size for info in members)
    if total > bounds.total_bytes:
        raise _bad(f"unpacks to {total} bytes and may unpack to {bounds.total_bytes}")
    for info in members:
        kind = stat.S_IFMT(info.external_attr >> 16)
        if kind not in (0, stat.S_IFREG):
            raise _bad(f"holds a link or a device: {shown(info.filename)}")
        if info.flag_bits & ENCRYPTED or info.compress_type not in METHODS:
            raise _bad("is encrypted or packed in an unusual way")
        if info.file_size > max(info.compress_size * bounds.ratio, SMALL):
            raise _bad(
                f"holds {shown(info.filename)}, which unpacks to more than {bounds.ratio} times its size"
            )
        _check_local_header(file, info)
    ranges = sorted((info.header_offset, info.compress_size) for info in members)
    for (start, packed), (following, _) in itertools.pairwise(ranges):
        if start + LOCAL_HEADER.size + packed > following:
            raise _bad("holds files that overlap")


def _check_local_header(file: BinaryIO, info: zipfile.ZipInfo) -> None:
    """A zip describes each file twice; readers that believe different copies see different files."""
    file.seek(info.header_offset)
    data = file.read(LOCAL_HEADER.size)
    if len(data) != LOCAL_HEADER.size:
        raise _bad("is damaged")
    mark, _, flags, method, _, _, crc, packed, size, name_length, extra_length = LOCAL_HEADER.unpack(data)
    name = file.read(name_length)
    extra = file.read(extra_length)
    large = packed == 0xFFFFFFFF or size == 0xFFFFFFFF
    same_sizes = (
        bool(flags & SIZES_BEHIND)
        or large
        or (crc, packed, size) == (info.CRC, info.compress_size, info.file_size)
    )
    encoded = info.orig_filename.encode("utf-8" if info.flag_bits & 0x800 else "cp437", "replace")
    if mark != b"PK\x03\x04" or name != encoded or method != info.compress_type or flags != info.flag_bits:
        raise _bad(f"describes {shown(info.filename)} in two different ways")
    if not same_sizes or (large and len(extra) < 20):
        raise _bad(f"gives {shown(info.filename)} two different sizes")


def _is_plain_folder(info: zipfile.ZipInfo) -> bool:
    return info.filename.endswith("/") and info.file_size == 0 and info.filename.count("/") == 1


def _raw_name(info: zipfile.ZipInfo) -> str:
    """The name as it stands in the archive: the library cuts at a NUL."""
    return info.orig_filename


class _Member(tarfile.TarInfo):
    """A member whose extended headers, which the library reads whole, are small."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        """The member that a block describes. Raises FormatError for an extended header over 64 KiB."""
        member = super().frombuf(buf, encoding, errors)
        if member.type not in PLAIN_TYPES and member.size > MAX_EXTENDED_HEADER:
            raise _bad("holds something else than plain files")
        return member


def _unpack_tar(file: BinaryIO, target: Path, bounds: Bounds, *, packed: bool) -> tuple[str, ...]:
    size = os.fstat(file.fileno()).st_size
    limit = min(bounds.total_bytes, max(size * bounds.ratio, SMALL))
    try:
        with contextlib.ExitStack() as stack:
            inner = (
                cast(IO[bytes], stack.enter_context(contextlib.closing(gzip.GzipFile(fileobj=file))))
                if packed
                else file
            )
            source = cast(IO[bytes], _Bounded(inner, limit + (bounds.files + 2) * 2048))
            archive = stack.enter_context(tarfile.open(fileobj=source, mode="r|", tarinfo=_Member))
            return tuple(_members_of(archive, target, bounds, limit))
    except (tarfile.TarError, zlib.error, EOFError, OSError, ValueError) as error:
        raise _bad("is damaged") from error


def _members_of(archive: tarfile.TarFile, target: Path, bounds: Bounds, limit: int) -> Iterator[str]:
    """Unpacks member after member; gives the names of those that were kept."""
    names = _Names(bounds)
    total = 0
    for member in archive:
        if member.isdir() and "/" not in member.name.strip("/"):
            continue
        if not member.isreg() or member.issparse():
            raise _bad(f"holds a link, a device or a folder in a folder: {shown(member.name)}")
        name = names.plain(member.name.removeprefix("./"))
        total += member.size
        if total > limit:
            raise _bad(f"unpacks to more than {bounds.total_bytes} bytes or {bounds.ratio} times its size")
        source = archive.extractfile(member)
        if rule_for(name) is not None and source is not None:
            _copy(source, target / name, member.size)
            yield name


class _Bounded:
    """A file that is read once, from beginning to end, and no further than a limit."""

    def __init__(self, file: IO[bytes], limit: int) -> None:
        self._file = file
        self._left = limit

    def read(self, count: int) -> bytes:
        """The next bytes. Raises FormatError past the limit."""
        data = self._file.read(count)
        self._left -= len(data)
        if self._left < 0:
            raise _bad("unpacks to more than it may")
        return data


def _copy(source: IO[bytes], path: Path, size: int) -> None:
    """Copies exactly ``size`` bytes into a new file, within the limit of its name."""
    rule = rule_for(path.name)
    assert rule is not None
    if size > rule.max_bytes:
        raise _bad(f"holds {shown(path.name)} with {size} bytes, and it may have {rule.max_bytes}")
    left = size
    with create_new(path) as file:
        while left >= 0:
            block = source.read(min(BLOCK, left + 1))
            if not block:
                break
            left -= len(block)
            if left < 0:
                break
            file.write(block)
    if left != 0:
        raise _bad(f"gives {shown(path.name)} another size than it has")


def _bad(reason: str) -> FormatError:
    return FormatError(
        CODE, f"The archive {reason}.", "Pack the model's files, and nothing else, into a plain zip."
    )
