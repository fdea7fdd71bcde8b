"""What the catalog knows of models by name, in the few fields that boards and side-by-side tables show."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from zoo.catalog.models import Model, SearchDocument
from zoo.catalog.selectors import find_models
from zoo.lineage.selectors import teacher_keys

VERDICTS = ("allowed", "conditions", "prohibited", "unknown")


class Known(NamedTuple):
    """A model in the catalog; `verdict` is that of the license check in the standard use."""

    title: str
    license: str
    verdict: str
    parameters: int | None
    context_length: int | None
    released: str
    availability: str
    teachers: frozenset[str]
    """Keys of the teachers that lineage knows and counts; empty where it knows none."""

    def learned_from(self, teacher: str) -> bool:
        """Whether this may be its teacher: one that lineage knows, or any where lineage knows none."""
        return not self.teachers or teacher.lower() in self.teachers


UNKNOWN = Known("", "", "unknown", None, None, "", "", frozenset())
"""What stands for a model that the catalog does not have."""


def from_catalog(names: Iterable[str]) -> dict[str, Known]:
    """The models that the catalog has, by the names that were given."""
    names = list(names)
    if not names:
        return {}
    found = find_models(names)
    documents = SearchDocument.objects.filter(model__in=found.values()).values_list("model_id", "contributed")
    verdicts = {pk: contributed.get("verdict", []) for pk, contributed in documents}
    teachers = teacher_keys(model.pk for model in found.values())
    return {
        name: _known(model, verdicts.get(model.pk, []), teachers.get(model.pk, frozenset()))
        for name, model in found.items()
    }


def _known(model: Model, verdicts: list[str], teachers: frozenset[str]) -> Known:
    return Known(
        title=model.title,
        license=model.license,
        verdict=next((one for one in verdicts if one in VERDICTS), "unknown"),
        parameters=model.parameters,
        context_length=model.context_length,
        released=model.released,
        availability=model.get_availability_display(),
        teachers=teachers,
    )
