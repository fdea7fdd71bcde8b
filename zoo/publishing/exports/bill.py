"""A bill of materials for a model in CycloneDX 1.6: component, licenses, ancestors, and the model card block.

The library writes the document; it has no class for the model card, so that block is added to its JSON.
"""

from __future__ import annotations

import json
from typing import Any

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import ExternalReference, ExternalReferenceType, HashAlgorithm, HashType, XsUri
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType, Pedigree
from cyclonedx.output.json import JsonV1Dot6

from zoo.publishing.exports.subject import Subject, sentence


def cyclonedx(subject: Subject) -> str:
    """The document as JSON. Without a time stamp or serial number: the same facts give the same bytes."""
    names = dict.fromkeys(parent.model for parent in subject.parents if not parent.is_dataset)
    ancestors = [
        Component(type=ComponentType.MACHINE_LEARNING_MODEL, name=name, bom_ref=name) for name in names
    ]
    component = Component(
        type=ComponentType.MACHINE_LEARNING_MODEL,
        name=subject.id,
        version=subject.revision or None,
        bom_ref=subject.id,
        licenses=[LicenseFactory().make_from_string(subject.license_spdx)] if subject.license_spdx else [],
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=subject.digest)] if subject.digest else [],
        pedigree=Pedigree(ancestors=ancestors) if ancestors else None,
        external_references=[
            ExternalReference(type=ExternalReferenceType.WEBSITE, url=XsUri(subject.address))
        ],
    )
    bom = Bom()
    bom.metadata.component = component
    document: dict[str, Any] = json.loads(JsonV1Dot6(bom).output_as_string())
    document.pop("serialNumber", None)
    document["metadata"].pop("timestamp", None)
    document["metadata"]["component"]["modelCard"] = _model_card(subject)
    return json.dumps(document, indent=2, ensure_ascii=False, sort_keys=True)


def _model_card(subject: Subject) -> dict[str, Any]:
    parameters: dict[str, Any] = {"task": subject.task} if subject.task else {}
    if subject.architecture:
        parameters["architectureFamily"] = subject.architecture
    if subject.datasets:
        parameters["datasets"] = [{"type": "dataset", "name": name} for name in subject.datasets]
    card: dict[str, Any] = {"modelParameters": parameters} if parameters else {}
    metrics = [metric for release in subject.releases for metric in _metrics(release)]
    if metrics:
        card["quantitativeAnalysis"] = {"performanceMetrics": metrics}
        card["considerations"] = {"technicalLimitations": [sentence(release) for release in subject.releases]}
    return card


def _metrics(release: dict[str, Any]) -> list[dict[str, Any]]:
    found = []
    for task in release["comparison"]["tasks"]:
        retention = task.get("retention") or {}
        if "value" not in retention:
            continue
        found.append(
            {
                "type": f"retention of {release['comparison']['teacher']['model']} ({task['metric']})",
                "slice": task["task"],
                "value": str(retention["value"]),
                "confidenceInterval": {
                    "lowerBound": str(retention["ci_low"]),
                    "upperBound": str(retention["ci_high"]),
                },
            }
        )
    return found
