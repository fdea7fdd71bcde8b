"""The artifact store keeps its promises in a folder, behind a file address, and on a server that speaks S3."""

from __future__ import annotations

import hashlib
import io
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import boto3
import fsspec
import httpx
import pytest
from pytest_django import Settings

from tests.factories.runs import finish, make_run
from tests.factories.stack import wait_until
from zoo.cli.broker import free_port
from zoo.core import storage
from zoo.runs.lifecycle import State

CONTENT = b"samples " * 200_000
DIGEST = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server that speaks S3, with a bucket."""
    port = free_port()
    log = (tmp_path_factory.mktemp("s3") / "log").open("wb")
    command = [sys.executable, "-W", "ignore", "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    server = subprocess.Popen(command, stdout=log, stderr=log)
    address = f"http://127.0.0.1:{port}"
    try:
        wait_until(lambda: _answers(address), seconds=60)
        secret = {"aws_access_key_id": "key", "aws_secret_access_key": "secret", "region_name": "us-east-1"}
        boto3.client("s3", endpoint_url=address, **secret).create_bucket(Bucket="zoo")
        yield address
    finally:
        server.terminate()
        server.wait(timeout=20)
        log.close()


def _answers(address: str) -> bool:
    try:
        return httpx.get(f"{address}/moto-api/", timeout=2).is_success
    except httpx.HTTPError:
        return False


@pytest.fixture(params=["folder", "file address", "s3"])
def store(
    request: pytest.FixtureRequest, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> str:
    """A store by what ZOO_ARTIFACTS says; for S3 the rest is in the environment, as for any of its clients."""
    if request.param == "s3":
        monkeypatch.setenv("AWS_ENDPOINT_URL", request.getfixturevalue("s3"))
        # fsspec keeps clients by their arguments, and not by the address that the environment gives.
        fsspec.get_filesystem_class("s3").clear_instance_cache()
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        settings.ZOO_ARTIFACTS = "s3://zoo/artifacts"
    elif request.param == "folder":
        settings.ZOO_ARTIFACTS = str(tmp_path / "artifacts")
    else:
        settings.ZOO_ARTIFACTS = f"file://{tmp_path}/elsewhere"
    return str(request.param)


def test_what_is_put_comes_back_and_putting_it_again_is_harmless(store: str) -> None:
    assert not storage.exists(DIGEST)
    for _ in range(2):
        assert storage.put(io.BytesIO(CONTENT), sha256=DIGEST, max_bytes=len(CONTENT)) == len(CONTENT)
        assert storage.exists(DIGEST)
        with storage.open_artifact(DIGEST) as file:
            assert file.read() == CONTENT


def test_another_content_or_too_much_of_it_leaves_nothing_behind(store: str) -> None:
    other = hashlib.sha256(b"announced").hexdigest()
    with pytest.raises(storage.WrongDigest):
        storage.put(io.BytesIO(b"something else"), sha256=other, max_bytes=1 << 20)
    with pytest.raises(storage.WrongDigest):
        storage.put(io.BytesIO(b"announced"), sha256=other, max_bytes=3)
    assert not storage.exists(other)
    with pytest.raises(FileNotFoundError):
        storage.open_artifact(other)


def test_what_is_missing_is_a_file_not_found(store: str) -> None:
    with pytest.raises(FileNotFoundError):
        storage.open_artifact("0" * 64)


@pytest.mark.django_db
@pytest.mark.parametrize("store", ["s3"], indirect=True)
def test_a_run_is_recorded_with_its_samples_on_s3(store: str, tmp_path: Path) -> None:
    run = finish(make_run(), tmp_path)
    assert run.state == State.SUCCEEDED
    kept = run.artifacts.get(kind="samples")
    with storage.open_artifact(kept.sha256) as file:
        assert hashlib.sha256(file.read()).hexdigest() == kept.sha256
