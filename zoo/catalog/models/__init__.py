"""The tables of the catalog. Evidence is append-only: a correction is a new record beside the old one."""

from zoo.catalog.models.attested import Attested, Status
from zoo.catalog.models.entries import (
    Alias,
    Availability,
    Kind,
    LicensePeriod,
    Model,
    Organization,
    Revision,
    RevisionFile,
)
from zoo.catalog.models.facts import Claim, Dispute, DisputedModel, Evidence, Fact, Origin
from zoo.catalog.models.proposals import Proposal
from zoo.catalog.models.scores import Cost, ReportedScore
from zoo.catalog.models.search import FacetValue, SearchDocument, Term
from zoo.catalog.models.stories import GlossaryTerm, StartingPoint, TimelineEntry

__all__ = [
    "Alias",
    "Attested",
    "Availability",
    "Claim",
    "Cost",
    "Dispute",
    "DisputedModel",
    "Evidence",
    "FacetValue",
    "Fact",
    "GlossaryTerm",
    "Kind",
    "LicensePeriod",
    "Model",
    "Organization",
    "Origin",
    "Proposal",
    "ReportedScore",
    "Revision",
    "RevisionFile",
    "SearchDocument",
    "StartingPoint",
    "Status",
    "Term",
    "TimelineEntry",
]
