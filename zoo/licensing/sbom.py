"""Models in a bill of materials: CycloneDX (JSON) and SPDX 2.3 and 3.0 (JSON), read for license checks.

Takes models, data sets, their licenses and where they come from, and nothing else; everything is bounded. Ancestors
become weights edges, data sets data edges; a property or comment that names a lineage edge kind wins.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from zoo.core.errors import Invalid
from zoo.licensing.documents import MAX_NODES, LineageDocument
from zoo.licensing.rules.vocabulary import EdgeKind

EDGE_PROPERTY = "zoo:edge"
EDGE_WORDS = {kind.value for kind in EdgeKind}
MAX_NESTING = 12
SPDX3_EDGES = {"descendantOf": "finetuned_from", "trainedOn": "trained_on"}
SPDX2_EDGES = {
    "DESCENDANT_OF": "finetuned_from",
    "GENERATED_FROM": "finetuned_from",
    "VARIANT_OF": "finetuned_from",
}


class BadBom(Invalid):
    """The document is no bill of materials that can be read, or holds no model."""

    code = "bad_bom"


@dataclass
class Bom:
    """What was found: the lineage, and the ids of the models that are not only somebody's ancestor."""

    format: Literal["CycloneDX", "SPDX"]
    nodes: dict[str, dict[str, Any]] = field(default_factory=dict)
    edges: list[tuple[str, str, str]] = field(default_factory=list)
    models: list[str] = field(default_factory=list)

    def lineage(self) -> LineageDocument:
        """The lineage as an inline document."""
        return LineageDocument.model_validate({"nodes": list(self.nodes.values()), "edges": self.edges})

    def add(self, name: str, kind: str, declared: str | None, concluded: str | None) -> None:
        """Take in a component; the first statement about a name counts."""
        if len(self.nodes) >= MAX_NODES:
            raise BadBom(f"more than {MAX_NODES} models and data sets", field="bom")
        known = {"id": name, "kind": kind, "declared": declared, "concluded": concluded}
        self.nodes.setdefault(name, {key: value for key, value in known.items() if value})


def read(document: object) -> Bom:
    """Read a parsed JSON document. Raises BadBom."""
    if not isinstance(document, dict):
        raise BadBom("a bill of materials is a JSON object", field="bom")
    if document.get("bomFormat") == "CycloneDX":
        found = _cyclonedx(document)
    elif "spdxVersion" in document:
        found = _spdx2(document)
    elif "@graph" in document:
        found = _spdx3(document)
    else:
        raise BadBom("neither CycloneDX nor SPDX", field="bom", remedy="Send CycloneDX or SPDX as JSON.")
    if not found.models:
        raise BadBom(
            "no model in it", field="bom", remedy="Components of type machine-learning-model are looked for."
        )
    return found


# -- CycloneDX -------------------------------------------------------------------------------------------------


def _cyclonedx(document: dict[str, Any]) -> Bom:
    bom = Bom("CycloneDX")
    refs: dict[str, str] = {}
    subject = _dict(_dict(document.get("metadata")).get("component"))
    components = [subject, *_dicts(document.get("components"))]
    for component in components:
        if component.get("type") in ("machine-learning-model", "data"):
            name = _component(component, bom, 0)
            refs[str(component.get("bom-ref", name))] = name
            if component.get("type") == "machine-learning-model":
                bom.models.append(name)
    for component in components:
        if component.get("type") == "machine-learning-model":
            _datasets(component, refs, bom)
    return bom


def _component(component: dict[str, Any], bom: Bom, depth: int) -> str:
    if depth > MAX_NESTING:
        raise BadBom("ancestors are nested too deeply", field="bom")
    name = _name(component)
    kind = "dataset" if component.get("type") == "data" else "model"
    statements = _cyclonedx_licenses(component)
    bom.add(name, kind, statements.get("declared"), statements.get("concluded"))
    for ancestor in _dicts(_dict(component.get("pedigree")).get("ancestors")):
        above = _component(ancestor, bom, depth + 1)
        if above != name:
            bom.edges.append((name, _edge_kind(ancestor, "finetuned_from"), above))
    return name


def _name(component: dict[str, Any]) -> str:
    """The hub id in a package URL, else group/name."""
    purl = str(component.get("purl", ""))
    if purl.startswith("pkg:huggingface/"):
        return (
            purl.removeprefix("pkg:huggingface/")
            .partition("@")[0]
            .partition("?")[0]
            .replace("%2F", "/")[:200]
        )
    group, name = str(component.get("group", "")), str(component.get("name", ""))
    if not name:
        raise BadBom("a component without a name", field="bom")
    return (f"{group}/{name}" if group and "/" not in name else name)[:200]


def _cyclonedx_licenses(component: dict[str, Any]) -> dict[str, str]:
    found: dict[str, list[str]] = {}
    for entry in _dicts(component.get("licenses")):
        license_ = _dict(entry.get("license"))
        text = entry.get("expression") or license_.get("id") or license_.get("name")
        said = entry.get("acknowledgement") or license_.get("acknowledgement") or "declared"
        if text:
            found.setdefault(str(said), []).append(str(text))
    return {said: _together(texts) for said, texts in found.items()}


def _datasets(component: dict[str, Any], refs: dict[str, str], bom: Bom) -> None:
    parameters = _dict(_dict(component.get("modelCard")).get("modelParameters"))
    name = _name(component)
    for entry in _dicts(parameters.get("datasets")):
        above = refs.get(str(entry.get("ref", ""))) or (
            str(entry["name"])[:200] if entry.get("name") else None
        )
        if above is None or above == name:
            continue
        bom.add(above, "dataset", None, None)
        bom.edges.append((name, "trained_on", above))


def _edge_kind(component: dict[str, Any], default: str) -> str:
    for entry in _dicts(component.get("properties")):
        if entry.get("name") == EDGE_PROPERTY and entry.get("value") in EDGE_WORDS:
            return str(entry["value"])
    return default


# -- SPDX ------------------------------------------------------------------------------------------------------


def _spdx2(document: dict[str, Any]) -> Bom:
    bom = Bom("SPDX")
    names: dict[str, str] = {}
    for package in _dicts(document.get("packages")):
        purpose, name = package.get("primaryPackagePurpose"), str(package.get("name", ""))[:200]
        if not name:
            continue
        names[str(package.get("SPDXID"))] = name
        bom.add(name, "model", _said(package.get("licenseDeclared")), _said(package.get("licenseConcluded")))
        if purpose not in ("LIBRARY", "FRAMEWORK", "CONTAINER", "OPERATING-SYSTEM"):
            bom.models.append(name)
    for relation in _dicts(document.get("relationships")):
        child, parent = (
            names.get(str(relation.get("spdxElementId"))),
            names.get(str(relation.get("relatedSpdxElement"))),
        )
        kind = str(relation.get("relationshipType"))
        if kind == "ANCESTOR_OF":
            child, parent, kind = parent, child, "DESCENDANT_OF"
        said = str(relation.get("comment", ""))
        if child and parent and child != parent and kind in SPDX2_EDGES:
            bom.edges.append((child, said if said in EDGE_WORDS else SPDX2_EDGES[kind], parent))
    _keep_ends(bom)
    return bom


def _spdx3(document: dict[str, Any]) -> Bom:
    bom = Bom("SPDX")
    listed = list(_dicts(document["@graph"]))
    elements = {str(e.get("spdxId") or e.get("@id")): e for e in listed}
    names: dict[str, str] = {}
    for key, element in elements.items():
        kind = str(element.get("type") or element.get("@type"))
        if kind in ("ai_AIPackage", "dataset_DatasetPackage") and element.get("name"):
            names[key] = str(element["name"])[:200]
            bom.add(names[key], "model" if kind == "ai_AIPackage" else "dataset", None, None)
            if kind == "ai_AIPackage":
                bom.models.append(names[key])
    for element in listed:  # relationships may lack an id of their own
        if str(element.get("type") or element.get("@type")).endswith("Relationship"):
            _spdx3_relation(element, elements, names, bom)
    _keep_ends(bom)
    return bom


def _spdx3_relation(
    relation: dict[str, Any], elements: dict[str, dict[str, Any]], names: dict[str, str], bom: Bom
) -> None:
    kind = str(relation.get("relationshipType"))
    source = names.get(str(relation.get("from")))
    if source is None:
        return
    for target in _list(relation.get("to")):
        if kind in ("hasDeclaredLicense", "hasConcludedLicense"):
            text = _said(elements.get(str(target), {}).get("simplelicensing_licenseExpression"))
            if text:
                bom.nodes[source]["declared" if kind == "hasDeclaredLicense" else "concluded"] = text
        other = names.get(str(target))
        if other is None or other == source:
            continue
        said = str(relation.get("comment", ""))
        if kind in SPDX3_EDGES:
            bom.edges.append((source, said if said in EDGE_WORDS else SPDX3_EDGES[kind], other))
        elif kind == "ancestorOf":
            bom.edges.append((other, said if said in EDGE_WORDS else "finetuned_from", source))


def _keep_ends(bom: Bom) -> None:
    """Ask about what nothing in the document descends from; with a circle, about everything."""
    parents = {parent for _, _, parent in bom.edges}
    bom.models = [name for name in dict.fromkeys(bom.models) if name not in parents] or bom.models


# -- small readers ---------------------------------------------------------------------------------------------


def _together(texts: list[str]) -> str:
    return texts[0] if len(texts) == 1 else " AND ".join(f"({text})" for text in texts)


def _said(value: object) -> str | None:
    return str(value)[:200] if value and str(value) not in ("NOASSERTION", "NONE") else None


def _dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _dicts(value: object) -> Iterator[dict[str, Any]]:
    yield from (item for item in _list(value) if isinstance(item, dict))


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
