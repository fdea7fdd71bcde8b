"""SPDX 3.0.1 as JSON-LD: the model as an AI package, its license, its ancestors and how it came from them.

Written by the model of the SPDX project's own bindings. The AI profile asks for five facts of an AI package; a document
says that it conforms only where all of them are known.
"""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime
from typing import Any

from spdx_python_model import v3_0_1 as spdx

from zoo.publishing.exports.subject import Parent, Subject

HUB = "https://huggingface.co"


def spdx3(subject: Subject, *, now: datetime) -> str:
    """The document as JSON-LD. ``now`` is the document's time."""
    base = subject.address.rstrip("/") + "#"
    author = spdx.Organization(_id=f"{base}publisher", name=subject.publisher or "unknown")
    info = spdx.CreationInfo(specVersion="3.0.1", created=now.astimezone(UTC).replace(microsecond=0))
    info.createdBy = [author]
    author.creationInfo = info
    package = _package(subject, f"{base}model", info, author)
    elements: list[Any] = [author, package, *_declared(subject, base, info, package)]
    for number, parent in enumerate(subject.parents):
        ancestor = _ancestor(parent, f"{base}ancestor-{number}", info)
        link = spdx.Relationship(_id=f"{base}relationship-{number}", creationInfo=info)
        link.from_, link.to = package, [ancestor]
        link.relationshipType = getattr(spdx.RelationshipType, _relationship(parent))
        link.comment = f"{parent.kind} ({', '.join(parent.methods) or 'method unknown'}; {parent.status})"
        elements += [ancestor, link]
    document = spdx.SpdxDocument(_id=f"{base}document", creationInfo=info, name=subject.id)
    document.profileConformance = _conformance(package, subject)
    document.rootElement = [package]
    objects = spdx.SHACLObjectSet([*elements, document])
    stream = io.BytesIO()
    spdx.JSONLDSerializer().write(objects, stream)
    return json.dumps(json.loads(stream.getvalue()), indent=2, ensure_ascii=False, sort_keys=True)


def _package(subject: Subject, identifier: str, info: Any, author: Any) -> Any:
    """The model itself, with what is known of it."""
    package = spdx.ai_AIPackage(_id=identifier, name=subject.id, creationInfo=info)
    package.software_primaryPurpose = spdx.software_SoftwarePurpose.model
    package.software_homePage = subject.address
    if subject.publisher:
        package.suppliedBy = author
    if subject.hub_id:
        package.software_downloadLocation = f"{HUB}/{subject.hub_id}"
    if subject.revision:
        package.software_packageVersion = subject.revision
    if len(subject.released) == len("2026-11-24"):
        package.releaseTime = datetime.fromisoformat(subject.released).replace(tzinfo=UTC)
    if subject.architecture:
        package.ai_typeOfModel = [subject.architecture]
    if subject.digest:
        digest = spdx.Hash(algorithm=spdx.HashAlgorithm.sha256, hashValue=subject.digest)
        package.verifiedUsing = [digest]
    package.ai_metric = [spdx.DictionaryEntry(key=key, value=value) for key, value in _metrics(subject)]
    return package


def _declared(subject: Subject, base: str, info: Any, package: Any) -> list[Any]:
    """The license as published, as the document's own element."""
    if not subject.license_spdx:
        return []
    license_ = spdx.simplelicensing_LicenseExpression(_id=f"{base}license", creationInfo=info)
    license_.simplelicensing_licenseExpression = subject.license_spdx
    link = spdx.Relationship(_id=f"{base}declared-license", creationInfo=info)
    link.from_, link.to = package, [license_]
    link.relationshipType = spdx.RelationshipType.hasDeclaredLicense
    return [license_, link]


def _ancestor(parent: Parent, identifier: str, info: Any) -> Any:
    if parent.is_dataset:
        data = spdx.dataset_DatasetPackage(_id=identifier, name=parent.model, creationInfo=info)
        data.dataset_datasetType = [spdx.dataset_DatasetType.noAssertion]
        data.software_primaryPurpose = spdx.software_SoftwarePurpose.data
        return data
    # Not as AI packages: of an ancestor this document knows no more than the name.
    model = spdx.software_Package(_id=identifier, name=parent.model, creationInfo=info)
    model.software_primaryPurpose = spdx.software_SoftwarePurpose.model
    return model


def _relationship(parent: Parent) -> str:
    if parent.is_dataset:
        return "trainedOn"
    return "other" if parent.kind == "distilled_from" else "descendantOf"


def _conformance(package: Any, subject: Subject) -> list[Any]:
    """The profiles that the document keeps to."""
    kinds = spdx.ProfileIdentifierType
    asked = (
        package.suppliedBy,
        package.software_downloadLocation,
        package.software_packageVersion,
        package.software_primaryPurpose,
        package.releaseTime,
    )
    return [
        kinds.core,
        kinds.software,
        *([kinds.simpleLicensing] if subject.license_spdx else []),
        *([kinds.ai] if all(asked) else []),
    ]


def _metrics(subject: Subject) -> list[tuple[str, str]]:
    return [
        (
            f"{task['task']}: retention of {release['comparison']['teacher']['model']}",
            str(task["retention"]["value"]),
        )
        for release in subject.releases
        for task in release["comparison"]["tasks"]
        if "value" in (task.get("retention") or {})
    ]
