"""Words for the changes of an entry, which are recorded under codes. Only how a change reads, not what it means."""

from __future__ import annotations

from zoo.core.models import AuditRow
from zoo.lineage.models import EdgeKind

_ACTIONS = {
    "model.added": "added the entry",
    "model.alias_added": "added another name",
    "model.fact_recorded": "recorded",
    "model.fact_corrected": "corrected",
    "lineage.edge_added": "added to the lineage:",
    "lineage.edge_corrected": "corrected in the lineage:",
}
_WITHDRAWN = "withdrew from the lineage:"
NOTHING = "nothing"
"""Stands where a field had no value."""


def action_words(change: AuditRow) -> str:
    """What was done, in words; the code with spaces when it has none of its own."""
    if change.action == "lineage.edge_corrected" and change.detail.get("status") == "retracted":
        return _WITHDRAWN
    return _ACTIONS.get(change.action) or change.action.replace(".", ": ", 1).replace("_", " ")


def kind_words(kind: str) -> str:
    """The kind of an edge as a phrase: "distilled from"."""
    return str(EdgeKind(kind).label) if kind in EdgeKind.values else kind.replace("_", " ")


def value_words(value: object) -> str:
    """A recorded value as text: lists with commas, and a word for none."""
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) or NOTHING
    return NOTHING if value is None or value == "" else str(value)
