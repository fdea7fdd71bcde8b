"""Writes the examples of answers in the API's document: what a running server really answers, shortened.

    ZOO_URL=... ZOO_TOKEN=... python -m tests.contract.answers

The server is one on which ``make demo`` or the walk of docs/operations.md has measured the demonstration. Lists keep
their first row and long texts their beginning; nothing else is changed.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from zoo.client import Connection

PATH = Path(__file__).parents[2] / "zoo" / "api" / "answers.yaml"
STUDENT = "distill-zoo/tiny-llama-student"
KNOWN = "distilbert/distilbert-base-uncased"
"""A model of the shipped catalog with scores, lineage and a license."""
LETTERS = 240
HEAD = """# Examples of answers, by operation: what a server that had measured the demonstration answered, shortened.
# Made by `python -m tests.contract.answers`; the tests check each against the schema that it stands in.
"""


class Question(NamedTuple):
    """One request whose answer becomes an example."""

    operation: str
    path: str
    body: dict[str, Any] | None = None


def questions(api: Connection) -> Iterator[Question]:
    """What is asked, with the names that this server has."""
    release = api.get("releases/")["results"][0]
    comparison = release["comparison"].rstrip("/").rsplit("/", 1)[-1]
    submission = next(row for row in api.listed("submissions/") if row["comparison"])
    run = submission["student_run"].rstrip("/").rsplit("/", 1)[-1]
    asked = {"student": STUDENT, "suite": "demo"}
    use = {"model": KNOWN, "action": "redistribute", "commercial": True}
    yield from (
        Question("models_list", "models/?method=logit&ordering=parameters"),
        Question("models_read", f"models/{KNOWN}/"),
        Question("models_lineage", f"models/{KNOWN}/lineage/"),
        Question("models_scores", f"models/{KNOWN}/scores/"),
        Question("models_revisions", f"models/{STUDENT}/revisions/"),
        Question("models_facets", "models/facets/"),
        Question("licenses_read", "licenses/Apache-2.0/"),
        Question("license_checks_one", f"license-checks/?model={KNOWN}&action=redistribute&commercial=true"),
        Question("license_checks_many", "license-checks/", {"use": use}),
        Question("suites_list", "suites/"),
        Question("submissions_preflight", "submissions/preflight/", asked),
        Question("submissions_create", "submissions/", asked),
        Question("submissions_retrieve", f"submissions/{submission['id']}/"),
        Question("runs_list", "runs/"),
        Question("runs_retrieve", f"runs/{run}/"),
        Question("comparisons_list", "comparisons/"),
        Question("comparisons_retrieve", f"comparisons/{comparison}/"),
        Question("comparisons_samples", f"comparisons/{comparison}/samples/"),
        Question("leaderboard", "leaderboard/?suite=demo"),
        Question("releases_list", "releases/"),
        Question("releases_retrieve", f"releases/{release['id']}/"),
        Question("releases_key", "releases/key/"),
        Question("status_retrieve", "status/"),
    )


def shortened(value: Any) -> Any:
    """The value with the first row of each list and the beginning of long texts."""
    if isinstance(value, dict):
        return {name: shortened(one) for name, one in value.items()}
    if isinstance(value, list):
        return [shortened(one) for one in value[:1]]
    if isinstance(value, str) and len(value) > LETTERS and "://" not in value[:8]:
        return f"{value[:LETTERS]}..."
    return value


def main() -> None:
    """Asks the server of the environment and writes the file."""
    found = {}
    with Connection.of_environment() as api:
        for question in questions(api):
            if question.body is None:
                answer = api.get(question.path)
            else:
                answer = api.post(question.path, question.body, key=f"example {question.operation}")
            found[question.operation] = shortened(answer)
    PATH.write_text(HEAD + yaml.safe_dump(found, sort_keys=False, allow_unicode=True, width=120), "utf-8")


if __name__ == "__main__":
    main()
