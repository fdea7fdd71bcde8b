"""The reviewed data files: what ships is right, and what is wrong is noticed."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path

import pytest
import yaml

from zoo.catalog.data import BadData, curated, problems, read, schema
from zoo.catalog.data.read import FOLDER
from zoo.catalog.models import Status
from zoo.lineage.models import EdgeKind, Method

ARTICLE_TABLE = {
    "deepseek-ai/DeepSeek-R1-Distill-Llama-70B": ("DeepSeek R1", "70B", "Chain-of-thought", "MIT"),
    "deepseek-ai/DeepSeek-R1-Distill-Qwen-7B": ("DeepSeek R1", "7B", "Chain-of-thought", "MIT"),
    "microsoft/phi-4": ("GPT-4 synthetic data", "14B", "Response distillation", "MIT"),
    "distilbert/distilbert-base-uncased": ("BERT-base", "66M", "Feature + logit", "Apache 2.0"),
    "meta-llama/Llama-3.1-8B": ("Llama 3.1-70B (partially)", "8B", "Mixed", "Meta license"),
}
NAMED_IN_THE_ARTICLE = (
    "distilbert",
    "deepseek-r1",
    "r1-distill-qwen-1.5b",
    "r1-distill-qwen-7b",
    "r1-distill-llama-8b",
    "r1-distill-qwen-14b",
    "r1-distill-qwen-32b",
    "r1-distill-llama-70b",
    "phi-1",
    "phi-1.5",
    "phi-2",
    "phi-3-mini",
    "phi-4",
    "llama-3.1-8b",
    "llama-3.1-70b",
    "alpaca-7b",
    "self-instruct",
    "gpt3mix",
    "deepseek-v4-pro",
    "qwen-3.7-max",
    "claude-fable-5",
    "gpt-3.5",
    "gpt-4",
)

WITHOUT_PUBLISHED_SCORES = {"self-instruct", "gpt3mix", "deepseek-v4-pro", "qwen-3.7-max", "claude-fable-5"}
"""Data sets, and systems of which no score with a source was found."""


def _by_name() -> dict[str, schema.Entry]:
    return {name.lower(): entry for entry in curated().entries for name in (entry.id, *entry.aliases)}


def test_the_data_that_ships_has_no_problem() -> None:
    assert problems() == []


def test_every_system_of_the_article_is_there_with_evidence() -> None:
    entries = _by_name()
    for name in NAMED_IN_THE_ARTICLE:
        assert entries[name].evidence, name
        assert entries[name].license or entries[name].kind == "dataset", name
        assert entries[name].lineage or entries[name].notes, name
    scored = {score.name.id for score in curated().scores}
    assert {
        name for name in NAMED_IN_THE_ARTICLE if entries[name].id not in scored
    } == WITHOUT_PUBLISHED_SCORES


def test_a_model_without_lineage_says_so_in_its_notes() -> None:
    silent = [e.id for e in curated().entries if e.kind == "model" and not (e.lineage or e.notes)]
    assert silent == []


def test_the_table_of_the_article_stands_as_claims_beside_findings() -> None:
    entries = _by_name()
    for name, (base, parameters, method, license_) in ARTICLE_TABLE.items():
        claims = {claim.topic: claim for claim in entries[name.lower()].claims}
        said = [claims[topic].says for topic in ("base", "parameters", "distillation", "license")]
        assert said == [base, parameters, method, license_]
        assert all(claims[topic].finding for topic in ("base", "parameters", "distillation", "license"))


def test_r1_distill_llama_70b_has_a_teacher_and_other_weights() -> None:
    edges = {(edge.kind, edge.parent) for edge in _by_name()["r1-distill-llama-70b"].lineage}
    assert ("distilled_from", "deepseek-ai/DeepSeek-R1") in edges
    assert ("finetuned_from", "meta-llama/Llama-3.3-70B-Instruct") in edges


def test_a_contradicted_claim_is_a_disputed_edge_and_an_allegation_is_none() -> None:
    entries = _by_name()
    (edge,) = entries["llama-3.1-8b"].lineage
    assert (edge.parent, edge.status) == ("meta-llama/Llama-3.1-70B", "disputed")
    assert entries["qwen-3.7-max"].lineage == ()
    assert {part.id for row in curated().disputes for part in row.entries} >= {
        "Qwen/Qwen3.7-Max",
        "anthropic/claude",
    }


def test_what_is_recalled_is_never_documented() -> None:
    for entry in curated().entries:
        for edge in entry.lineage:
            assert edge.seen or edge.status != "documented", (entry.id, edge.parent)


def test_every_score_is_attached_or_says_why_not() -> None:
    scores = curated().scores
    assert len(scores) == 2885
    assert Counter(bool(score.name.id) for score in scores) == {True: 2516, False: 369}
    assert all(score.name.unattached for score in scores if score.name.id is None)
    assert Counter(score.row.via for score in scores) == {
        "primary-copy": 1493,
        "primary": 1171,
        "secondary": 204,
        "recalled": 17,
    }


def test_the_timeline_runs_from_2006_to_2026_with_a_source_each() -> None:
    events = sorted(curated().timeline, key=lambda event: event.when)
    assert (events[0].when[:4], events[-1].when[:4]) == ("2006", "2026")
    assert all(event.source for event in events)


def test_the_glossary_explains_the_types_and_the_words_that_the_article_uses() -> None:
    assert {
        "response-distillation",
        "logit-distillation",
        "feature-distillation",
        "chain-of-thought-distillation",
        "temperature",
        "dark-knowledge",
        "speculative-decoding",
    } <= {term.slug for term in curated().glossary}


def test_files_and_tables_speak_the_same_words() -> None:
    assert set(schema.EdgeKind.__args__) == set(EdgeKind.values)
    assert set(schema.Method.__args__) == set(Method.values)
    assert set(schema.Status.__args__) == set(Status.values)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    shutil.copytree(FOLDER, folder, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    return folder


def _entries(folder: Path, name: str) -> list[dict[str, object]]:
    found: list[dict[str, object]] = yaml.safe_load((folder / "entries" / name).read_text())["entries"]
    return found


def _write(folder: Path, name: str, entries: list[dict[str, object]]) -> None:
    (folder / "entries" / name).write_text(yaml.safe_dump({"entries": entries}))


def _found(folder: Path) -> str:
    with pytest.raises(BadData) as caught:
        read(folder)
    listed = caught.value.data["problems"]
    assert isinstance(listed, list)
    return "\n".join(listed)


def test_an_unknown_key_is_noticed(copy: Path) -> None:
    entries = _entries(copy, "gpt2.yaml")
    entries[0]["colour"] = "red"
    _write(copy, "gpt2.yaml", entries)
    assert "gpt2.yaml: entries.0.colour" in _found(copy)


def test_an_edge_to_nothing_is_noticed(copy: Path) -> None:
    entries = _entries(copy, "gpt2.yaml")
    entries[0]["lineage"] = [
        {"kind": "finetuned_from", "parent": "no/where", "status": "claimed", "seen": False}
    ]
    _write(copy, "gpt2.yaml", entries)
    assert "there is no entry no/where" in _found(copy)


def test_a_circle_is_noticed_with_its_way(copy: Path) -> None:
    entries = _entries(copy, "gpt2.yaml")
    for one, other in ((0, 1), (1, 0)):
        parent = entries[other]["id"]
        entries[one]["lineage"] = [
            {"kind": "finetuned_from", "parent": parent, "status": "claimed", "seen": False}
        ]
    _write(copy, "gpt2.yaml", entries)
    assert "lineage runs in a circle" in _found(copy)


def test_a_name_given_twice_is_noticed(copy: Path) -> None:
    entries = _entries(copy, "gpt2.yaml")
    entries[0]["aliases"] = ["distilbert"]
    _write(copy, "gpt2.yaml", entries)
    assert "the name distilbert is given twice" in _found(copy)


def test_a_recalled_edge_cannot_be_called_documented(copy: Path) -> None:
    entries = _entries(copy, "gpt2.yaml")
    entries[0]["lineage"] = [
        {"kind": "finetuned_from", "parent": entries[1]["id"], "status": "documented", "seen": False}
    ]
    _write(copy, "gpt2.yaml", entries)
    assert "recalled is not documented" in _found(copy)


def test_a_score_of_an_unexplained_name_is_noticed(copy: Path) -> None:
    path = copy / "scores" / "names.yaml"
    names = yaml.safe_load(path.read_text())["names"]
    del names["DistilBERT"]
    path.write_text(yaml.safe_dump({"names": names}))
    assert "names.yaml does not say what 'DistilBERT' is" in _found(copy)


def test_a_score_that_is_no_number_is_noticed(copy: Path) -> None:
    path = copy / "scores" / "gpt2.csv"
    lines = path.read_text().splitlines()
    lines.append('"GPT-2 (124M)",x,y,z,inf,percent,false,a,https://example.org,primary,')
    path.write_text("\n".join(lines) + "\n")
    assert f"gpt2.csv:{len(lines)}" in _found(copy)


def test_a_missing_file_is_noticed(copy: Path) -> None:
    (copy / "glossary.yaml").unlink()
    assert "glossary.yaml: the file is missing" in _found(copy)
