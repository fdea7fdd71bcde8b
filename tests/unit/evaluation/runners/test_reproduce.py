"""The lm-eval command that repeats a run."""

import shlex

from evaluation.contract import Dtype, Engine, ModelSource, Protocol, RunSpec
from evaluation.runners.reproduce import lm_eval_command

SHA = "0123456789abcdef0123456789abcdef01234567"


def make_spec(protocol: Protocol | None = None, revision: str = SHA) -> RunSpec:
    return RunSpec(
        model=ModelSource(name="org/model", revision=revision, directory="/secret/place"),
        tasks=("arc_easy", "blimp"),
        protocol=protocol
        or Protocol(num_fewshot=5, limit=50, dtype=Dtype.BFLOAT16, apply_chat_template=True),
    )


def test_the_command_says_every_setting_and_no_path() -> None:
    command = lm_eval_command(make_spec(), Engine.HARNESS, ["arc_easy", "blimp"], {}, "cpu")
    assert command is not None
    words = shlex.split(command)
    arguments = dict(zip(words[2::2], words[3::2], strict=False))
    assert (
        arguments["--model_args"]
        == f"pretrained=org/model,dtype=bfloat16,revision={SHA},softmax_dtype=float32"
    )
    assert (arguments["--tasks"], arguments["--num_fewshot"], arguments["--limit"]) == (
        "arc_easy,blimp",
        "5",
        "50",
    )
    assert words[-1] == "--apply_chat_template"
    assert "/secret" not in command


def test_documents_that_were_chosen_are_named() -> None:
    command = lm_eval_command(
        make_spec(Protocol()), Engine.HARNESS, ["arc_easy"], {"arc_easy": (3, 8)}, "cpu"
    )
    assert command is not None
    assert '{"arc_easy":[3,8]}' in shlex.split(command)


def test_what_the_harness_cannot_do_has_no_command() -> None:
    assert lm_eval_command(make_spec(), Engine.MASKED, ["blimp"], {}, "cpu") is None
    assert lm_eval_command(make_spec(), Engine.HARNESS, None, {}, "cpu") is None
    assert lm_eval_command(make_spec(), Engine.HARNESS, ["blimp"], {"blimp": (1,)}, "cpu") is None
    many = {"arc_easy": range(3000)}
    assert lm_eval_command(make_spec(Protocol()), Engine.HARNESS, ["arc_easy"], many, "cpu") is None


def test_the_digest_of_a_directory_is_no_revision_of_the_hub() -> None:
    command = lm_eval_command(make_spec(revision="a" * 64), Engine.HARNESS, ["blimp"], {}, "cpu")
    assert command is not None
    assert "revision" not in command
