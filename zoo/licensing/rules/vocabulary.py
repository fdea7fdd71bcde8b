"""The words of the license engine: actions, verdicts, path classes, duties and flags.

Nothing here decides anything; every other module of `rules` and the data files speak these words.
"""

from enum import IntEnum, StrEnum
from typing import Final


class Action(StrEnum):
    """What somebody wants to do with a model."""

    RUN = "run"  # inside the organization
    HOST = "host"  # others use it as a service or inside a product; no weights are given
    REDISTRIBUTE = "redistribute"  # weights passed on unchanged
    PUBLISH_DERIVATIVE = "publish_derivative"  # fine-tuned, merged, pruned or quantized weights passed on
    DISTILL = "distill"  # its outputs, logits or features train another model
    JUDGE = "judge"  # it grades or rewards another model's training


class Verdict(IntEnum):
    """Ordered by severity, so that combining verdicts is taking the largest."""

    ALLOWED = 0
    CONDITIONS = 1
    UNKNOWN = 2
    PROHIBITED = 3

    @property
    def word(self) -> str:
        """The word used in JSON, on pages and on the command line."""
        return self.name.lower()


class Profile(StrEnum):
    """How upstream contracts and terms of training data weigh: shown beside the verdict, or unknown."""

    STANDARD = "standard"
    STRICT = "strict"


class NodeKind(StrEnum):
    """What a node of the lineage is."""

    MODEL = "model"
    DATASET = "dataset"
    API = "api"


class PathClass(StrEnum):
    """What travels along an edge. A license reaches a child by class, not by the edge's name."""

    WEIGHTS = "weights"  # the child contains the parent
    OUTPUTS = "outputs"  # the child learned from the parent's outputs, logits or features
    DATA = "data"  # the child was trained on the parent, a data set
    JUDGED = "judged"  # the parent graded or rewarded the child's training


class EdgeKind(StrEnum):
    """The typed lineage edges, child to parent, as the catalog records them."""

    INITIALIZED_FROM = "initialized_from"
    FINETUNED_FROM = "finetuned_from"
    PRUNED_FROM = "pruned_from"
    QUANTIZED_FROM = "quantized_from"
    MERGED_FROM = "merged_from"
    ADAPTER_OF = "adapter_of"
    DISTILLED_FROM = "distilled_from"
    GENERATED_BY = "generated_by"
    TRAINED_ON = "trained_on"
    JUDGED_BY = "judged_by"


PATH_CLASS: Final[dict[EdgeKind, PathClass]] = {
    EdgeKind.INITIALIZED_FROM: PathClass.WEIGHTS,
    EdgeKind.FINETUNED_FROM: PathClass.WEIGHTS,
    EdgeKind.PRUNED_FROM: PathClass.WEIGHTS,
    EdgeKind.QUANTIZED_FROM: PathClass.WEIGHTS,
    EdgeKind.MERGED_FROM: PathClass.WEIGHTS,
    EdgeKind.ADAPTER_OF: PathClass.WEIGHTS,
    EdgeKind.DISTILLED_FROM: PathClass.OUTPUTS,
    EdgeKind.GENERATED_BY: PathClass.OUTPUTS,
    EdgeKind.TRAINED_ON: PathClass.DATA,
    EdgeKind.JUDGED_BY: PathClass.JUDGED,
}


class FactKind(StrEnum):
    """What a missing fact leads to: a duty to confirm, an unknown, or a presumption."""

    MEASURE = "measure"  # a figure, place or field of use: missing becomes a `confirm` duty
    JUDGMENT = "judgment"  # somebody has to judge: missing becomes unknown
    PRIVILEGE = "privilege"  # a special standing has to be claimed: missing means not held
    ORDINARY = "ordinary"  # an ordinary field of use is presumed, and the answer says so


FACT_KIND: Final[dict[str, FactKind]] = {
    "commercial": FactKind.JUDGMENT,
    "mau": FactKind.MEASURE,
    "mau_on_date": FactKind.MEASURE,
    "revenue": FactKind.MEASURE,
    "region": FactKind.MEASURE,
    "field": FactKind.ORDINARY,
    "multimodal": FactKind.JUDGMENT,
    "end_user": FactKind.PRIVILEGE,
    "authorised": FactKind.PRIVILEGE,
    "competes": FactKind.JUDGMENT,
    "outputs_published": FactKind.JUDGMENT,
    "student.family": FactKind.JUDGMENT,
    "student.is_llm": FactKind.JUDGMENT,
    "student.kind": FactKind.JUDGMENT,
    "student.distributed": FactKind.JUDGMENT,
}

FACT_WORDS: Final[dict[str, str]] = {
    "commercial": "whether the purpose is commercial",
    "mau": "how many users there are each month",
    "mau_on_date": "how many users there were on the day that the text names",
    "revenue": "what the revenue of a year is",
    "region": "the region",
    "field": "the field of use",
    "multimodal": "whether the model handles images, sound or video",
    "end_user": "whether you only use a finished product",
    "authorised": "whether the provider approved it in writing",
    "competes": "whether the student competes with the provider, which somebody has to judge",
    "outputs_published": "whether the outputs are published",
    "student.family": "which family the student belongs to",
    "student.is_llm": "whether the student is a large language model, which the texts do not define",
    "student.kind": "what kind of model the student is",
    "student.distributed": "whether the student is distributed or sold",
}

REGION_BY_SEAT: Final = (
    "EU, or a country's ISO code: of a company the principal place of business, of a person the domicile"
)
REGION_BY_USE: Final = "EU, or a country's ISO code: where the model is used"

DUTIES: Final = frozenset(
    {
        "include-license",
        "keep-notices",
        "notice-file",
        "attribution",
        "state-changes",
        "same-license",
        "disclose-source",
        "use-policy",
        "pass-through-use-policy",
        "keep-model-card",
        "keep-guardrails",
        "label-ai-generated",
        "keep-undistributed",
        "stay-within-authorisation",
        "no-endorsement",
        "no-trademark",
        "register",
    }
)
WORDED_DUTIES: Final = ("display", "name-prefix", "confirm")
NAME_PREFIX: Final = "name-prefix:"

FLAGS: Final = frozenset(
    {
        "upstream-contract",
        "dataset-terms",
        "maker-duty",
        "second-generation",
        "contested",
        "tag-mismatch",
        "unknown-teacher-license",
        "revision-changed",
        "text-changed",
        "rule-unverified",
        "judged-by",
        "name-conflict",
        "license-recalled",
        "lineage-recalled",
    }
)

EU_MEMBERS: Final = frozenset(
    [
        "AT",
        "BE",
        "BG",
        "CY",
        "CZ",
        "DE",
        "DK",
        "EE",
        "ES",
        "FI",
        "FR",
        "GR",
        "HR",
        "HU",
        "IE",
        "IT",
        "LT",
        "LU",
        "LV",
        "MT",
        "NL",
        "PL",
        "PT",
        "RO",
        "SE",
        "SI",
        "SK",
        "EU",
    ]
)
