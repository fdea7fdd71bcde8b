"""The license files as a whole: complete, consistent, honest about what was read; and the schema's refusals."""

import datetime as dt
import subprocess
import sys
from typing import Any

import pytest
from pydantic import ValidationError

from zoo.licensing.library import (
    BadLicenseData,
    _check_together,
    _plain,
    choices_file,
    license_files,
    rule_book,
)
from zoo.licensing.rules.book import RuleBook
from zoo.licensing.rules.schema import LicenseFile, Rule

NAMED_TEXTS = [
    "Apache-2.0",
    "MIT",
    "BSD-3-Clause",
    "gpt2-modified-mit",
    "OpenMDW-1.0",
    "CC-BY-4.0",
    "CC-BY-SA-4.0",
    "CC-BY-NC-4.0",
    "bigscience-openrail-m",
    "bigcode-openrail-m",
    "llama-1-research",
    "llama-2-community",
    "llama-3-community",
    "llama-3.1-community",
    "llama-3.2-community",
    "llama-3.3-community",
    "llama-4-community",
    "gemma-terms",
    "deepseek-model-1.0",
    "qwen-license-2024",
    "tongyi-qianwen-2023",
    "qwen-research",
    "nvidia-open-model",
    "ms-research",
    "falcon-2-tii",
    "mnpl-0.1",
    "mrl-0.1",
    "exaone-1.1-nc",
    "moonshot-modified-mit",
    "stability-community",
    "openai-services-agreement",
    "anthropic-commercial",
    "google-gemini-api",
    "deepseek-platform-terms",
    "qwen-chat-terms",
    "xai-enterprise",
]


def rule(**changes: Any) -> dict[str, Any]:
    return {
        "id": "x-rule",
        "clause": "1",
        "acts": ["run"],
        "must": "use-policy",
        "says": "Keep to the policy.",
        **changes,
    }


def test_every_named_text_is_there() -> None:
    assert len(NAMED_TEXTS) == 36
    assert set(NAMED_TEXTS) <= set(rule_book().licenses)


def test_the_six_llama_texts_are_six() -> None:
    llama = [
        text
        for key, text in rule_book().licenses.items()
        if key.startswith("llama-") and key != "llama-1-research"
    ]
    assert len(llama) == 6
    assert len({text.text.digest for text in llama}) == 6
    assert len({text.file.notice for text in llama}) == 6


def test_only_llama_2_and_3_bar_improving_other_models() -> None:
    barring = {
        key
        for key, text in rule_book().licenses.items()
        if any(r.id.startswith("l") and r.id.endswith("-improve") for r in text.file.rules)
    }
    assert barring == {"llama-2-community", "llama-3-community"}


def test_a_text_that_counts_as_read_can_be_shown_again() -> None:
    for file in license_files():
        text = file.text
        assert text.source, file.key
        assert text.read_on <= dt.date(2100, 1, 1)
        if text.seen == "text":
            assert text.url and text.digest, file.key
            assert text.date or (text.undated and text.copied), file.key
        if text.seen == "recalled":
            assert text.digest is None


def test_nothing_claims_a_review_that_did_not_happen() -> None:
    assert {file.text.reviewed_by for file in license_files()} == {None}


def test_the_version_names_the_data_it_stands_for() -> None:
    files, choices = license_files(), choices_file()
    version = RuleBook.compile(files, choices).version
    assert version == rule_book().version
    changed = [*files[1:], files[0].model_copy(update={"notes": "another note"})]
    assert RuleBook.compile(changed, choices).version != version
    assert RuleBook.compile(list(reversed(files)), choices).version == version


@pytest.mark.parametrize(
    "changes",
    [
        {"deny": "x"},
        {"must": None},
        {"must": "be-nice"},
        {"must": None, "flag": "odd"},
        {"acts": []},
        {"acts": ["sell"]},
        {"acts": True},
        {"when": {"mau_on_date_over": 5}},
        {"when": {"weather": "fine"}},
        {"says": "short"},
        {"unknown": 1},
    ],
)
def test_a_crooked_rule_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Rule.model_validate(rule(**changes))


def test_an_allow_may_carry_a_duty_and_a_display_has_a_text() -> None:
    assert Rule.model_validate(rule(allow="by-exception")).must == "use-policy"
    assert Rule.model_validate(rule(must="display:Built with X")).must == "display:Built with X"


def copy(**changes: Any) -> dict[str, Any]:
    """A copy that can be shown again; a change to None takes a statement away."""
    full = {
        "seen": "text", "source": "a copy", "read_on": dt.date(2026, 1, 1), "url": "https://example.org/x",
        "date": "2024-06", "digest": "sha256:0123456789abcdef",
    }  # fmt: skip
    return {name: value for name, value in {**full, **changes}.items() if value is not None}


@pytest.mark.parametrize("missing", ["url", "date", "digest"])
def test_what_cannot_show_its_copy_is_second_hand_at_best(missing: str) -> None:
    with pytest.raises(ValidationError, match="counts as read"):
        LicenseFile.model_validate(license_file(text=copy(**{missing: None})))
    known = LicenseFile.model_validate(license_file(text=copy(**{missing: None}, seen="secondary")))
    assert known.text.seen == "secondary"


def test_a_text_without_a_date_says_why_and_when_it_was_copied() -> None:
    undated = copy(date=None, undated="The text states no date.", copied="2026-01")
    assert LicenseFile.model_validate(license_file(text=undated)).text.date is None
    with pytest.raises(ValidationError, match="when it was copied"):
        LicenseFile.model_validate(license_file(text={**undated, "copied": None}))


@pytest.mark.parametrize("date", ["2024-13", "24-01-01", "2024-01-32", "June 2024"])
def test_a_date_is_a_year_a_month_or_a_day(date: str) -> None:
    with pytest.raises(ValidationError):
        LicenseFile.model_validate(license_file(text=copy(date=date)))


def license_file(**changes: Any) -> dict[str, Any]:
    return {
        "key": "x-1.0", "name": "Text X", "family": "community", "text": copy(), "grants": "all", "grant_clause": "1",
        "rules": [rule()], **changes,
    }  # fmt: skip


@pytest.mark.parametrize(
    "changes",
    [
        {"rules": [rule(), rule()]},
        {"student_is_derivative": "yes"},
        {"outputs_of_derivatives": True},
        {"service": True},
        {"family": "service"},
        {"key": "x 1"},
        {"student_is_derivative": True},
    ],
)
def test_a_crooked_file_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        LicenseFile.model_validate(license_file(**changes))


def test_two_files_may_not_share_a_tag_or_a_rule() -> None:
    one = LicenseFile.model_validate(license_file(hub_tags=["x"]))
    other = LicenseFile.model_validate(license_file(key="y-1.0", hub_tags=["x"], rules=[]))
    with pytest.raises(BadLicenseData, match="hub tag"):
        _check_together([one, other])


def test_a_key_that_yaml_read_as_a_boolean_is_an_error() -> None:
    import yaml

    with pytest.raises(yaml.YAMLError, match="quote"):
        _plain(yaml.safe_load("on: [run]"))


def test_the_validator_runs_from_the_command_line() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "zoo.licensing.data"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, rule_book().version in done.stdout) == (0, True)


def test_the_rules_package_opens_no_file_and_knows_no_framework() -> None:
    code = (
        "import sys, zoo.licensing.rules.engine, zoo.licensing.rules.bulk;"
        "print(sorted({name.partition('.')[0] for name in sys.modules} & {'django', 'yaml', 'celery'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
