"""A comparison is published once, frozen and signed, and anyone can check it from what the server gives out."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from django.db import DatabaseError, transaction
from django.test import Client

from evaluation.contract import canonical_json
from tests.factories.runs import NOW, finish, make_run
from zoo.comparisons import services as comparisons
from zoo.publishing import document as documents
from zoo.publishing import services, verifying
from zoo.publishing.models import Release
from zoo.runs import queue
from zoo.runs.models import Pairing, Run

pytestmark = [pytest.mark.django_db, pytest.mark.postgres]
TASKS = ("scripted_choice.n-60", "scripted_rolling")


def measured(name: str, folder: Path) -> Run:
    """The finished run of a model; a teacher is measured once for all its students."""
    run = make_run(name, tasks=TASKS)
    return run if run.is_final else finish(run, folder)


def published(folder: Path, student: str = "scripted/student-p70") -> Release:
    runs = [measured(name, folder / name.replace("/", "-")) for name in (student, "scripted/teacher-p90")]
    pairing = Pairing.objects.create(student_run=runs[0], teacher_run=runs[1], created_at=NOW)
    comparison = comparisons.settle(pairing_id=pairing.pk, now=NOW)
    assert comparison is not None
    return services.publish(comparison_id=comparison.pk, now=NOW)


def fetched(release: Release, client: Client) -> dict[str, Any]:
    """Everything that ``zoo verify`` asks a server for."""
    base = "/api/v1/releases"
    key = client.get(f"{base}/key/").json()
    found = client.get(f"{base}/{release.pk}/").json()
    rows = client.get(f"{base}/").json()["results"]
    return {
        "release": found,
        "public_key": key["public_key"],
        "head": key["head"],
        "later": [row for row in rows if row["sequence"] > release.sequence],
        "results": client.get(f"{base}/{release.pk}/results/").json(),
        "previous": {
            side: client.get(f"/api/v1/runs/{known['run']}/").json()["result"]["previous_hash"]
            for side, known in found["document"]["evidence"].items()
        },
        "samples": {
            side: b"".join(client.get(f"{base}/{release.pk}/samples/{side}/").streaming_content)
            for side in ("student", "teacher")
        },
    }


def failures(given: dict[str, Any]) -> list[str]:
    return [finding.check for finding in verifying.check(given.pop("release"), **given) if not finding.holds]


def test_publishing_again_gives_the_same_release(tmp_path: Path) -> None:
    release = published(tmp_path)
    assert services.publish(comparison_id=release.comparison_id, now=NOW) == release
    assert services.publish_ready(now=NOW) == 0
    document = services.parse(release)
    assert document["comparison"]["id"] == str(release.comparison_id)
    assert documents.digest(document) == release.digest


def test_releases_form_a_chain_and_cannot_be_changed(tmp_path: Path) -> None:
    first = published(tmp_path / "a")
    second = published(tmp_path / "b", "scripted/other-p60")
    assert (first.sequence, second.sequence) == (1, 2)
    assert second.previous_hash == first.hash
    assert second.hash == documents.chained(first.hash, second.digest)
    with pytest.raises(DatabaseError), transaction.atomic():
        Release.objects.filter(pk=first.pk).update(reason="better so")
    with pytest.raises(DatabaseError), transaction.atomic():
        Release.objects.filter(pk=first.pk).delete()


def test_a_release_checks_out_from_what_the_server_gives(tmp_path: Path, client: Client) -> None:
    assert failures(fetched(published(tmp_path), client)) == []


def test_changed_numbers_are_noticed(tmp_path: Path, client: Client) -> None:
    given = fetched(published(tmp_path), client)
    given["release"]["document"]["comparison"]["overall"]["retention"]["value"] = 0.999
    found = failures(given)
    assert "the document has its digest" in found
    assert "the numbers follow from the samples" in found


def test_a_recorded_result_that_tells_of_another_model_worker_or_engine_is_noticed(
    tmp_path: Path, client: Client
) -> None:
    given = fetched(published(tmp_path), client)
    bundle = json.loads(given["results"]["student"])
    assert canonical_json(bundle).decode() == given["results"]["student"]
    report = bundle["report"]
    weaker = {**report, "environment": {**report["environment"], "isolation": "other"}}
    newer = {**report, "engine": {**report["engine"], "engine_version": "99"}}
    models = [{"digest": "f" * 64}]
    for changed in ({"models": models}, {"worker": "another"}, {"report": weaker}, {"report": newer}):
        forged = copy.deepcopy(given)
        forged["results"]["student"] = canonical_json(bundle | changed).decode()
        assert "the student's recorded result has the hash that was signed" in failures(forged)


def test_the_chain_is_walked_to_its_head(tmp_path: Path, client: Client) -> None:
    first = published(tmp_path / "a")
    published(tmp_path / "b", "scripted/other-p60")
    published(tmp_path / "c", "scripted/third-p50")
    given = fetched(first, client)
    name = "the releases after it lead to the head of the chain"
    assert len(given["later"]) == 2
    assert failures(copy.deepcopy(given)) == []
    for row, field, value in ((0, "digest", "0" * 64), (1, "hash", "0" * 64), (1, "sequence", 7)):
        forged = copy.deepcopy(given)
        forged["later"][row][field] = value
        assert failures(forged) == [name]
    assert failures({**given, "later": given["later"][1:]}) == [name], "a release that is left out is noticed"
    assert failures({**given, "head": "0" * 64}) == [name]


def test_a_forged_digest_is_noticed_by_the_signature(tmp_path: Path, client: Client) -> None:
    given = fetched(published(tmp_path), client)
    release = given["release"]
    release["document"]["comparison"]["overall"]["verdict"] = "kept"
    release["digest"] = documents.digest(release["document"])
    release["hash"] = documents.chained(release["previous_hash"], release["digest"])
    assert failures(given)[0].startswith("the statement is signed")


def test_another_key_and_other_samples_are_noticed(tmp_path: Path, client: Client) -> None:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from zoo.publishing import signing

    given = fetched(published(tmp_path), client)
    foreign = copy.deepcopy(given)
    foreign["public_key"] = signing.public_pem(Ed25519PrivateKey.generate().public_key())
    assert failures(foreign) == ["the statement is signed with the instance's key and names this document"]
    swapped = {
        **given,
        "samples": dict(zip(("student", "teacher"), reversed(given["samples"].values()), strict=True)),
    }
    assert "the student's recorded result names the samples that are kept" in failures(swapped)


def test_the_statement_is_an_in_toto_evaluation_result(tmp_path: Path) -> None:
    import base64

    release = published(tmp_path)
    statement = json.loads(base64.b64decode(release.envelope["payload"]))
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    assert statement["predicateType"].startswith("https://in-toto.io/attestation/eval-result/")
    assert statement["subject"][0]["digest"]["sha256"] == release.digest
    claim = statement["predicate"]["claims"][0]
    assert claim["passed"] is (services.parse(release)["comparison"]["overall"]["verdict"] == "kept")


def test_lists_and_absent_releases_answer_as_the_api_does(tmp_path: Path, client: Client) -> None:
    release = published(tmp_path)
    body = client.get("/api/v1/releases/").json()
    assert [row["id"] for row in body["results"]] == [str(release.pk)]
    missing = client.get("/api/v1/releases/00000000-0000-7000-8000-000000000000/")
    assert missing.status_code == 404
    assert missing.json()["code"] == "release_not_found"
    assert client.get("/api/v1/releases/?sort=1").status_code == 400


def test_differences_between_two_documents_are_named() -> None:
    before = {"comparison": {"tasks": [{"task": "a", "n": 3, "value": 0.5}], "overall": {"value": 0.5}}}
    after = {
        "comparison": {"tasks": [{"task": "a", "n": 3, "value": 0.6}], "overall": {"value": 0.5, "level": 1}}
    }
    assert documents.differences(before, after) == ["overall.level is new", "tasks.a.value: 0.5 became 0.6"]


def test_a_measurement_that_is_repeated_replaces_the_release_it_repeats(
    tmp_path: Path, client: Client
) -> None:
    first = published(tmp_path / "first")
    for run in Run.objects.all():
        assert queue.supersede(run_id=run.pk, acting_user=None, now=NOW, why="newer code")
    again = published(tmp_path / "again")
    assert again.replaces_id == first.pk
    assert again.reason.startswith("both models were measured again")
    assert client.get(f"/api/v1/releases/{first.pk}/").json()["replaced_by"] == str(again.pk)
    page = client.get("/releases/").content.decode()
    assert f"replaced by {again.sequence}" in page


def test_a_release_of_an_older_version_of_the_statistics_is_marked_as_stale(
    tmp_path: Path, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = published(tmp_path)
    assert client.get(f"/api/v1/releases/{release.pk}/").json()["stale"] == []
    monkeypatch.setattr("zoo.publishing.selectors.STATISTICS_VERSION", 99)
    assert client.get(f"/api/v1/releases/{release.pk}/").json()["stale"] == ["statistics_moved_on"]
    assert "version 99 is in use now" in client.get(f"/releases/{release.pk}/").content.decode()
    assert "stands, stale" in client.get("/releases/").content.decode()
