"""The license checker's form: a GET form, so that every question has an address. It asks only for what matters."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any, NamedTuple

import pydantic
from django import forms
from django.forms import BoundField
from django.http import QueryDict

from zoo.licensing.documents import QuestionDocument
from zoo.licensing.library import rule_book
from zoo.licensing.rules.vocabulary import REGION_BY_SEAT, REGION_BY_USE

ACTIONS = (
    ("host", "Offer it as a service or in a product"),
    ("run", "Run it inside our organization"),
    ("redistribute", "Pass the weights on unchanged"),
    ("publish_derivative", "Publish a fine-tuned, merged or pruned copy"),
    ("publish_quantized", "Publish a quantized copy"),
    ("distill", "Train another model on its outputs"),
    ("judge", "Grade or reward another model's training with it"),
)
ABOUT = (("use", "a model that exists"), ("plan", "a student that we plan"))
KINDS = (
    ("", "not said"),
    ("general", "general"),
    ("generative", "narrow, generative"),
    ("classifier", "classifier"),
)
YES_NO = (("", "not said"), ("yes", "yes"), ("no", "no"))
USERS = "users_"
ASKED = ("about", "model", "action", "base", "teachers", "datasets", "judges", "profile")
SHORT_LABELS = {"action": "Use", "commercial": "For commerce", "data": "Data sets"}
PLAN = ("base", "teachers", "datasets", "judges")
BOOLEANS = (
    "commercial", "end_user", "multimodal", "competes", "authorised", "outputs_published", "student_is_llm",
    "student_distributed",
)  # fmt: skip
FACT_FIELDS = {
    "student.family": "student_family",
    "student.is_llm": "student_is_llm",
    "student.kind": "student_kind",
    "student.distributed": "student_distributed",
}


class YesNo(forms.ChoiceField):
    """Yes, no, or not said: what is not said stays unknown."""

    def __init__(self, label: str, help_text: str = "") -> None:
        super().__init__(choices=YES_NO, required=False, label=label, help_text=help_text)


def _region_help() -> str:
    if rule_book().holds("eu-test-is-place-of-business"):
        return f"{REGION_BY_SEAT}."
    return f"{REGION_BY_USE}."


def _hosts() -> list[tuple[str, str]]:
    """The terms of services through which somebody can reach the weights of others."""
    texts = sorted(rule_book().licenses.values(), key=lambda text: text.file.name.lower())
    keys = [(text.key, text.file.name) for text in texts if text.service]
    return [("", "by nobody: we run the weights ourselves"), *keys]


def _day() -> forms.DateInput:
    return forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})


class CheckForm(forms.Form):
    """Everything that a question can hold. Which fields are shown is decided by the answer so far."""

    about = forms.ChoiceField(
        choices=ABOUT,
        required=False,
        label="Ask about",
    )
    model = forms.CharField(
        required=False,
        max_length=200,
        label="Model",
        help_text="An id such as org/name, a short name, or license: and an SPDX expression.",
    )
    action = forms.ChoiceField(choices=ACTIONS, required=False, label="What do you want to do?")
    base = forms.CharField(
        required=False, label="Weights it starts from", help_text="Ids, with commas for a merge."
    )
    teachers = forms.CharField(required=False, label="Teachers", help_text="Whose outputs it learns from.")
    datasets = forms.CharField(required=False, label="Data sets", help_text="Data it is trained on.")
    judges = forms.CharField(
        required=False, label="Judges", help_text="Models that grade or reward its training."
    )
    profile = forms.ChoiceField(
        choices=(("standard", "standard: shown beside the verdict"), ("strict", "strict: counts as unknown")),
        required=False,
        label="Contracts and data terms further up",
    )
    commercial = YesNo("Is it for a commercial purpose?")
    mau = forms.IntegerField(
        required=False,
        min_value=0,
        label="Monthly users today",
        help_text="Of all products, affiliates included.",
    )
    revenue = forms.IntegerField(
        required=False, min_value=0, label="Revenue, US dollars a year", help_text="Affiliates included."
    )
    region = forms.CharField(required=False, max_length=20, label="Region")
    field = forms.CharField(
        required=False,
        max_length=60,
        label="Field of use",
        help_text="medical, military or law-enforcement; anything else is ordinary.",
    )
    end_user = YesNo("Do you only use a finished product?", "An end user of an integrated product.")
    multimodal = YesNo("Does the model handle images, sound or video?")
    competes = YesNo(
        "Does the student compete with the provider?", "A judgment: of products, not of intentions."
    )
    authorised = YesNo("Has the provider approved it in writing?")
    outputs_published = YesNo("Will the outputs be published?")
    accessed_via = forms.ChoiceField(
        required=False,
        choices=_hosts,
        label="Served by a host",
        help_text="Its terms are added to the license of the weights.",
    )
    revision_date = forms.DateField(required=False, label="Day of your copy", widget=_day())
    generated_on = forms.DateField(required=False, label="Day on which the outputs are made", widget=_day())
    proposed_name = forms.CharField(required=False, max_length=200, label="Name you mean to give it")
    student_family = forms.CharField(
        required=False, max_length=200, label="Family of the student", help_text="qwen"
    )
    student_is_llm = YesNo(
        "Is the student a large language model?", "The texts do not define it; somebody has to say."
    )
    student_kind = forms.ChoiceField(
        required=False,
        choices=KINDS,
        label="What kind of model is the student?",
    )
    student_distributed = YesNo("Will the student be distributed or sold?")
    student_name = forms.CharField(required=False, max_length=200, label="Name of the student")

    def __init__(self, data: QueryDict) -> None:
        super().__init__(data)
        self.query = data
        self.fields["region"].help_text = _region_help()
        for name in data:
            if name.startswith(USERS):
                self.add_day(name.removeprefix(USERS))

    def add_day(self, day: str) -> None:
        """A field for the users on one day, which texts take as a photograph."""
        try:
            shown = dt.date.fromisoformat(day)
        except ValueError:
            return
        label = f"Monthly users on {shown:%d %B %Y}"
        help_text = "In the calendar month before, affiliates included; today's figure does not count."
        self.fields[f"{USERS}{day}"] = forms.IntegerField(
            required=False, min_value=0, label=label, help_text=help_text
        )

    @property
    def asks(self) -> bool:
        """Whether there is a question yet."""
        return any(self.data.get(name) for name in ("model", *PLAN))

    @property
    def is_plan(self) -> bool:
        """Whether a planned student is asked about."""
        return self.data.get("about") == "plan"

    def document(self) -> QuestionDocument | None:
        """The question; None when there is none or something is wrong, which the form then shows."""
        if not self.asks or not self.is_valid():
            return None
        given = {name: value for name, value in self.cleaned_data.items() if value not in ("", None)}
        given |= {name: given[name] == "yes" for name in BOOLEANS if name in given}
        profile = given.pop("profile", "standard")
        given.pop("about", None)
        body = self._nested(given)
        try:
            key = "plan" if self.is_plan else "use"
            return QuestionDocument.model_validate({key: body, "profile": profile})
        except pydantic.ValidationError as error:
            self.add_error(None, "; ".join(_sentence(one) for one in error.errors()[:3]))
            return None

    def _nested(self, given: dict[str, Any]) -> dict[str, Any]:
        student = {n.removeprefix("student_"): given.pop(n) for n in list(given) if n.startswith("student_")}
        days = {n.removeprefix(USERS): given.pop(n) for n in list(given) if n.startswith(USERS)}
        if student:
            given["student"] = student
        if days:
            given["mau_on_date"] = days
        dropped = ("model", "action", "revision_date", "proposed_name") if self.is_plan else PLAN
        for name in dropped:
            given.pop(name, None)
        for name in PLAN:
            if name in given:
                given[name] = [part.strip() for part in given[name].split(",") if part.strip()]
        host = given.pop("accessed_via", None) if self.is_plan else None
        if host and "teachers" in given:
            given["teachers"] = [{"model": name, "accessed_via": host} for name in given["teachers"]]
        if "datasets" in given:
            given["data"] = given.pop("datasets")
        if not self.is_plan:
            given.setdefault("action", "host")
        return given

    def tabs(self) -> list[Tab]:
        """Both kinds of question; each keeps what was typed for the other."""
        return [
            Tab(label, f"?{self._address(about)}", self.is_plan == (about == "plan"))
            for about, label in ABOUT
        ]

    def kept(self) -> list[tuple[str, str]]:
        """What was typed for the other kind of question, to be sent along unseen."""
        names = ("model", "action", "revision_date", "proposed_name") if self.is_plan else PLAN
        return [(name, self.data[name]) for name in names if self.data.get(name)]

    def _address(self, about: str) -> str:
        query = self.query.copy()
        query["about"] = about
        return str(query.urlencode())

    def shown(self, open_names: Iterable[str], days: Iterable[str]) -> Shown:
        """The fields to show: the question, what was said, and what can still change the answer."""
        wanted = [FACT_FIELDS.get(name, name) for name in open_names if name != "mau_on_date"]
        for day in days:
            self.add_day(day)
            wanted.append(f"{USERS}{day}")
        unseen = {name for name, _ in self.kept()}
        said = [
            name for name in self.fields if name not in ASKED and name not in unseen and self.data.get(name)
        ]
        still = [name for name in wanted if name in self.fields and name not in said]
        named = ["student_name"] if self.is_plan else ["proposed_name", "revision_date"]
        if self.is_plan or self.data.get("action") in ("distill", "judge"):
            named.append("generated_on")
        named.append("accessed_via")
        extra = [name for name in named if name not in said]
        return Shown(
            [self[name] for name in said], [self[name] for name in still], [self[name] for name in extra]
        )


class Tab(NamedTuple):
    """One of the two kinds of question, and the address that asks it with everything typed so far."""

    label: str
    address: str
    is_chosen: bool


class Shown(NamedTuple):
    """Fields of the form by why they are shown."""

    said: list[BoundField]
    still: list[BoundField]
    extra: list[BoundField]


def label_of(name: str) -> str:
    """What the form calls a field of a question, without its question mark."""
    if name in SHORT_LABELS:
        return SHORT_LABELS[name]
    field = CheckForm.base_fields.get(name)
    return str(field.label).rstrip("?") if field else name.replace("_", " ")


def choice_words(name: str) -> dict[str, str]:
    """The words of each value that a field offers; none where anything can be typed."""
    if name == "accessed_via":
        return dict(_hosts())
    return dict({"action": ACTIONS, "student_kind": KINDS}.get(name, ()))


def _sentence(error: Any) -> str:
    where = ".".join(str(part) for part in error["loc"][1:])
    return f"{where}: {error['msg']}" if where else str(error["msg"])
