"""The shape of one reviewed license file: identity, the text that was read, grants and rules.

Files are validated against these classes by `python -m zoo.licensing.data` and at start-up. They hold data
only; what the data means is decided in `engine`.
"""

import datetime as dt
import re
from typing import Annotated, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator

from zoo.licensing.rules.vocabulary import DUTIES, FLAGS, WORDED_DUTIES, Action

Slug = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9.+-]*$")]
Sentence = Annotated[str, StringConstraints(min_length=10, max_length=600)]
Digest = Annotated[str, StringConstraints(pattern=r"^(sha256:([0-9a-f]{16}|[0-9a-f]{64})|git:[0-9a-f]{40})$")]
"""SHA-256 of the copy, or the commit of the repository that holds it, which fixes every byte as well."""
PartialDay = Annotated[
    str,
    BeforeValidator(lambda value: value.isoformat() if isinstance(value, dt.date) else value),
    StringConstraints(pattern=r"^\d{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01]))?)?$"),
]
Seen = Literal["text", "secondary", "recalled"]
Family = Literal[
    "public-domain",
    "permissive",
    "weak-copyleft",
    "strong-copyleft",
    "creative-commons",
    "data",
    "rail",
    "community",
    "noncommercial",
    "research",
    "service",
]
REQUEST_FLAG = re.compile(r"^request-[a-z0-9-]+$")


class Record(BaseModel):
    """Base of every data-file schema: frozen, and unknown keys are an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class When(Record):
    """The facts under which a rule fires; all given ones must hold."""

    commercial: bool | None = None
    mau_over: int | None = Field(default=None, gt=0, description="monthly active users now")
    mau_on_date_over: int | None = Field(
        default=None, gt=0, description="monthly users on `date`, a photograph"
    )
    date: dt.date | None = None
    revenue_over: int | None = Field(default=None, gt=0, description="US dollars a year")
    region: Literal["EU"] | None = None
    field: str | None = None
    end_user_not: Literal[True] | None = None
    multimodal: bool | None = None
    student_family_not: str | None = None
    student_is_llm: bool | None = None
    student_general: bool | None = None
    student_kind: Literal["general", "generative", "classifier"] | None = None
    student_distributed: bool | None = None
    competes: bool | None = None
    authorised: bool | None = None
    authorised_not: Literal[True] | None = None
    outputs_published: bool | None = None

    @model_validator(mode="after")
    def _photograph_has_a_date(self) -> Self:
        if (self.mau_on_date_over is None) != (self.date is None):
            raise ValueError("mau_on_date_over and date belong together")
        return self


class Rule(Record):
    """One clause as a rule: when these facts hold for this action, deny, oblige, allow or flag."""

    id: Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]
    clause: str = Field(min_length=1)
    acts: Literal["any"] | list[Action]
    when: When = When()
    deny: str | None = None
    must: str | None = None
    allow: str | None = None
    flag: str | None = None
    says: Sentence
    seen: Seen | None = Field(default=None, description="only where it differs from the file's text")
    choice: str | None = Field(default=None, description="the reading choice without which the rule is void")
    choice_acts: dict[str, list[Action]] = Field(default_factory=dict, description="actions a choice adds")

    @model_validator(mode="after")
    def _has_one_effect(self) -> Self:
        effects = [name for name in ("deny", "must", "allow", "flag") if getattr(self, name) is not None]
        if len(effects) != 1 and effects != ["must", "allow"]:
            raise ValueError(
                f"rule {self.id}: exactly one of deny, must, allow, flag (an allow may carry a must)"
            )
        if self.must is not None and not is_duty(self.must):
            raise ValueError(f"rule {self.id}: {self.must!r} is not a duty")
        if self.flag is not None and self.flag not in FLAGS and not REQUEST_FLAG.match(self.flag):
            raise ValueError(f"rule {self.id}: {self.flag!r} is not a flag")
        if self.acts != "any" and not self.acts:
            raise ValueError(f"rule {self.id}: acts is empty")
        return self


def is_duty(word: str) -> bool:
    """Whether `word` is a duty of the vocabulary, plain or with a text after a colon."""
    head, colon, text = word.partition(":")
    return word in DUTIES or (bool(colon) and head in WORDED_DUTIES[:2] and bool(text))


class Text(Record):
    """The copy that was read: where it is, which copy, when it dates from, and how well it is known.

    `text` means that the very copy can be shown again: it has an address, a digest and a date, or the reason why it
    has no date and when the copy was made. What cannot show that is `secondary` at best.
    """

    url: str | None = None
    date: PartialDay | None = Field(default=None, description="year, month or day of this version")
    dated_by: Literal["text", "source", "release"] = Field(
        default="text", description="who states the date: the text, whoever keeps the copy, or the release"
    )
    undated: Sentence | None = Field(default=None, description="why there is no date")
    copied: PartialDay | None = Field(
        default=None, description="when the copy was made, for a text without a date"
    )
    digest: Digest | None = None
    seen: Seen
    source: str = Field(min_length=3)
    read_on: dt.date
    read_by: str = "Distill Zoo maintainers"
    reviewed_by: str | None = Field(
        default=None, description="counsel or maintainer who signed the reading off"
    )

    @model_validator(mode="after")
    def _can_be_shown_again(self) -> Self:
        if self.seen == "text" and self.digest is None:
            raise ValueError("a text that counts as read needs the digest of the copy, else it is secondary")
        if self.seen == "text" and self.date is None and (self.undated is None or self.copied is None):
            raise ValueError(
                "a text that counts as read needs its date, or why it has none and when it was copied"
            )
        return self


class InForce(Record):
    """A version of a provider's terms: the series it belongs to and the days on which it governed."""

    series: Slug
    since: dt.date
    until: dt.date | None = None


class LicenseFile(Record):
    """One license text or one version of a provider's terms of service."""

    key: Slug
    name: str = Field(min_length=2)
    family: Family
    spdx: str | None = Field(default=None, description="SPDX id or LicenseRef, where one exists")
    aliases: list[str] = []
    hub_tags: list[str] = []
    hub_names: list[str] = Field(default=[], description="license_name values seen beside the tag `other`")
    licensor: str | None = None
    service: bool = False
    text: Text
    other_copies: list[Text] = Field(
        default=[], description="dated copies whose clauses used here read the same"
    )
    in_force: InForce | None = None
    use_policy: str | None = None
    notice: str | None = Field(default=None, description="the line its notice clause asks to keep")
    grants: Literal["all"] | list[Action]
    grant_clause: str
    student_is_derivative: Literal["yes", "no", "silent"] = "silent"
    student_clause: str | None = None
    outputs_of_derivatives: bool = Field(
        default=False, description="whether an output of a derivative counts as an output of the model"
    )
    rules: list[Rule]
    notes: str | None = None

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        ids = [rule.id for rule in self.rules]
        if len(set(ids)) != len(ids):
            raise ValueError(f"{self.key}: rule ids repeat")
        if self.student_is_derivative == "yes" and not self.student_clause:
            raise ValueError(f"{self.key}: a text that makes students derivatives needs the clause")
        if self.outputs_of_derivatives and self.student_is_derivative != "yes":
            raise ValueError(f"{self.key}: outputs_of_derivatives without student_is_derivative")
        if self.service != (self.family == "service"):
            raise ValueError(f"{self.key}: service and family disagree")
        if self.text.seen == "text" and self.text.url is None:
            raise ValueError(f"{self.key}: a text that counts as read needs its address")
        return self


class Choice(Record):
    """A reading on which careful people may differ; flipping `holds` flips every rule that rests on it."""

    id: Slug
    letter: str
    holds: bool
    says: Sentence
    otherwise: Sentence


class Choices(Record):
    """The file of reading choices, and the version and date of the rule set."""

    version: Annotated[str, StringConstraints(pattern=r"^\d+\.\d+\.\d+$")]
    checked_on: dt.date
    checked_by: str
    choices: list[Choice]
