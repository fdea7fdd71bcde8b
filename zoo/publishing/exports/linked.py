"""Linked data about a model: schema.org's vocabulary as JSON-LD, for search engines and crawlers."""

from __future__ import annotations

import json
from typing import Any

from zoo.publishing.exports.subject import Subject, sentence


def json_ld(subject: Subject) -> str:
    """A SoftwareApplication with its license, its ancestors and what was measured."""
    document: dict[str, Any] = {
        "@context": "https://schema.org",
        "@type": "SoftwareApplication",
        "@id": subject.address,
        "name": subject.title,
        "identifier": subject.id,
        "applicationCategory": "machine-learning model",
        "url": subject.address,
        "publisher": {"@type": "Organization", "name": subject.publisher},
    }
    if subject.license:
        document["license"] = subject.license_url or subject.license
    if subject.released:
        document["datePublished"] = subject.released
    if subject.revision:
        document["softwareVersion"] = subject.revision
    if subject.paper:
        document["citation"] = subject.paper
    ancestors = list(dict.fromkeys(parent.model for parent in subject.parents))
    if ancestors:
        document["isBasedOn"] = ancestors
    if subject.releases:
        document["description"] = " ".join(sentence(release) for release in subject.releases)
    return json.dumps(document, indent=2, ensure_ascii=False, sort_keys=True)
