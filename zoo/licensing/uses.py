"""The intended uses for which every model's verdict is kept ready. Pure.

They are questions that people ask most; anything else is answered when it is asked. Figures such as users and
revenue are left open on purpose, so a license with a threshold gives a duty to confirm.
"""

from types import MappingProxyType
from typing import Final, NamedTuple

from zoo.licensing.rules.questions import Facts, Student, Use
from zoo.licensing.rules.vocabulary import Action, Verdict

ORDINARY: Final = "sell"
PREFIX: Final = "use-"


class IntendedUse(NamedTuple):
    """A use with its short name, how it reads in a list, and the question it stands for."""

    name: str
    label: str
    sentence: str
    question: Use


def _use(action: Action, *, commercial: bool = True, student: Student = Student()) -> Use:  # noqa: B008
    return Use("", action, Facts(commercial=commercial, student=student))


_STUDENT = Student(family="another family", is_llm=True, kind="general", distributed=True)
USES: Final = (
    IntendedUse(
        ORDINARY, "sell as a service", "Offer it to customers in a product or service", _use(Action.HOST)
    ),
    IntendedUse("run", "use inside a company", "Run it inside a company", _use(Action.RUN)),
    IntendedUse(
        "redistribute",
        "pass the weights on",
        "Pass the weights on, for money or not",
        _use(Action.REDISTRIBUTE),
    ),
    IntendedUse(
        "publish",
        "publish a fine-tune",
        "Publish a fine-tuned or quantized copy",
        _use(Action.PUBLISH_DERIVATIVE),
    ),
    IntendedUse(
        "distill",
        "distill from it",
        "Train a published language model on its outputs",
        _use(Action.DISTILL, student=_STUDENT),
    ),
    IntendedUse(
        "research",
        "use in research",
        "Run it in research without commerce",
        _use(Action.RUN, commercial=False),
    ),
)
BY_NAME: Final = MappingProxyType({use.name: use for use in USES})


def facet_values(words: dict[str, str]) -> list[str]:
    """Values of the catalog's verdict facet: the ordinary use's word, then ``use-NAME:word`` for the others.

    The plain word sorts before the prefixed ones, which is how lists find it.
    """
    return [words[ORDINARY], *(f"{PREFIX}{name}:{word}" for name, word in words.items() if name != ORDINARY)]


def facet_choices() -> tuple[str, ...]:
    """Every value that the facet can have."""
    words = tuple(verdict.word for verdict in Verdict)
    return (*words, *(f"{PREFIX}{use.name}:{word}" for use in USES if use.name != ORDINARY for word in words))
