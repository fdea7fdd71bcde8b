"""The copy of the site is whole: every link of every page leads to a file of the copy or says that it cannot."""

from __future__ import annotations

import gzip
import hashlib
import json
import sys
import tarfile
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from django.test import Client
from pytest_django import Settings

from tests.factories.catalog import make_model
from tests.factories.runs import NOW
from tests.integration.publishing.test_releases import published
from zoo.cli.main import main
from zoo.publishing import dumping, nightly, site
from zoo.runs.models import Result

pytestmark = pytest.mark.django_db


def lines_of(path: Path) -> list[dict[str, Any]]:
    with gzip.open(path, "rt") as file:
        return [json.loads(line) for line in file]


def dead_links(folder: Path) -> list[str]:
    """Links that lead nowhere, or out of the folder, as a plain file server would find them."""
    dead = []
    for page in folder.rglob("*.html"):
        for found in site._LINK.finditer(page.read_text("utf-8")):
            url = urlsplit(found["url"].replace("&amp;", "&"))
            if url.scheme or url.netloc or not url.path:
                continue
            target = (page.parent / unquote(url.path)).resolve()
            if url.path.startswith("/") or not target.is_file() or folder.resolve() not in target.parents:
                dead.append(f"{page.relative_to(folder)}: {found['url']}")
    return dead


@pytest.mark.timeout(600)
def test_every_page_is_there_and_every_link_works_from_plain_files(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Without the hundreds of pages about licenses and problems, which are all alike."""
    settings.ZOO_PUBLIC_URL = "http://testserver"
    monkeypatch.setattr(site, "START", tuple(one for one in site.START if one != "/licenses/"))
    alike = ("/licenses/", "/problems/", "/docs/decisions/", "/docs/how-to/", "/glossary/")
    monkeypatch.setattr(site, "LEFT_OUT", (*site.LEFT_OUT, *alike))
    make_model("scripted/student-p70")
    make_model("scripted/teacher-p90")
    release = published(tmp_path)
    folder = tmp_path / "site"
    written = nightly.copy_site(folder, now=NOW)
    assert written.broken == ()
    assert dead_links(folder) == []
    for page in (
        "index.html",
        "models/scripted/student-p70/index.html",
        f"releases/{release.pk}/index.html",
        f"comparisons/{release.comparison_id}/index.html",
        "docs/methods/index.html",
        "feeds/releases.atom",
    ):
        assert (folder / page).is_file(), page
    document = json.loads((folder / f"api/v1/releases/{release.pk}/index.json").read_text())
    assert document["digest"] == release.digest
    text = (folder / "models/index.html").read_text()
    assert "A copy of http://testserver" in text
    assert 'method="post"' not in text
    assert export_site(folder, monkeypatch) == 0, "a copy can be made anew over an earlier one"
    told = f"{written.pages} pages and {written.files - written.pages} other files in {folder}"
    assert told in capfd.readouterr().err
    assert dead_links(folder) == []


def export_site(folder: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    """Runs ``zoo export-site`` as a person does; gives its exit code."""
    monkeypatch.setattr(sys, "argv", ["zoo", "export-site", str(folder)])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


def test_the_command_names_what_it_had_to_leave_out_and_touches_no_strangers_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(site, "START", ("/no-such-page/",))
    assert export_site(tmp_path / "site", monkeypatch) == 1
    assert "left out, because it answers with an error: /no-such-page/" in capfd.readouterr().err
    (tmp_path / "thesis.txt").write_text("do not touch")
    assert export_site(tmp_path, monkeypatch) > 1
    assert "Name an empty folder." in capfd.readouterr().err


def test_a_folder_that_holds_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("do not touch")
    with pytest.raises(site.NotEmpty):
        nightly.copy_site(tmp_path, now=NOW)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_the_dump_holds_what_is_needed_to_check_a_release_elsewhere(
    tmp_path: Path, settings: Settings, client: Client
) -> None:
    settings.ZOO_DUMPS = tmp_path / "dumps"
    make_model("acme/small")
    release = published(tmp_path)
    assert "No dump was made yet" in client.get("/dumps/").content.decode()
    day = nightly.write(settings.ZOO_DUMPS, now=NOW, with_site=False)
    (row,) = lines_of(day / "releases.jsonl.gz")
    assert hashlib.sha256(row["document"].encode()).hexdigest() == row["digest"] == release.digest
    assert set(row["results"]) == {"student", "teacher"}
    heads = json.loads((day / "chain.json").read_text())
    assert heads["releases"] == {"sequence": release.sequence, "hash": release.hash}
    last = Result.objects.order_by("-sequence")[0]
    assert heads["results"] == {"sequence": last.sequence, "hash": last.hash}
    assert any(line["kind"] == "entry" for line in lines_of(day / "catalog.jsonl.gz"))
    for line in (day / "SHA256SUMS").read_text().splitlines():
        digest, name = line.split("  ")
        assert hashlib.sha256((day / name).read_bytes()).hexdigest() == digest
    page = client.get("/dumps/").content.decode()
    assert f"/dumps/{day.name}/releases.jsonl.gz" in page
    got = client.get(f"/dumps/{day.name}/key.pem")
    assert b"".join(got.streaming_content).startswith(b"-----BEGIN PUBLIC KEY")  # type: ignore[attr-defined]
    assert client.get(f"/dumps/{day.name}/..%2Fsecret").status_code == 404


def test_a_week_of_dumps_is_kept_and_the_site_can_be_packed_in(tmp_path: Path) -> None:
    for days in range(9):
        day = dumping.write(tmp_path, now=NOW + timedelta(days=days))
    assert len(dumping.available(tmp_path)) == dumping.KEPT
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "index.html").write_text("<h1>hello</h1>")
    dumping.add_site(day, tmp_path / "site")
    with tarfile.open(day / "site.tar.gz") as archive:
        assert "site/index.html" in archive.getnames()
    assert "site.tar.gz" in (day / "SHA256SUMS").read_text()
