"""Names from strangers, and requests that must not reach a runner: rows 53, 54 and 58 to 60 of the bad-input table."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from evaluation.contract import ModelSource, Protocol, RunSpec
from evaluation.formats.errors import FormatError
from evaluation.formats.names import (
    check_file_name,
    check_model_id,
    check_revision,
    is_commit,
    parse_reference,
)

MODEL = ModelSource(name="org/x", revision="main")


@pytest.mark.parametrize(
    "text",
    [
        "../../x", "a/b/c", "http://169.254.169.254/", "file:///etc", "a@b", "x" * 300, "gооgle/bert", "org/",
        "/name", "org/..", "org/na..me", "org/x.git", "org/x\n", "org /x", "", ".hidden/x", "org/x\0",
    ],
)  # fmt: skip
def test_53_what_is_no_model_id_is_refused(text: str) -> None:
    with pytest.raises(FormatError) as caught:
        check_model_id(text)
    assert caught.value.code == "bad_model_id"


@pytest.mark.parametrize("text", ["org/name", "meta-llama/Llama-3.3-70B-Instruct", "a/b_c.d"])
def test_an_id_is_what_it_is(text: str) -> None:
    assert check_model_id(text) == text


@pytest.mark.parametrize("text", ["main; rm", "", "../main", "a//b", "main/", "x" * 101, "-x", "main\n", "é"])
def test_54_what_is_no_revision_is_refused(text: str) -> None:
    with pytest.raises(FormatError) as caught:
        check_revision(text)
    assert caught.value.code == "bad_revision"


def test_54_a_short_hash_is_a_name_to_be_resolved() -> None:
    assert check_revision("0123456") == "0123456"
    assert not is_commit("0123456")
    assert is_commit("0" * 40)
    assert not is_commit("0" * 40 + "\n")


def test_a_reference_may_name_a_revision() -> None:
    assert parse_reference("org/x@main") == ("org/x", "main")
    assert parse_reference("org/x") == ("org/x", None)
    with pytest.raises(FormatError):
        parse_reference("org/x@")


@pytest.mark.parametrize(
    "text", ["a/b", "..", ".x", "a..b", "nul", "LPT1.json", "a ", "x" * 201, "ä.json", "a."]
)
def test_a_file_name_is_plain(text: str) -> None:
    with pytest.raises(FormatError):
        check_file_name(text)


@pytest.mark.parametrize("task", ["../evil", "/etc/x", "!function x", "a b", "", "x" * 200, "a/b"])
def test_58_a_task_is_a_name(task: str) -> None:
    with pytest.raises(ValidationError):
        RunSpec(model=MODEL, tasks=(task,))


@pytest.mark.parametrize(
    "settings",
    [
        {"num_fewshot": -1}, {"num_fewshot": 10**9}, {"limit": 0}, {"limit": float("nan")}, {"limit": -1},
        {"batch_size": "auto:999"}, {"batch_size": 0}, {"batch_size": 10**9}, {"seed": -1}, {"dtype": "int4"},
        {"model_args": "pretrained=x,trust_remote_code=True"}, {"max_length": 1},
    ],
)  # fmt: skip
def test_59_and_60_settings_are_in_range_and_no_others_exist(settings: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Protocol.model_validate(settings)
