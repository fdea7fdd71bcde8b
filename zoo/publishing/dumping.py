"""The open data of an instance as files: catalog, releases with the results behind them, imported scores, the key.

Written next to each other with their digests, into a folder per day. Nothing personal is in them: people are not named
but where they signed a change of the catalog.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import shutil
import tarfile
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from zoo.lineage import dump as catalog
from zoo.publishing import selectors
from zoo.publishing.models import ImportedFile, Release
from zoo.runs.selectors import chain

KEPT = 7
SUMS = "SHA256SUMS"
README = """What an instance of Distill Zoo knows, as open files.

catalog.jsonl.gz   every entry with facts, evidence, lineage, reported scores ('zoo catalog restore' loads it)
releases.jsonl.gz  every release: the frozen document, its signed statement, its place in the chain, and the
                   two recorded results it was computed from
imported.jsonl.gz  scores that others measured, with who brought them
chain.json         where the chains of results and of releases end: sequence and hash of the last of each
key.pem            the public key that releases are signed with
site.tar.gz        the whole site as pages, where it was made that night
SHA256SUMS         digests of all of them ('sha256sum -c SHA256SUMS')
"""


class Dump(NamedTuple):
    """The files of one day: names and sizes in bytes."""

    day: str
    files: tuple[tuple[str, int], ...]


def write(root: Path, *, now: datetime) -> Path:
    """Writes the dump of a day and gives its folder; what is older than the last seven is removed."""
    day = root / now.strftime("%Y-%m-%d")
    part = root / f".{day.name}.{os.getpid()}.part"
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    _compressed(part / "catalog.jsonl.gz", catalog.write())
    _compressed(part / "releases.jsonl.gz", _releases())
    _compressed(part / "imported.jsonl.gz", _imported())
    (part / "key.pem").write_text(selectors.public_key())
    (part / "chain.json").write_text(_heads())
    (part / "README.txt").write_text(README)
    _sum(part)
    if day.exists():
        shutil.rmtree(day)
    part.rename(day)
    for old in sorted(_days(root))[:-KEPT]:
        shutil.rmtree(old)
    return day


def add_site(day: Path, site: Path) -> None:
    """Packs a copy of the site into the dump of a day."""
    part = day / ".site.tar.gz.part"
    with tarfile.open(part, "w:gz") as archive:
        archive.add(site, arcname="site")
    part.rename(day / "site.tar.gz")
    _sum(day)


def available(root: Path) -> list[Dump]:
    """The dumps that there are, newest first."""
    return [
        Dump(
            day.name,
            tuple(
                (file.name, file.stat().st_size)
                for file in sorted(day.iterdir())
                if not file.name.startswith(".")
            ),
        )
        for day in sorted(_days(root), reverse=True)
    ]


def _days(root: Path) -> list[Path]:
    return list(root.glob("[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]")) if root.exists() else []


def _heads() -> str:
    """Kept elsewhere, they make evident when a later state of the instance has dropped or changed something."""
    results, releases = chain(), selectors.head()
    heads = {
        "results": {"sequence": results.sequence, "hash": results.head},
        "releases": releases._asdict(),
    }
    return json.dumps(heads, indent=1) + "\n"


def _releases() -> Iterator[str]:
    rows = Release.objects.select_related(
        "comparison__student_run__result", "comparison__teacher_run__result"
    ).order_by("sequence")
    for release in rows.iterator(chunk_size=50):
        yield _line(
            {
                "id": str(release.pk),
                "sequence": release.sequence,
                "document": release.document,
                "digest": release.digest,
                "previous_hash": release.previous_hash,
                "hash": release.hash,
                "envelope": release.envelope,
                "replaces": str(release.replaces_id) if release.replaces_id else None,
                "reason": release.reason,
                "results": selectors.bundles(release),
            }
        )


def _imported() -> Iterator[str]:
    files = ImportedFile.objects.select_related("model__organization").prefetch_related("scores")
    for file in files.order_by("imported_at", "id").iterator(chunk_size=50):
        yield _line(
            {
                "id": str(file.pk),
                "model": file.model.slug,
                "format": file.format,
                "sha256": file.sha256,
                "source": file.source,
                "source_url": file.source_url,
                "imported_at": file.imported_at.isoformat(),
                "withdrawn": file.withdrawn_reason or None,
                "scores": [
                    {
                        "task": row.task,
                        "metric": row.metric,
                        "filter": row.filter,
                        "value": row.value,
                        "n": row.n,
                    }
                    for row in file.scores.all()
                ],
            }
        )


def _line(row: dict[str, object]) -> str:
    return json.dumps(row, ensure_ascii=False) + "\n"


def _compressed(path: Path, lines: Iterable[str]) -> None:
    with gzip.open(path, "wt", encoding="utf-8") as file:
        file.writelines(lines)


def _sum(day: Path) -> None:
    lines = []
    for path in sorted(day.iterdir()):
        if path.name != SUMS and not path.name.startswith("."):
            with path.open("rb") as file:
                lines.append(f"{hashlib.file_digest(file, 'sha256').hexdigest()}  {path.name}\n")
    (day / SUMS).write_text("".join(lines))
