"""The manifest: which files a model consists of, and one digest for all that can move a score.

A card or a license text may be mended without making another model of it, so they are listed and not counted.
"""

from __future__ import annotations

from pydantic import Field

from evaluation.contract import Message, Sha256, digest_of
from evaluation.formats.files import Kind

VERSION = 1


class ManifestFile(Message):
    """One file as it was published."""

    name: str = Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.+-]{0,199}$")
    kind: Kind
    size: int = Field(ge=0)
    sha256: Sha256
    stored_sha256: Sha256 | None = None
    """Digest of the file in our folder, where something was taken out of it; None: as published."""


class Manifest(Message):
    """All files of a model, ordered by name."""

    version: int = VERSION
    files: tuple[ManifestFile, ...] = Field(min_length=1)

    @property
    def digest(self) -> str:
        """SHA-256 (hex) over names, sizes and digests of all files but cards and licenses."""
        counted = [
            {"name": file.name, "size": file.size, "sha256": file.sha256}
            for file in sorted(self.files, key=lambda file: file.name)
            if file.kind is not Kind.CARD
        ]
        return digest_of(counted)

    @property
    def total_bytes(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)

    @property
    def weights_bytes(self) -> int:
        """Bytes of the files with weights."""
        return sum(file.size for file in self.files if file.kind is Kind.WEIGHTS)
