"""The form that sends a model as one archive. It works without JavaScript."""

from __future__ import annotations

from django import forms


class ArchiveForm(forms.Form):
    """A name and a file."""

    label = forms.CharField(
        max_length=60,
        label="name",
        help_text="How the model is called: letters, digits, '-', '_' and '.'.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    archive = forms.FileField(
        help_text="A zip or tar of up to 2 GiB: the configuration, the tokenizer, and safetensors or one GGUF file.",
        allow_empty_file=False,
    )
