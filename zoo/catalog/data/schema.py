"""The shape of the reviewed data files: entries with facts, evidence and lineage; disputes, history, words.

Files hold data only. A field named in ``recalled`` is somebody's memory and not read in any source.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from zoo.catalog.dates import PATTERN as DATE_PATTERN

Id = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,95}/[A-Za-z0-9][A-Za-z0-9._-]{0,95}$")
]
Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=80)]
AliasName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._/ -]*$", max_length=200)]
PartialDate = Annotated[str, StringConstraints(pattern=DATE_PATTERN)]
Line = Annotated[str, StringConstraints(min_length=1, max_length=400, strip_whitespace=True)]
Text = Annotated[str, StringConstraints(min_length=1, max_length=4000, strip_whitespace=True)]
Url = Annotated[str, StringConstraints(pattern=r"^https://[^ ]+$", max_length=500)]
Status = Literal["documented", "claimed", "inferred", "disputed", "retracted"]
Method = Literal["response", "logit", "feature", "chain-of-thought", "mixed"]
EdgeKind = Literal[
    "initialized_from",
    "distilled_from",
    "finetuned_from",
    "pruned_from",
    "quantized_from",
    "merged_from",
    "adapter_of",
    "trained_on",
    "generated_by",
    "judged_by",
]
OVER_OUTPUTS = frozenset({"distilled_from", "generated_by", "judged_by"})
"""Edges on which it matters when outputs were made, and through whose service."""
FACT_FIELDS = (
    "availability",
    "family",
    "licensor",
    "modality",
    "hub_id",
    "architecture",
    "parameters",
    "active_parameters",
    "context_length",
    "released",
    "license",
    "license_url",
    "hub_license_tag",
    "license_note",
    "distillation",
    "control_of",
    "paper",
    "notes",
)
CLASSIFIED = frozenset(
    {"availability", "family", "licensor", "modality", "architecture", "notes", "license_note"}
)
"""Fields that are the curators' own classification: recorded as inferred."""


class Record(BaseModel):
    """Base of every record: frozen, and unknown keys are an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class EvidenceRow(Record):
    """What a source says."""

    claim: Line
    source: Line
    url: Url | None = None
    seen: bool
    field: str = ""


class EdgeRow(Record):
    """One step of lineage, from the entry to what it came from."""

    kind: EdgeKind
    parent: Id
    methods: tuple[Method, ...] = ()
    role: str = Field(default="", max_length=120)
    stage: str = Field(default="", max_length=120)
    accessed_via: str = Field(default="", max_length=80, description="key of the host's terms")
    outputs_made: PartialDate | None = Field(default=None, description="as a source states it")
    status: Status
    seen: bool
    note: str = ""
    evidence: tuple[EvidenceRow, ...] = ()

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        if self.status == "documented" and not self.seen:
            raise ValueError(f"edge to {self.parent}: what was only recalled is not documented")
        if self.methods and self.kind not in ("distilled_from", "generated_by"):
            raise ValueError(f"edge to {self.parent}: {self.kind} has no method")
        if len(set(self.methods)) != len(self.methods):
            raise ValueError(f"edge to {self.parent}: a method is repeated")
        if (self.outputs_made or self.accessed_via) and self.kind not in OVER_OUTPUTS:
            raise ValueError(f"edge to {self.parent}: {self.kind} passes no outputs on")
        return self


class LicensePeriodRow(Record):
    """A license, and from when it was the published one."""

    license: Line
    since: PartialDate | None = None
    seen: bool
    source: Line


class ClaimRow(Record):
    """What a source says, beside what better sources say."""

    topic: Slug
    says: Line
    claimant: Line
    finding: Text
    outcome: Literal["supported", "partly", "unsupported", "contradicted"]
    source: Line
    seen: bool


class CostRow(Record):
    """A price or a cost that a source states."""

    what: Literal["input", "output", "training"]
    amount: float = Field(ge=0, allow_inf_nan=False)
    unit: Annotated[str, StringConstraints(min_length=1, max_length=40)]
    as_of: PartialDate | None = None
    source: Line
    url: Url | None = None
    seen: bool
    status: Status
    note: str = Field(default="", max_length=400)


class Entry(Record):
    """A model, a data set or a closed API."""

    id: Id
    aliases: tuple[AliasName, ...] = ()
    title: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    kind: Literal["model", "dataset", "api"]
    availability: Literal["open", "gated", "closed", "unreleased", "withdrawn", "unknown"] = "unknown"
    family: str | None = None
    licensor: str | None = None
    modality: str | None = None
    hub_id: Id | None = None
    architecture: str | None = None
    parameters: int | None = Field(default=None, gt=0)
    active_parameters: int | None = Field(default=None, gt=0)
    context_length: int | None = Field(default=None, gt=0)
    released: PartialDate | None = None
    license: str | None = None
    license_url: Url | None = None
    hub_license_tag: str | None = None
    license_note: str | None = None
    distillation: tuple[Method, ...] = ()
    control_of: Id | None = None
    paper: str | None = None
    notes: Text | None = None
    recalled: tuple[str, ...] = ()
    license_history: tuple[LicensePeriodRow, ...] = ()
    evidence: tuple[EvidenceRow, ...] = ()
    lineage: tuple[EdgeRow, ...] = ()
    claims: tuple[ClaimRow, ...] = ()
    costs: tuple[CostRow, ...] = ()

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        for field in self.recalled:
            if field not in FACT_FIELDS or getattr(self, field) in (None, ()):
                raise ValueError(f"{self.id}: recalled names {field!r}, which is not given")
        targets = [(edge.kind, edge.parent.lower()) for edge in self.lineage]
        if len(set(targets)) != len(targets):
            raise ValueError(f"{self.id}: an edge is given twice")
        if any(parent == self.id.lower() for _, parent in targets):
            raise ValueError(f"{self.id}: an edge leads to the entry itself")
        if self.active_parameters and self.parameters and self.active_parameters > self.parameters:
            raise ValueError(f"{self.id}: more active parameters than parameters")
        return self

    def facts(self) -> dict[str, str | int]:
        """The facts by field, as ``zoo.catalog.fields`` stores them."""
        given: dict[str, str | int] = {}
        for field in FACT_FIELDS:
            value = getattr(self, field)
            if field == "distillation":
                value = ",".join(value)
            if value not in (None, ""):
                given[field] = value
        return given


class EntryFile(Record):
    """A file of entries that belong together."""

    entries: tuple[Entry, ...]


class OrganizationRow(Record):
    """A publisher's name and address."""

    slug: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=96)]
    name: Line
    url: Url | None = None


class OrganizationFile(Record):
    """The publishers."""

    organizations: tuple[OrganizationRow, ...]


class DisputedEntry(Record):
    """How an entry is concerned by a dispute."""

    id: Id
    part: Literal["subject", "source", "vendor"]
    note: str = Field(default="", max_length=400)


class DisputeRow(Record):
    """An allegation, with who makes it where, and how it stands."""

    slug: Slug
    title: Line
    allegation: Text
    claimant: Line
    about: Line
    where: Line
    since: PartialDate | None = None
    standing: Literal["alleged", "denied", "reported", "settled", "withdrawn"]
    response: str = ""
    source: Line
    url: Url | None = None
    seen: bool
    entries: tuple[DisputedEntry, ...]


class DisputeFile(Record):
    """The disputes."""

    disputes: tuple[DisputeRow, ...]


class TimelineRow(Record):
    """One event of the history."""

    slug: Slug
    when: PartialDate
    title: Line
    text: Text
    status: Status
    source: Line
    url: Url | None = None
    seen: bool
    entries: tuple[Id, ...] = ()


class TimelineFile(Record):
    """The history."""

    timeline: tuple[TimelineRow, ...]


class GlossaryRow(Record):
    """A word, explained."""

    slug: Slug
    term: Line
    text: Text
    source: str = Field(default="", max_length=400)
    url: Url | None = None
    see_also: tuple[Slug, ...] = ()


class GlossaryFile(Record):
    """The words."""

    terms: tuple[GlossaryRow, ...]


class StartingPointRow(Record):
    """A purpose, and the query of the model list that answers it."""

    slug: Slug
    title: Line
    text: Text
    query: dict[str, str]


class StartingPointFile(Record):
    """The purposes."""

    starting_points: tuple[StartingPointRow, ...]


class ScoreName(Record):
    """Which entry a printed name means, or why it means none."""

    id: Id | None = None
    variant: str = Field(default="", max_length=80)
    unattached: str = Field(default="", max_length=200)

    @model_validator(mode="after")
    def _is_decided(self) -> Self:
        if (self.id is None) == (self.unattached == ""):
            raise ValueError("give an id, or the reason why there is none")
        return self


class ScoreNameFile(Record):
    """The names as papers print them."""

    names: dict[str, ScoreName]


class ScoreRow(Record):
    """One published score, as printed."""

    model: Annotated[str, StringConstraints(min_length=1, max_length=120)]
    benchmark: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    metric: Annotated[str, StringConstraints(min_length=1, max_length=300)]
    settings: Annotated[str, StringConstraints(max_length=600)]
    value: float = Field(allow_inf_nan=False)
    unit: Annotated[str, StringConstraints(min_length=1, max_length=24)]
    lower_is_better: bool
    source: Line
    source_url: Url | Literal[""]
    via: Literal["primary", "primary-copy", "secondary", "recalled"]
    note: str

    @property
    def seen(self) -> bool:
        """Whether the number was read anywhere."""
        return self.via != "recalled"
