"""``zoo license-check``: exit codes, JSON alone on stdout, question files, and slips."""

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from zoo.cli.license_check import license_check
from zoo.licensing.library import rule_book

pytestmark = pytest.mark.django_db


def run(*arguments: str) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of the command over the data that ships (the test database is empty)."""
    app = typer.Typer()
    app.command()(license_check)
    done = CliRunner().invoke(app, list(arguments))
    return done.exit_code, done.stdout, done.stderr


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["r1-distill-qwen-7b", "--action", "run", "--commercial"], 0),
        (["r1-distill-llama-70b", "--action", "redistribute"], 0),
        (["alpaca-7b", "--action", "host", "--commercial"], 1),
        (["r1-distill-llama-70b", "--action", "host", "--mau-on", "2024-12-06=800_000_000"], 1),
        (["llama-4-maverick", "--action", "host", "--commercial", "--region", "DE"], 1),
        (["phi-4", "--action", "host", "--commercial", "--revision-date", "2024-12-20"], 1),
        (["tinybert-general-4l-312d", "--action", "host"], 2),
        (["nobody/knows", "--action", "run"], 2),
        (["zephyr-7b-beta", "--action", "host", "--commercial", "--profile", "strict"], 2),
        (["zephyr-7b-beta", "--action", "host", "--commercial"], 0),
    ],
)
def test_the_exit_code_is_the_answer(arguments: list[str], code: int) -> None:
    assert run(*arguments)[0] == code


def test_json_stands_alone_on_stdout() -> None:
    code, out, _ = run("r1-distill-llama-70b", "--action", "redistribute", "--json")
    body = json.loads(out)
    assert (code, body["verdict"], body["use"]["action"]) == (0, "conditions", "redistribute")


def test_people_get_reasons_duties_and_the_disclaimer() -> None:
    _, out, _ = run("r1-distill-llama-70b", "--action", "publish_quantized", "--name", "R1-Q4")
    assert "NOT MET" in out
    for part in (
        'Begin the name with "Llama". Begin the name of a model',
        "rule l33-name@llama-3.3-70b-instruct · Llama 3.3 Community License Agreement, 1.b.i",
        "path r1-distill-llama-70b <-finetuned_from- llama-3.3-70b-instruct",
        "text https://github.com/meta-llama/llama-models/blob/main/models/llama3_3/LICENSE · dated 6 December 2024",
        "read by Distill Zoo maintainers on 2026-11-24; not reviewed by counsel · copy sha256:",
        f"Rules {rule_book().version}.",
        "not legal advice",
    ):
        assert part in out


def test_a_text_that_claims_students_is_cited_with_the_clause() -> None:
    _, out, _ = run("llama-3.1-swallow-8b-instruct", "--action", "host", "--commercial")
    assert "(a student is a derivative: 1.1(e)(iii))" in out
    assert "<-distilled_from- gemma-2-27b-it" in out


@pytest.mark.parametrize("suffix", ["yaml", "json"])
def test_a_question_comes_from_a_file(tmp_path: Path, suffix: str) -> None:
    student = {"family": "own", "is_llm": True, "distributed": False}
    plan = {"plan": {"teachers": ["exaone-deep-32b"], "student": student, "commercial": False}}
    file = tmp_path / f"question.{suffix}"
    file.write_text(json.dumps(plan))
    code, out, _ = run("--question", str(file), "--json")
    assert (code, json.loads(out)["verdict"]) == (1, "prohibited")


def test_a_file_may_bring_its_own_lineage(tmp_path: Path) -> None:
    file = tmp_path / "question.yaml"
    file.write_text("use: {model: m, action: host}\nlineage: {nodes: [{id: m, declared: MIT}]}\n")
    assert run("--question", str(file))[0] == 0


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["model-without-action"],
        ["m", "--action", "sell"],
        ["m", "--action", "run", "--profile", "lenient"],
        ["m", "--action", "host", "--mau-on", "yesterday"],
        ["m", "--action", "host", "--mau-on", "yesterday=5"],
        ["m", "--action", "run", "--question", "q.yaml"],
        ["--question", "/nowhere/q.yaml"],
    ],
)
def test_a_slip_is_bad_usage(arguments: list[str]) -> None:
    code, out, _ = run(*arguments)
    assert code == 2  # Typer's own code; the zoo command turns it into 64
    assert out == ""


@pytest.mark.parametrize("text", ["[]", "use: [", "a: b", "{}"])
def test_a_file_without_a_question_is_bad_usage(tmp_path: Path, text: str) -> None:
    file = tmp_path / "question.yaml"
    file.write_text(text)
    assert run("--question", str(file))[0] == 2
