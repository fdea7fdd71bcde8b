"""Models, licenses and ancestors out of CycloneDX and SPDX; and what is no bill of materials."""

from typing import Any

import pytest

from zoo.licensing.sbom import BadBom, read

CYCLONEDX = {
    "bomFormat": "CycloneDX",
    "specVersion": "1.6",
    "components": [
        {
            "type": "machine-learning-model",
            "bom-ref": "m",
            "group": "acme",
            "name": "student",
            "licenses": [{"license": {"id": "MIT"}}],
            "pedigree": {
                "ancestors": [
                    {
                        "type": "machine-learning-model",
                        "name": "meta-llama/Llama-3.3-70B-Instruct",
                        "licenses": [{"license": {"name": "llama3.3"}}],
                    },
                    {
                        "type": "machine-learning-model",
                        "name": "big-teacher",
                        "properties": [{"name": "zoo:edge", "value": "distilled_from"}],
                    },
                ]
            },
            "modelCard": {"modelParameters": {"datasets": [{"ref": "d"}]}},
        },
        {"type": "data", "bom-ref": "d", "name": "answers", "licenses": [{"expression": "CC-BY-NC-4.0"}]},
        {"type": "library", "name": "left-pad", "licenses": [{"license": {"id": "GPL-3.0-only"}}]},
    ],
}
SPDX2 = {
    "spdxVersion": "SPDX-2.3",
    "packages": [
        {
            "SPDXID": "SPDXRef-m",
            "name": "acme/student",
            "licenseDeclared": "MIT",
            "licenseConcluded": "NOASSERTION",
        },
        {"SPDXID": "SPDXRef-b", "name": "base", "licenseDeclared": "Apache-2.0"},
        {"SPDXID": "SPDXRef-l", "name": "library", "primaryPackagePurpose": "LIBRARY"},
    ],
    "relationships": [
        {"spdxElementId": "SPDXRef-b", "relationshipType": "ANCESTOR_OF", "relatedSpdxElement": "SPDXRef-m"},
    ],
}
SPDX3 = {
    "@graph": [
        {"spdxId": "m", "type": "ai_AIPackage", "name": "acme/student"},
        {"spdxId": "t", "type": "ai_AIPackage", "name": "teacher"},
        {"spdxId": "d", "type": "dataset_DatasetPackage", "name": "answers"},
        {
            "spdxId": "l",
            "type": "simplelicensing_LicenseExpression",
            "simplelicensing_licenseExpression": "MIT",
        },
        {"type": "Relationship", "from": "m", "relationshipType": "hasConcludedLicense", "to": ["l"]},
        {
            "type": "Relationship",
            "from": "m",
            "relationshipType": "descendantOf",
            "to": ["t"],
            "comment": "distilled_from",
        },
        {"type": "Relationship", "from": "m", "relationshipType": "trainedOn", "to": ["d"]},
    ]
}


def test_cyclonedx_gives_models_licenses_ancestors_and_data() -> None:
    bom = read(CYCLONEDX)
    assert bom.models == ["acme/student"]
    assert bom.nodes["acme/student"]["declared"] == "MIT"
    assert bom.nodes["answers"] == {"id": "answers", "kind": "dataset", "declared": "CC-BY-NC-4.0"}
    assert set(bom.edges) == {
        ("acme/student", "finetuned_from", "meta-llama/Llama-3.3-70B-Instruct"),
        ("acme/student", "distilled_from", "big-teacher"),
        ("acme/student", "trained_on", "answers"),
    }
    assert "left-pad" not in bom.nodes


def test_a_package_url_of_the_hub_names_the_model() -> None:
    component = {"type": "machine-learning-model", "name": "x", "purl": "pkg:huggingface/org/name@abc?x=1"}
    assert read({"bomFormat": "CycloneDX", "components": [component]}).models == ["org/name"]


def test_spdx_2_gives_models_and_what_they_descend_from() -> None:
    bom = read(SPDX2)
    assert bom.models == ["acme/student"]
    assert bom.edges == [("acme/student", "finetuned_from", "base")]
    assert bom.nodes["acme/student"] == {"id": "acme/student", "kind": "model", "declared": "MIT"}


def test_spdx_3_gives_licenses_and_kinds_of_edges() -> None:
    bom = read(SPDX3)
    assert bom.models == ["acme/student"]
    assert bom.nodes["acme/student"]["concluded"] == "MIT"
    assert set(bom.edges) == {
        ("acme/student", "distilled_from", "teacher"),
        ("acme/student", "trained_on", "answers"),
    }
    assert bom.lineage().edges


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        {},
        {"bomFormat": "CycloneDX"},
        {"bomFormat": "CycloneDX", "components": [{"type": "library", "name": "x"}]},
        {"bomFormat": "CycloneDX", "components": [{"type": "machine-learning-model"}]},
        {"bomFormat": "CycloneDX", "components": "x"},
        {"spdxVersion": "SPDX-2.3", "packages": 5},
        {"@graph": {}},
    ],
)
def test_anything_else_is_refused(document: object) -> None:
    with pytest.raises(BadBom):
        read(document)


def test_ancestors_nested_without_end_are_refused() -> None:
    component: dict[str, Any] = {"type": "machine-learning-model", "name": "deepest"}
    for level in range(40):
        component = {
            "type": "machine-learning-model",
            "name": f"m{level}",
            "pedigree": {"ancestors": [component]},
        }
    with pytest.raises(BadBom, match="deeply"):
        read({"bomFormat": "CycloneDX", "components": [component]})
