"""What may be announced, sent and completed, by whom, how much of it, and how it goes again."""

from __future__ import annotations

import hashlib
import io
import tarfile
import zipfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as project
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from pytest_django import Settings

from evaluation.formats.files import Listed
from tests.factories.runs import NOW, make_run, make_user
from tests.factories.uploads import NAMES, make_upload, model_files, open_upload, send
from zoo.accounts.models import Scope, User
from zoo.core import storage
from zoo.core.errors import Conflict, NotFound
from zoo.submissions.resolving import Unresolved
from zoo.submissions.uploaded import resolve
from zoo.uploads import archives, selectors, services
from zoo.uploads.models import Upload

pytestmark = [pytest.mark.django_db, pytest.mark.postgres]


def opened(user: User, label: str = "mine") -> Upload:
    return open_upload(user, now=NOW, label=label)


def complete(user: User, label: str = "mine") -> Upload:
    return make_upload(user, now=NOW, label=label)


def test_a_complete_upload_is_found_by_its_owner_alone() -> None:
    upload = complete(make_user("ada"))
    found = resolve(upload.reference, make_user("ada"))
    assert found.source.digest == upload.digest
    assert found.parameters is not None
    assert found.family is not None
    for other in (make_user("eve"), None):
        with pytest.raises(Unresolved, match="no complete upload"):
            resolve(upload.reference, other)
    with pytest.raises(NotFound):
        services.remove(upload_id=upload.pk, acting_user=make_user("eve"), now=NOW)


@pytest.mark.parametrize(
    ("names", "why"),
    [
        (("config.json", "pytorch_model.bin"), "can hold code"),
        (("model.safetensors",), "no config.json"),
        ((*NAMES, "modeling.py"), "no model needs"),
        ((*NAMES, "../x"), "no model needs"),
        ((*NAMES, "/etc/passwd"), "no model needs"),
        ((*NAMES, "a\\..\\b"), "no model needs"),
        (("config.json", "model-00001-of-00002.safetensors"), "without an index"),
        ((*NAMES, "config.json"), "same"),
        (("Q4.gguf", "Q8.gguf"), "2 GGUF files"),
    ],
)
def test_files_that_no_model_has_are_refused_before_they_come(names: tuple[str, ...], why: str) -> None:
    files = [Listed(name, 10, "0" * 64) for name in names]
    with pytest.raises(services.BadUpload, match=why):
        services.open_upload(label="mine", files=files, acting_user=make_user(), now=NOW)
    assert not Upload.objects.exists()


@pytest.mark.parametrize("label", ["", "a/b", "..", "x" * 61, "a b", "a\n"])
def test_a_label_is_a_plain_name(label: str) -> None:
    with pytest.raises(services.BadUpload):
        opened(make_user(), label=label)


def test_a_part_is_what_was_announced_or_is_refused() -> None:
    user = make_user()
    upload = opened(user)
    data = model_files()["config.json"]
    with pytest.raises(services.BadUpload, match="another digest"):
        send(upload, "config.json", data + b" ", now=NOW)
    with pytest.raises(NotFound):
        send(upload, "other.json", data, now=NOW)
    for offset in (1, -1, services.PART_BYTES):
        with pytest.raises(services.BadUpload, match="multiple"):
            send(upload, "config.json", data, now=NOW, offset=offset)
    with pytest.raises(services.PartsMissing) as missing:
        services.complete(upload_id=upload.pk, acting_user=user, now=NOW)
    assert len(missing.value.data["missing"]) == len(NAMES)  # type: ignore[arg-type]


def test_large_files_come_in_several_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "PART_BYTES", 20_000)
    user, content = make_user(), model_files()
    upload = opened(user)
    for name, data in content.items():
        for offset in range(0, len(data), 20_000):
            send(upload, name, data[offset : offset + 20_000], now=NOW, offset=offset)
    services.complete(upload_id=upload.pk, acting_user=user, now=NOW)
    assert selectors.progress(upload)["model.safetensors"].offsets[:2] == (0, 20_000)
    for name, data in content.items():
        assert b"".join(selectors.content(upload, name)) == data


def test_announcing_again_gives_the_same_upload_and_a_complete_one_takes_nothing() -> None:
    user = make_user()
    upload = complete(user)
    assert opened(user).pk == upload.pk
    with pytest.raises(Conflict, match="complete"):
        send(upload, "config.json", model_files()["config.json"], now=NOW)


def test_room_is_counted_before_the_first_byte(settings: Settings) -> None:
    settings.ZOO_UPLOAD_BYTES = sum(map(len, model_files().values())) + 100
    user = make_user()
    opened(user)
    with pytest.raises(services.UploadQuota, match="in all"):
        opened(user, label="second")
    with pytest.raises(services.MayNotUpload):
        opened(make_user("reader", Scope.READ))


def test_what_is_removed_is_gone_and_what_another_has_too_stays() -> None:
    ada, eve = make_user("ada"), make_user("eve")
    mine, theirs = complete(ada), complete(eve)
    digest = hashlib.sha256(model_files()["model.safetensors"]).hexdigest()
    services.remove(upload_id=mine.pk, acting_user=ada, now=NOW)
    assert storage.exists(digest)
    assert resolve(theirs.reference, eve)
    services.remove(upload_id=theirs.pk, acting_user=eve, now=NOW)
    assert not storage.exists(digest)
    assert complete(ada).pk != mine.pk


def test_housekeeping_removes_what_nobody_completes_or_submits_and_nothing_that_a_run_needs() -> None:
    user = make_user()
    unfinished, unused = opened(user, "unfinished"), complete(user, "unused")
    wanted = complete(user, "wanted")
    make_run(wanted.reference, user=user)
    assert services.sweep(now=NOW + timedelta(hours=23)) == 0
    assert services.sweep(now=NOW + timedelta(hours=25)) == 1
    assert services.sweep(now=NOW + timedelta(days=project.ZOO_UPLOAD_DAYS + 1)) == 1
    states = {upload.pk: upload.state for upload in Upload.objects.all()}
    assert states == {unfinished.pk: "removed", unused.pk: "removed", wanted.pk: "complete"}
    with pytest.raises(services.UploadInUse):
        services.remove(upload_id=wanted.pk, acting_user=user, now=NOW)


def zipped(**files: bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return made.getvalue()


def with_link() -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        link = tarfile.TarInfo("model.safetensors")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    return made.getvalue()


BAD_ARCHIVES: dict[str, Callable[[], bytes]] = {
    "climbs out": lambda: zipped(**{"../config.json": b"{}"}),
    "absolute": lambda: zipped(**{"/config.json": b"{}"}),
    "a link": with_link,
    "a bomb": lambda: zipped(**model_files(), **{"model.gguf": bytes(20 << 20)}),
    "pickle alone": lambda: zipped(**{"config.json": b"{}", "pytorch_model.bin": b"\x80\x04."}),
    "no archive": lambda: b"MZ not an archive",
    "empty": lambda: b"",
}


def receive(data: bytes, user: User, declared: int | None = None) -> Upload:
    return archives.receive_archive(
        label="mine", source=io.BytesIO(data), declared=declared, acting_user=user, now=NOW
    )


@pytest.mark.parametrize("name", BAD_ARCHIVES)
def test_a_bad_archive_leaves_nothing_behind(name: str) -> None:
    with pytest.raises(services.BadUpload):
        receive(BAD_ARCHIVES[name](), make_user())
    assert not Upload.objects.exists()
    assert not list((project.ZOO_HOME / "incoming").iterdir())


def test_an_archive_that_is_cut_or_longer_than_announced_is_refused() -> None:
    whole = zipped(**model_files())
    for declared in (len(whole) + 1, len(whole) - 1):
        with pytest.raises(services.BadUpload, match="announced"):
            receive(whole, make_user(), declared)
    assert receive(whole, make_user(), len(whole)).state == "complete"


def test_left_over_workshops_are_removed(tmp_path: Path, settings: Settings) -> None:
    settings.ZOO_HOME = tmp_path
    (tmp_path / "incoming" / "upload-left").mkdir(parents=True)
    made = (tmp_path / "incoming" / "upload-left").stat().st_mtime
    moment = NOW.fromtimestamp(made, NOW.tzinfo)
    assert archives.sweep_workshops(now=moment + timedelta(hours=1)) == 0
    assert archives.sweep_workshops(now=moment + timedelta(days=2)) == 1


@pytest.mark.parametrize("address", ["/uploads/", "/submit/", "/login/", "/theme/"])
def test_no_form_keeps_a_file_of_somebody_who_may_not_send_it(client: Client, address: str) -> None:
    answer = client.post(address, {"archive": SimpleUploadedFile("x.zip", b"PK")})
    assert answer.status_code in (302, 403)
    client.force_login(make_user("reader", Scope.READ))
    assert client.post(address, {"archive": SimpleUploadedFile("x.zip", b"PK")}).status_code == 403
    client.force_login(make_user())
    assert client.post("/submit/", {"archive": SimpleUploadedFile("x.zip", b"PK")}).status_code == 403


def test_an_archive_that_is_refused_is_explained_beside_the_form(client: Client) -> None:
    client.force_login(make_user())
    given: dict[str, Any] = {"label": "mine", "archive": SimpleUploadedFile("x.zip", b"no archive")}
    answer = client.post("/uploads/", given)
    assert answer.status_code == 400
    assert "neither a zip nor a tar" in answer.content.decode()
