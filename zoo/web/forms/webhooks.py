"""The form for a new webhook."""

from __future__ import annotations

from django import forms

from zoo.publishing.events import KINDS


class WebhookForm(forms.Form):
    """Where to send, and what."""

    url = forms.URLField(
        label="Address",
        max_length=500,
        assume_scheme="https",
        help_text="It gets a POST with JSON for each event, and answers with a status of the 200s.",
        widget=forms.URLInput(attrs={"placeholder": "https://example.org/hooks/zoo"}),
    )
    events = forms.MultipleChoiceField(
        label="Tell it when",
        choices=[(name, f"{kind.meaning} ({name})") for name, kind in KINDS.items()],
        initial=["release.published"],
        widget=forms.CheckboxSelectMultiple,
    )
