"""Every command of the documents is run against a live server, or its arguments are checked; every example holds."""

from __future__ import annotations

import json
import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import yaml
from pytest_django.live_server_helper import LiveServer

from evaluation.suites.schema import Suite
from tests.factories.catalog import NOW as LOADED
from tests.factories.database import committed
from tests.factories.runs import NOW, make_user
from tests.functional.docs import blocks
from tests.functional.docs.blocks import Command
from tests.integration.publishing.test_releases import published
from zoo.accounts.models import Scope
from zoo.accounts.services import create_token
from zoo.cli.main import main
from zoo.lineage import loading
from zoo.publishing import selectors, webhooks
from zoo.publishing.exports import harness
from zoo.runs.clock import database_now

ANSWERS = {"license-check": (0, 1, 2)}
"""Exit codes that are answers; of everything else 0."""


def test_every_command_is_known_and_its_arguments_are_right() -> None:
    wrong = [
        f"{command.where}: {found}\n    {command.text}"
        for command in blocks.commands()
        if (found := blocks.kind(command)) not in ("zoo", "curl", "checked")
    ]
    assert not wrong, "\n".join(wrong)


def test_a_wrong_option_and_a_command_that_is_gone_are_noticed() -> None:
    for text in ("zoo submit a/b --no-such-option", "zoo no-such-command", "make nothing", "frobnicate"):
        assert blocks.kind(Command("here", text)) not in ("zoo", "curl", "checked"), text


@pytest.fixture
def folder(
    transactional_db: None, live_server: LiveServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Path]:
    """A folder to run in, and a server with the shipped catalog, a release and a person with a token."""
    with committed():
        loading.load(now=LOADED)
        user = make_user("writer", Scope.OPERATE)
        release = published(tmp_path / "release")
        made = create_token(
            acting_user=user, name="docs", scope=Scope.OPERATE, now=database_now(), lifetime=None
        )
        hook = webhooks.subscribe(
            url="https://hooks.example.org/", events=["model.added"], acting_user=user, now=NOW
        )
        run = str(release.comparison.student_run_id)
        document = harness.results(selectors.measurement(run))
        (tmp_path / "results.json").write_text(json.dumps(document))
        plan = next(one for one in blocks.examples("yaml") if one.text.startswith("plan:"))
        (tmp_path / "plan.yaml").write_text(plan.text)
        for name, value in {
            "ZOO_URL": live_server.url,
            "ZOO_TOKEN": made.token,
            "RELEASE": str(release.pk),
            "RUN": run,
            "WEBHOOK": str(hook.webhook.pk),
        }.items():
            monkeypatch.setenv(name, value)
        monkeypatch.chdir(tmp_path)
        yield tmp_path


def filled(words: list[str], monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Variables replaced, and the address that a laptop has by the one of the test's server."""
    import os

    text = [re.sub(r"\$\{?([A-Z_]+)\}?", lambda found: os.environ.get(found[1], ""), word) for word in words]
    return [word.replace("http://127.0.0.1:8000", os.environ["ZOO_URL"]) for word in text]


def of_zoo(words: list[str]) -> str | None:
    """Runs ``zoo`` in this process; gives what is wrong."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["zoo", *words[1:]])
        with pytest.raises(SystemExit) as ended:
            main()
    code = int(ended.value.code or 0)
    return None if code in ANSWERS.get(words[1], (0,)) else f"exit code {code}"


def of_curl(words: list[str]) -> str | None:
    """Sends what curl would send; gives what is wrong."""
    method, headers, body, url = "GET", {}, None, ""
    rest = iter(words[1:])
    for word in rest:
        if word in ("-X", "--request"):
            method = next(rest)
        elif word in ("-H", "--header"):
            name, _, value = next(rest).partition(":")
            headers[name] = value.strip()
        elif word in ("-d", "--data"):
            body = next(rest)
        elif not word.startswith("-"):
            url = word
    answer = httpx.request(method, url, headers=headers, content=body, timeout=120)
    return None if answer.is_success else f"{answer.status_code}: {answer.text[:300]}"


@pytest.mark.timeout(600)
def test_what_can_be_run_here_runs(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    wrong: list[str] = []
    done: set[str] = set()
    for command in blocks.commands():
        kind = blocks.kind(command)
        words = filled(command.words, monkeypatch)
        if kind not in ("zoo", "curl") or "...'" in command.text or shlex.join(words) in done:
            continue
        if words[1:3] == ["import", "acme/student"]:
            continue  # From a mirror; tests/integration/lineage/test_importing.py imports models.
        done.add(shlex.join(words))
        found = of_zoo(words) if kind == "zoo" else of_curl(words)
        if found:
            wrong.append(f"{command.where}: {found}\n    {command.text}\n{capfd.readouterr().err[-600:]}")
    assert not wrong, "\n".join(wrong)
    assert len(done) >= 25, "the documents have lost their commands"
    assert list((folder / "dump").glob("*/releases.jsonl.gz"))
    assert (folder / "run.zip").is_file()

    for example in blocks.examples("python"):
        exec(compile(example.text, example.where, "exec"), {"__name__": "example"})


def test_the_suite_and_the_license_of_the_pages_for_newcomers_are_in_order() -> None:
    texts = [one.text for one in blocks.examples("yaml")]
    suite = next(text for text in texts if "capabilities:" in text)
    assert Suite.model_validate(yaml.safe_load(suite)).task("arc_easy").items == 1188
    from zoo.licensing.rules.schema import LicenseFile

    license_text = next(text for text in texts if "grants:" in text)
    document = yaml.safe_load(license_text.replace("<64 hex digits of the text as read>", "a" * 64))
    assert LicenseFile.model_validate(document).rules[0].id == "example-copy"


def test_every_setting_is_in_the_reference() -> None:
    page = (blocks.ROOT / "docs/reference/settings.md").read_text()
    read = (blocks.ROOT / "zoo/settings/env.py").read_text()
    names = set(re.findall(r'"([A-Z][A-Z_]+)"', read))
    assert {name for name in names if f"`{name}`" not in page} == set()


def test_every_link_between_documents_leads_somewhere() -> None:
    dead = []
    for path in blocks.DOCUMENTS:
        for target in re.findall(r"\]\((?!https?:|/|#)([^)#\s]+)", path.read_text("utf-8")):
            if not (path.parent / target).exists():
                dead.append(f"{path.relative_to(blocks.ROOT)}: {target}")
    assert dead == []


def test_the_command_line_s_reference_is_in_step() -> None:
    from zoo.cli.management.commands.cli_reference import PATH, reference

    assert PATH.read_text("utf-8") == reference(), "run `make fix`"
