"""The form that submits a student. Names of fields are lm-eval's, as everywhere."""

from __future__ import annotations

import re
from typing import Any

from django import forms
from django.utils.html import format_html
from django.utils.safestring import SafeString

from evaluation.contract import MAX_BATCH_SIZE, MAX_FEWSHOT, Dtype, Engine
from evaluation.suites import loader
from zoo.submissions.requests import SubmissionRequest, read_request

OWN_TASKS = ""
_ENGINES = (
    ("", "as the model needs"),
    (Engine.HARNESS.value, "harness: lm-eval's own, unmodified"),
    (Engine.CAUSAL.value, "causal: quicker, same scores"),
    (Engine.MASKED.value, "masked: BERT and its kin"),
    (Engine.VLLM.value, "vLLM"),
)


def _suites() -> list[tuple[str, str]]:
    named = [(name, f"{loader.load(name).title} ({name})") for name in loader.names()]
    return [*named, (OWN_TASKS, "tasks of my own choice")]


def _named(words: str, name: str) -> SafeString:
    """A label in plain words, with the name that the API, the command line and lm-eval know beside it."""
    return format_html('{} <code class="soft small">{}</code>', words, name)


class SubmissionForm(forms.Form):
    """Student, teacher, what to measure, and the protocol."""

    student = forms.CharField(
        max_length=300,
        help_text="org/name, or org/name@revision. A branch is resolved to its commit before it is queued.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "list": "known-models"}),
    )
    teacher = forms.CharField(
        max_length=300,
        required=False,
        help_text="Left empty: the teacher that the catalog knows; if it knows none, the student goes alone.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "list": "known-models"}),
    )
    gguf_file = forms.CharField(
        max_length=200,
        required=False,
        label="GGUF file of the student",
        help_text="Only where there are several, or to measure one that lies beside safetensors.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    teacher_gguf_file = forms.CharField(
        max_length=200,
        required=False,
        label="GGUF file of the teacher",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    suite = forms.ChoiceField(
        choices=_suites, required=False, help_text="A fixed list of tasks. Only whole suites are ranked."
    )
    tasks = forms.CharField(
        max_length=4000,
        required=False,
        help_text="Instead of a suite: names of lm-eval tasks, separated by commas.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    num_fewshot = forms.IntegerField(
        required=False,
        min_value=0,
        max_value=MAX_FEWSHOT,
        label=_named("Worked examples in the prompt", "num_fewshot"),
    )
    limit = forms.IntegerField(
        required=False,
        min_value=1,
        max_value=10**9,
        label=_named("Documents of each task, at most", "limit"),
        help_text="Only the first n documents of each task. Such a result is never ranked.",
    )
    batch_size = forms.IntegerField(
        required=False,
        min_value=1,
        max_value=MAX_BATCH_SIZE,
        initial=16,
        label=_named("Prompts at a time", "batch_size"),
    )
    dtype = forms.ChoiceField(
        choices=[(dtype.value, dtype.value) for dtype in Dtype],
        required=False,
        label=_named("Number format", "dtype"),
    )
    seed = forms.IntegerField(
        required=False, min_value=0, max_value=2**31 - 1, initial=1234, label=_named("Seed of chance", "seed")
    )
    engine = forms.ChoiceField(choices=_ENGINES, required=False)
    apply_chat_template = forms.BooleanField(
        required=False, label=_named("Wrap prompts in the model’s chat template", "apply_chat_template")
    )
    noise_floor = forms.BooleanField(
        required=False,
        label=_named("Noise floor: run the teacher again at another batch size", "noise_floor"),
    )

    def clean(self) -> dict[str, Any]:
        """Makes sure that there is a suite or tasks, one of the two."""
        cleaned: dict[str, Any] = super().clean() or {}
        if cleaned.get("tasks"):
            cleaned["suite"] = ""
        if not cleaned.get("suite") and not cleaned.get("tasks") and not self.errors.get("suite"):
            self.add_error("tasks", "Choose a suite, or name tasks.")
        return cleaned

    def asked(self) -> SubmissionRequest:
        """The request that the form stands for. Raises BadRequest."""
        given = {name: value for name, value in self.cleaned_data.items() if value not in (None, "")}
        if "tasks" in given:
            given["tasks"] = tuple(name for name in re.split(r"[\s,]+", given["tasks"]) if name)
        return read_request(given)
