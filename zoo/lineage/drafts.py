"""The shape of a draft: what somebody proposes for a new entry or a correction. Pure."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from zoo.catalog import fields
from zoo.catalog.data.schema import OVER_OUTPUTS, AliasName, EdgeKind, Id, Line, Method, PartialDate, Url
from zoo.core.errors import Invalid

MAX_PARENTS = 20


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
