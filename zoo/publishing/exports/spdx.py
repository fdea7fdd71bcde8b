"""SPDX 3.0.1 with the AI profile, as JSON-LD. Written by the model of the SPDX project's own bindings."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime
from typing import Any

from spdx_python_model import v3_0_1 as spdx

from zoo.publishing.exports.subject import Subject

RELATIONSHIP = "trainedOn"


def spdx3(subject: Subject, *, now: datetime) -> str:
    """The document: the model as an AI package, its ancestors, and how it came from them. ``now`` is the document's."""
    base = subject.address.rstrip("/") + "#"
    author = spdx.Organization(_id=f"{base}publisher", name=subject.publisher or "unknown")
    info = spdx.CreationInfo(specVersion="3.0.1", created=now.astimezone(UTC).replace(microsecond=0))
    info.createdBy = [author]
    author.creationInfo = info
    package = _package(f"{base}model", subject.id, info)
    if subject.revision:
        package.software_packageVersion = subject.revision
    if subject.architecture:
        package.ai_typeOfModel = [subject.architecture]
    package.ai_metric = [spdx.DictionaryEntry(key=key, value=value) for key, value in _metrics(subject)]
    elements: list[Any] = [author, package]
    for number, parent in enumerate(subject.parents):
        ancestor = _package(f"{base}ancestor-{number}", parent.model, info)
        link = spdx.Relationship(_id=f"{base}relationship-{number}", creationInfo=info)
        link.from_, link.to = package, [ancestor]
        kind = (
            "trainedOn"
            if parent.is_dataset
            else "descendantOf"
            if parent.kind != "distilled_from"
            else "other"
        )
        link.relationshipType = getattr(spdx.RelationshipType, kind)
        link.comment = f"{parent.kind} ({', '.join(parent.methods) or 'method unknown'}; {parent.status})"
        elements += [ancestor, link]
    document = spdx.SpdxDocument(_id=f"{base}document", creationInfo=info, name=subject.id)
    document.profileConformance = [spdx.ProfileIdentifierType.core, spdx.ProfileIdentifierType.ai]
    document.rootElement = [package]
    objects = spdx.SHACLObjectSet([*elements, document])
    stream = io.BytesIO()
    spdx.JSONLDSerializer().write(objects, stream)
    return json.dumps(json.loads(stream.getvalue()), indent=2, ensure_ascii=False, sort_keys=True)


def _package(identifier: str, name: str, info: Any) -> Any:
    return spdx.ai_AIPackage(_id=identifier, name=name, creationInfo=info)


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
