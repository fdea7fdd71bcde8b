"""The shape of a draft: what somebody proposes for a new entry or a correction, also from a model's files. Pure."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from zoo.catalog import fields
from zoo.catalog.data.schema import OVER_OUTPUTS, AliasName, EdgeKind, Id, Line, Method, PartialDate, Url
from zoo.catalog.imports import Description
from zoo.core.errors import Invalid

MAX_PARENTS = 20
MAX_WEIGHT_FILES = 200
WEIGHTS_BYTES = 1_000_000
"""Files under this size say little about whose weights they are: configurations and tokenizers are shared."""
Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class BadDraft(Invalid):
    """The draft does not hold together."""

    code = "bad_draft"


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class DraftEdge(_Record):
    """A step of lineage that the draft adds, or, in a correction, withdraws."""

    kind: EdgeKind
    parent: AliasName
    methods: tuple[Method, ...] = ()
    outputs_made: PartialDate | None = None
    accessed_via: str | None = Field(default=None, max_length=80)
    withdraw: bool = False

    @model_validator(mode="after")
    def _methods_fit(self) -> DraftEdge:
        if self.methods and self.kind not in ("distilled_from", "generated_by"):
            raise ValueError(f"{self.kind} has no method")
        if (self.outputs_made or self.accessed_via) and self.kind not in OVER_OUTPUTS:
            raise ValueError(f"{self.kind} passes no outputs on")
        return self


class Draft(_Record):
    """What is proposed, with the source that says so."""

    id: Id | None = None
    title: str = Field(default="", max_length=200)
    kind: Literal["model", "dataset", "api"] = "model"
    facts: dict[str, str | int | None] = Field(default_factory=dict, max_length=30)
    edges: tuple[DraftEdge, ...] = Field(default=(), max_length=MAX_PARENTS)
    tensors_digest: Digest | None = None
    """SHA-256 over the contents of all tensors, as an import computes it: equal weights under any name have it."""
    file_digests: tuple[Digest, ...] = Field(default=(), max_length=MAX_WEIGHT_FILES)
    """SHA-256 of files with weights, as a hub and ``sha256sum`` state them."""
    source: Line
    source_url: Url | None = None

    @model_validator(mode="after")
    def _facts_fit(self) -> Draft:
        for field, value in self.facts.items():
            try:
                fields.check(field, value)
            except Invalid as error:
                raise ValueError(error.message) from error
        return self


def read(given: object) -> Draft:
    """The draft, checked. Raises BadDraft saying what is wrong and where."""
    try:
        return Draft.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "draft"
        raise BadDraft(f"{where}: {first['msg'].removeprefix('Value error, ')}", field=where) from error


def of_description(description: Description, *, reference: str) -> dict[str, Any]:
    """What a model's files say, as the parts of a draft: facts, parents that its card names for certain, digests."""
    card = description.card
    named = [claim for claim in card.parents if claim.certain] if card else []
    edges = [
        {"kind": claim.kind, "parent": claim.parent, "methods": list(claim.methods)} for claim in named
    ] + [{"kind": "trained_on", "parent": name} for name in (card.datasets if card else ())]
    return {
        "facts": {field: value for field, value in description.facts(reference).items() if value},
        "edges": edges[:MAX_PARENTS],
        "tensors_digest": description.tensors_digest or None,
        "file_digests": sorted(weight_digests(description))[:MAX_WEIGHT_FILES],
    }


def weight_digests(description: Description) -> set[str]:
    """The digests of the files that are large enough to be weights."""
    return {file.sha256 for file in description.files if file.sha256 and file.size > WEIGHTS_BYTES}
