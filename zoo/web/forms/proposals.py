"""The forms by which a person proposes an entry or a correction, and by which a curator decides."""

from __future__ import annotations

import re
from typing import Any

from django import forms
from django.core.validators import RegexValidator

from zoo.catalog.search.parameters import CHOICES
from zoo.lineage.models import EdgeKind, Method

_HEX = re.compile(r"[0-9a-fA-F]{64}")
_DIGEST = RegexValidator(r"\A[0-9a-fA-F]{64}\Z", "A digest has 64 digits from 0 to 9 and a to f.")
_EDGES = [("", "none"), *EdgeKind.choices]
_FACTS = (
    "family",
    "parameters",
    "license",
    "license_url",
    "released",
    "architecture",
    "paper",
    "hub_id",
    "availability",
    "notes",
)


class DraftForm(forms.Form):
    """What is common to both: facts, two steps of lineage, a source and a reason."""

    family = forms.CharField(required=False, max_length=64)
    parameters = forms.IntegerField(required=False, min_value=1, help_text="As a whole number: 66000000.")
    license = forms.CharField(required=False, max_length=100, help_text="As the publisher states it.")
    license_url = forms.URLField(required=False, assume_scheme="https", label="Text of the license")
    released = forms.CharField(required=False, max_length=10, help_text="2024, 2024-07 or 2024-07-23.")
    architecture = forms.CharField(required=False, max_length=64)
    paper = forms.CharField(required=False, max_length=200, help_text="Such as arXiv:1910.01108.")
    hub_id = forms.CharField(required=False, max_length=194, label="Hub id")
    availability = forms.ChoiceField(
        required=False, choices=[("", "not said"), *((value, value) for value in CHOICES["availability"])]
    )
    notes = forms.CharField(required=False, max_length=4000, widget=forms.Textarea(attrs={"rows": 3}))
    teacher = forms.CharField(required=False, max_length=200, help_text="An id or short name in the catalog.")
    method = forms.MultipleChoiceField(
        required=False, choices=Method.choices, widget=forms.CheckboxSelectMultiple, label="Distillation"
    )
    base = forms.CharField(required=False, max_length=200, help_text="Whose weights it started from.")
    base_kind = forms.ChoiceField(required=False, choices=_EDGES, label="How")
    tensors_digest = forms.CharField(
        required=False,
        max_length=64,
        validators=[_DIGEST],
        label="Digest of the tensors",
        help_text="So that a copy under another name is found; zoo propose --from FOLDER computes it.",
    )
    file_digests = forms.CharField(
        required=False,
        max_length=20_000,
        label="SHA-256 of the files with weights",
        help_text="As the hub shows them, or as sha256sum prints them; one a line.",
        widget=forms.Textarea(attrs={"rows": 2}),
    )
    source = forms.CharField(max_length=400, help_text="The document that says so.")
    source_url = forms.URLField(required=False, assume_scheme="https", label="Address of the source")
    reason = forms.CharField(
        max_length=1000, widget=forms.Textarea(attrs={"rows": 2}), help_text="What the curator should know."
    )

    def clean_tensors_digest(self) -> str:
        """In lower case, as it is compared."""
        return str(self.cleaned_data["tensors_digest"]).lower()

    def clean_file_digests(self) -> list[str]:
        """The digests among the words: what sha256sum prints has file names beside them."""
        words = str(self.cleaned_data["file_digests"]).split()
        found = [word.lower() for word in words if _HEX.fullmatch(word)]
        if words and not found:
            raise forms.ValidationError("There is no SHA-256 in it: 64 digits from 0 to 9 and a to f.")
        return list(dict.fromkeys(found))

    def draft(self) -> dict[str, Any]:
        """The draft as the domain reads it; only what was filled in."""
        data = self.cleaned_data
        edges = []
        if data["teacher"]:
            edges.append({"kind": "distilled_from", "parent": data["teacher"], "methods": data["method"]})
        if data["base"]:
            edges.append({"kind": data["base_kind"] or "finetuned_from", "parent": data["base"]})
        draft: dict[str, Any] = {
            "facts": {field: data[field] for field in _FACTS if data[field] not in ("", None)},
            "edges": edges,
            "tensors_digest": data["tensors_digest"] or None,
            "file_digests": data["file_digests"],
            "source": data["source"],
            "source_url": data["source_url"] or None,
        }
        return draft


class EntryForm(DraftForm):
    """A new entry."""

    id = forms.CharField(max_length=194, label="Id", help_text="organization/name")
    title = forms.CharField(max_length=200)
    kind = forms.ChoiceField(choices=[("model", "model"), ("dataset", "data set"), ("api", "closed API")])
    field_order = ["id", "title", "kind"]

    def draft(self) -> dict[str, Any]:
        """The draft with its id."""
        data = self.cleaned_data
        return super().draft() | {"id": data["id"].strip(), "title": data["title"], "kind": data["kind"]}


class DecisionForm(forms.Form):
    """A curator's decision."""

    verdict = forms.ChoiceField(choices=[("accept", "accept"), ("amend", "amend"), ("decline", "decline")])
    decision = forms.CharField(
        required=False, max_length=1000, label="Reason", widget=forms.Textarea(attrs={"rows": 2})
    )
    amended = forms.JSONField(required=False, label="Amended draft")
