"""Each export is read back by the library or checked against the schema of its format."""

from __future__ import annotations

import io
import json
import re
from datetime import UTC, datetime
from typing import Any

import pytest
import yaml

from zoo.publishing.exports import bill, hub, linked, spdx, terms
from zoo.publishing.exports.formats import FORMATS, UnknownFormat, format_named
from zoo.publishing.exports.subject import Parent, Subject

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def task(name: str, value: float, retention: dict[str, Any]) -> dict[str, Any]:
    student = {"value": value, "stderr": 0.01}
    return {"task": name, "metric": "acc", "n": 100, "student": student, "retention": retention}


RELEASE: dict[str, Any] = {
    "release": "0190",
    "instance": "https://zoo.example",
    "published_at": "2026-11-24T12:00:00Z",
    "comparison": {
        "suite": {"name": "demo", "version": "1"},
        "teacher": {"model": "acme/large"},
        "engine": {"harness_version": "0.4.13"},
        "tasks": [
            task("cloze", 0.62, {"value": 0.93, "ci_low": 0.9, "ci_high": 0.96}),
            task("grammar", 0.51, {"undefined": "teacher_at_chance"}),
        ],
        "overall": {"retention": {"value": 0.93, "ci_low": 0.9, "ci_high": 0.96}, "verdict": "undecided"},
    },
}


def subject(**overrides: Any) -> Subject:
    facts: dict[str, Any] = {
        "id": "acme/small",
        "title": "Acme Small",
        "publisher": "Acme",
        "license": "Apache-2.0",
        "license_spdx": "Apache-2.0",
        "license_tag": "apache-2.0",
        "license_url": "",
        "hub_id": "acme/small",
        "parameters": 1_000_000,
        "architecture": "decoder",
        "modality": "text",
        "released": "2026-11-02",
        "paper": "",
        "notes": "",
        "revision": "a" * 40,
        "digest": "b" * 64,
        "parents": (
            Parent("acme/large", "distilled_from", ("logit",), "documented", False),
            Parent("acme/base", "initialized_from", (), "documented", False),
            Parent("acme/rumored", "distilled_from", ("response",), "disputed", False),
            Parent("acme/books", "trained_on", (), "documented", True),
        ),
        "releases": (RELEASE,),
        "address": "https://zoo.example/models/acme/small/",
    }
    return Subject(**{**facts, **overrides})


def test_the_hub_s_library_reads_the_card_back() -> None:
    from huggingface_hub import ModelCard

    card = ModelCard(hub.card(subject()))
    data = card.data.to_dict()
    assert data["license"] == "apache-2.0"
    assert data["base_model"] == ["acme/base"], "teachers are no base models"
    assert data["datasets"] == ["acme/books"]
    taught = data["distillation"]
    assert taught == {"teacher": "acme/large", "method": ["logit"], "evidence": "documented"}
    assert data["pipeline_tag"] == "text-generation"
    assert [result.metric_value for result in card.data.eval_results or []] == [0.62, 0.51]
    assert "keeps 93.0% [90.0%, 96.0%] of acme/large" in card.text


def test_the_card_of_a_model_without_lineage_or_results_says_so() -> None:
    from huggingface_hub import ModelCard

    nothing = subject(parents=(), releases=(), license="", license_spdx="", license_tag="")
    card = ModelCard(hub.card(nothing))
    assert card.data.license is None
    assert "Not measured here yet." in card.text
    assert "distillation" not in card.data.to_dict()


def test_the_hub_s_library_reads_model_index_and_eval_results_back() -> None:
    from huggingface_hub import parse_eval_result_entries
    from huggingface_hub.repocard_data import model_index_to_eval_results

    index = yaml.safe_load(hub.model_index(subject()))["model-index"]
    name, results = model_index_to_eval_results(index)
    assert name == "Acme Small"
    assert {result.dataset_name for result in results} == {"cloze", "grammar"}
    entries = parse_eval_result_entries(yaml.safe_load(hub.eval_results(subject())))
    assert [(entry.task_id, entry.value) for entry in entries] == [("cloze", 0.62), ("grammar", 0.51)]
    assert all("lm-evaluation-harness 0.4.13" in (entry.notes or "") for entry in entries)
    assert yaml.safe_load(hub.model_index(subject(releases=()))) == {"model-index": []}


@pytest.mark.parametrize(
    "given",
    [
        subject(),
        subject(
            parents=(), releases=(), license="", license_spdx="", digest="", revision="", architecture=""
        ),
        subject(license="gemma-terms", license_spdx="LicenseRef-scancode-gemma-tou-2025-03-24"),
        subject(license_spdx="MIT AND (Apache-2.0 OR LicenseRef-zoo-x)"),
    ],
)
def test_the_bill_of_materials_is_valid_cyclonedx(given: Subject) -> None:
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    text = bill.cyclonedx(given)
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    component = json.loads(text)["metadata"]["component"]
    assert component["type"] == "machine-learning-model"
    assert given.license_spdx in json.dumps(component.get("licenses", ""))
    task = component["modelCard"].get("modelParameters", {}).get("task")
    assert task == (given.task or None)
    assert text == bill.cyclonedx(given), "the same facts give the same bytes"


def test_the_bill_names_ancestors_and_only_defined_retention() -> None:
    component = json.loads(bill.cyclonedx(subject()))["metadata"]["component"]
    assert {a["name"] for a in component["pedigree"]["ancestors"]} == {
        "acme/large",
        "acme/base",
        "acme/rumored",
    }
    metrics = component["modelCard"]["quantitativeAnalysis"]["performanceMetrics"]
    assert [metric["slice"] for metric in metrics] == ["cloze"]


def test_the_spdx_document_is_read_back_by_the_project_s_bindings() -> None:
    from spdx_python_model import v3_0_1

    found = v3_0_1.SHACLObjectSet()
    v3_0_1.JSONLDDeserializer().read(io.BytesIO(spdx.spdx3(subject(), now=NOW).encode()), found)
    (package,) = found.foreach_type(v3_0_1.ai_AIPackage)
    assert (package.name, package.software_packageVersion) == ("acme/small", "a" * 40)
    assert [data.name for data in found.foreach_type(v3_0_1.dataset_DatasetPackage)] == ["acme/books"]
    links = {
        (link.relationshipType.rpartition("/")[2], getattr(to, "name", None)): link.comment
        for link in found.foreach_type(v3_0_1.Relationship)
        for to in link.to
    }
    assert set(links) == {
        ("hasDeclaredLicense", None),
        ("other", "acme/large"),
        ("descendantOf", "acme/base"),
        ("other", "acme/rumored"),
        ("trainedOn", "acme/books"),
    }
    assert "disputed" in links["other", "acme/rumored"]
    (license_,) = found.foreach_type(v3_0_1.simplelicensing_LicenseExpression)
    assert license_.simplelicensing_licenseExpression == "Apache-2.0"


ASKED_BY_THE_AI_PROFILE = {"hub_id": "", "revision": "", "released": "2026-11", "publisher": ""}
"""What the AI profile of SPDX 3.0.1 asks of each AI package beside a purpose, and when it is not known."""


@pytest.mark.parametrize("missing", [None, *ASKED_BY_THE_AI_PROFILE])
def test_a_document_conforms_to_the_ai_profile_only_with_all_that_it_asks_for(missing: str | None) -> None:
    given = subject(**({missing: ASKED_BY_THE_AI_PROFILE[missing]} if missing else {}))
    document = json.loads(spdx.spdx3(given, now=NOW))
    (about,) = [one for one in document["@graph"] if one["type"] == "SpdxDocument"]
    assert ("ai" in about["profileConformance"]) == (missing is None)
    (package,) = [one for one in document["@graph"] if one["type"] == "ai_AIPackage"]
    asked = {"suppliedBy", "software_downloadLocation", "software_packageVersion", "releaseTime"}
    assert (asked <= set(package)) == (missing is None)
    assert package["software_primaryPurpose"] == "model"


def test_linked_data_names_license_ancestors_and_what_was_kept() -> None:
    document = json.loads(linked.json_ld(subject()))
    assert document["@context"] == "https://schema.org"
    assert "acme/large" in document["isBasedOn"]
    assert "93.0%" in document["description"]


def test_every_format_can_be_made_and_an_unknown_one_names_those_that_there_are() -> None:
    for entry in FORMATS.values():
        assert entry.make(subject(), NOW)
    with pytest.raises(UnknownFormat) as caught:
        format_named("pdf")
    assert "cyclonedx" in caught.value.remedy


def test_our_own_importer_reads_the_card_back() -> None:
    from evaluation.formats.card import read_card
    from zoo.catalog.imports.cards import read_facts

    facts = read_facts(read_card(hub.card(subject()).encode()))
    assert facts.license == "Apache-2.0"
    taught = [claimed for claimed in facts.parents if claimed.kind == "distilled_from"]
    assert [(claimed.parent, claimed.methods) for claimed in taught] == [("acme/large", ("logit",))]
    assert facts.datasets == ("acme/books",)
    two = subject(
        parents=(*subject().parents, Parent("acme/second", "distilled_from", (), "documented", False))
    )
    facts = read_facts(read_card(hub.card(two).encode()))
    assert {claimed.parent for claimed in facts.parents if claimed.kind == "distilled_from"} == {
        "acme/large",
        "acme/second",
    }


@pytest.mark.parametrize(
    ("statement", "spdx_id", "tag"),
    [
        ("Apache-2.0", "Apache-2.0", "apache-2.0"),
        ("gemma-terms", "LicenseRef-scancode-gemma-tou-2025-03-24", "gemma"),
        ("llama-3.1-community", "LicenseRef-scancode-llama-3.1-license-2024", "llama3.1"),
        ("openai-services-agreement", "LicenseRef-zoo-openai-services-agreement", ""),
        ("MIT OR (Apache-2.0 AND gemma-terms)", None, ""),
        ("acme house rules", "LicenseRef-zoo-acme-house-rules", ""),
        ("EUPL-1.2", "EUPL-1.2", None),
        ("", "", ""),
    ],
)
def test_licenses_are_told_in_the_words_of_each_format(
    statement: str, spdx_id: str | None, tag: str | None
) -> None:
    from license_expression import get_spdx_licensing

    found = terms.spdx_expression(statement)
    assert spdx_id is None or found == spdx_id
    assert tag is None or terms.hub_tag(statement) == tag
    named = re.sub(r"LicenseRef-[A-Za-z0-9.-]+", "MIT", found)
    assert get_spdx_licensing().validate(named).errors == [] if named else True


def test_a_license_that_the_hub_has_no_tag_for_is_other_with_its_name() -> None:
    from huggingface_hub import ModelCard

    data = ModelCard(hub.card(subject(license="openai-services-agreement", license_tag=""))).data.to_dict()
    assert (data["license"], data["license_name"]) == ("other", "openai-services-agreement")


@pytest.mark.parametrize(
    ("architecture", "modality", "task"),
    [
        ("decoder", "text", "text-generation"),
        ("encoder", "", "fill-mask"),
        ("encoder-decoder", "text", "text2text-generation"),
        ("encoder-decoder", "speech", ""),
        ("", "text", ""),
    ],
)
def test_the_task_follows_the_architecture(architecture: str, modality: str, task: str) -> None:
    assert subject(architecture=architecture, modality=modality).task == task
