"""Writes the model cards: front matter for machines, prose for people, and the figures that were measured.

Every figure comes from training.json and from `measure`; nothing is filled in by hand.
"""

from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

import yaml

from evaluation.demo.corpus import held_out_books, training_books
from evaluation.demo.measure import Reached
from evaluation.demo.save import Training
from evaluation.demo.shipped import (
    CAUSAL_ALONE,
    CAUSAL_STUDENT,
    CAUSAL_TEACHER,
    MASKED_STUDENT,
    MASKED_TEACHER,
)
from evaluation.scoring.paired import Counts
from evaluation.scoring.significance import mcnemar

_DATA = "29 public-domain English books from Project Gutenberg (evaluation/demo/corpus)"


_SEPARATED = 0.01
"""The level of a single test on a card; the comparisons of the service correct theirs for their number."""
_COMPARED: Mapping[str, tuple[str, ...]] = {
    CAUSAL_STUDENT: (CAUSAL_TEACHER, CAUSAL_ALONE),
    CAUSAL_ALONE: (CAUSAL_STUDENT,),
    MASKED_STUDENT: (MASKED_TEACHER,),
}


class _About(NamedTuple):
    """What is said of a model beside its figures; `method` only where it was distilled."""

    architecture: str
    what: str
    tags: tuple[str, ...]
    pipeline: str
    teacher: str | None = None
    method: str | None = None


_ABOUT: Mapping[str, _About] = {
    CAUSAL_TEACHER: _About(
        "Llama, 6 layers, 256 wide, 4 heads, tied embeddings",
        "The teacher of the causal demonstration pair, trained from random weights to predict the "
        "next token.",
        ("teacher",),
        "text-generation",
    ),
    CAUSAL_STUDENT: _About(
        "Llama, 3 layers, 256 wide, 4 heads, tied embeddings",
        "The student of the causal demonstration pair. It started from its teacher's embeddings, "
        "final norm and every "
        "second layer (the 1st, 3rd and 5th), and was then trained on the teacher's logits, softened "
        "by a temperature "
        "(Hinton, Vinyals and Dean 2015), and on the next token.",
        ("student", "distillation"),
        "text-generation",
        CAUSAL_TEACHER,
        "logit distillation: softened KL divergence and task loss; initialized from every second "
        "teacher layer",
    ),
    CAUSAL_ALONE: _About(
        "Llama, 3 layers, 256 wide, 4 heads, tied embeddings",
        "What the student is without its teacher: the same architecture, data order, learning rate "
        "and number of steps "
        f"as `{CAUSAL_STUDENT}`, but from random weights and on the next token alone. No weight and "
        "no output of the "
        "teacher went into it, so it was not distilled. Its distance from the student is what the "
        "teacher gave, by weights "
        "and by logits together; the two are not told apart.",
        ("baseline",),
        "text-generation",
    ),
    MASKED_TEACHER: _About(
        "BERT, 6 layers, 192 wide, 4 heads",
        "The teacher of the masked demonstration pair, trained to fill in hidden tokens. It started "
        "from random "
        "weights, but for heads of the first two layers that were set to look at neighboring tokens "
        "(`see_neighbors` in the recipe).",
        ("teacher",),
        "fill-mask",
    ),
    MASKED_STUDENT: _About(
        "DistilBERT, 3 layers, 192 wide, 4 heads",
        "The student of the masked demonstration pair. It started from its teacher's embeddings, "
        "head and every second "
        "layer (the 2nd, 4th and 6th), and was then trained with the triple loss of DistilBERT (Sanh "
        "et al. 2019): the "
        "teacher's softened logits at hidden tokens, the hidden tokens themselves, and the cosine "
        "between the last "
        "hidden states of the two.",
        ("student", "distillation"),
        "fill-mask",
        MASKED_TEACHER,
        "triple loss: softened KL divergence, masked-language-model loss, cosine of hidden states; "
        "initialized from every second teacher layer",
    ),
}


def _front_matter(about: _About) -> str:
    fields: dict[str, object] = {
        "license": "apache-2.0",
        "language": "en",
        "library_name": "transformers",
        "pipeline_tag": about.pipeline,
        "tags": ["distill-zoo", "demonstration", *about.tags],
    }
    if about.teacher:
        fields["base_model"] = about.teacher
        fields["base_model_relation"] = "finetune"
        fields["distillation"] = {"teacher": about.teacher, "method": about.method, "data": _DATA}
    return f"---\n{yaml.safe_dump(fields, sort_keys=False, width=1000)}---\n"


def _data() -> str:
    kept = ", ".join(f"*{book.source.title}*" for book in held_out_books())
    books = training_books()
    millions = sum(len(p) for book in books for p in book.paragraphs) / 1e6
    return (
        f"{len(books)} English books in the public domain in the United States, from Project "
        f"Gutenberg, {millions:.1f} "
        "million characters. Four books of the same corpus were kept out of all training, the "
        f"tokenizer's too: {kept}. "
        "The corpus and its sources are in `evaluation/demo/corpus/`. One byte-level BPE tokenizer "
        "of 6,000 entries, "
        "trained on the training books, serves all demonstration models."
    )


def _recipe(training: Training) -> str:
    return (
        f"Objective: {training.objective}. {training.steps:,} steps over {training.tokens / 1e6:.2f} "
        "million tokens "
        f"(windows of at most 128) in {training.seconds / 60:.0f} minutes on one CPU thread; AdamW, "
        "bf16 autocast, "
        f"warm-up and cosine, seed {training.seed}. The plain task loss came to {training.loss:.2f} "
        "nats a token in training. "
        "Weights are saved in bf16. The recipe is `python -m evaluation.demo.recipe`; its schedules "
        "follow the wall clock, "
        "so a repeat makes another number of steps."
    )


def _table(model: str, reached: Mapping[str, Reached]) -> str:
    """This model's figures beside those of its siblings of the same kind."""
    kin = [name for name in reached if reached[name].metric == reached[model].metric]
    lines = ["| Model | BLiMP (chance 50 %) | Cloze (chance 25 %) | Bits per byte |", "|---|---|---|---|"]
    for name in kin:
        own = reached[name]
        bits = "not applicable" if own.bits_per_byte is None else f"{own.bits_per_byte:.3f}"
        shown = f"**{name}**" if name == model else name
        lines.append(f"| {shown} | {own.blimp:.1%} | {own.cloze:.1%} | {bits} |")
    return "\n".join(lines)


def _by_field(own: Reached) -> str:
    parts = [f"{field.replace('_', ' ')} {share:.0%}" for field, share in own.blimp_by_field.items()]
    return "BLiMP by phenomenon: " + ", ".join(parts) + "."


def _metric(own: Reached) -> str:
    if own.bits_per_byte is None:
        return (
            "Metric: pseudo-log-likelihood (Salazar et al. 2020): each token of a sentence (for the "
            "cloze: of the word, with "
            "nothing after it) is hidden alone and scored given all the rest. It is no "
            "log-probability and does not "
            "compare with the causal models' figures."
        )
    return (
        "Metric: sum of log-probabilities after a start token, in fp32, as lm-eval's accuracy of a "
        "multiple-choice task. "
        "Bits per byte counts each paragraph once, given a start token (lm-eval's rolling metric "
        "puts a second start "
        "token before it, counts the first as text and comes out a few hundredths higher)."
    )


def _reached(model: str, reached: Mapping[str, Reached]) -> str:
    comparisons = [_against(model, other, reached) for other in _COMPARED.get(model, ())]
    return "\n\n".join(
        (
            "On the data of the suite `demo` (2,010 minimal pairs of BLiMP, 1,000 cloze items and "
            "120 paragraphs of the "
            "kept-out books), measured with `python -m evaluation.demo.measure`; standard errors are "
            "about 1.1 points for "
            "BLiMP and 1.6 for the cloze:",
            _table(model, reached),
            _metric(reached[model]),
            *comparisons,
            _by_field(reached[model]),
        )
    )


def _against(model: str, other: str, reached: Mapping[str, Reached]) -> str:
    """How two models differ item by item, so that a gain can be told from noise."""
    parts = []
    for task in ("blimp", "cloze"):
        own, its = getattr(reached[model], f"{task}_right"), getattr(reached[other], f"{task}_right")
        pairs = Counter(zip(own, its, strict=True))
        gained, lost = pairs["1", "0"], pairs["0", "1"]
        p_value = mcnemar(Counts(both=pairs["1", "1"], lost=lost, gained=gained, neither=pairs["0", "0"]))
        name = "BLiMP" if task == "blimp" else "the cloze"
        verdict = (
            f"{'' if p_value < _SEPARATED else 'not '}separated from noise at the {_SEPARATED:.0%} level"
        )
        parts.append(f"on {name} {gained} and {lost} (exact McNemar p = {p_value:.2g}: {verdict})")
    return f"Items that only {model} and those that only {other} answers rightly: {'; '.join(parts)}."


_LIMITS = (
    "Made to show how Distill Zoo measures, not to be used for anything else. It is tiny, was "
    "trained for minutes on old "
    "novels, reads at most 128 tokens, and repeats what such novels say of people. Near chance on "
    "several phenomena above."
)


def card(model: str, training: Mapping[str, Training], reached: Mapping[str, Reached]) -> str:
    """The card of one model as Markdown with YAML front matter; `training` and `reached` hold all models."""
    about = _ABOUT[model]
    sections = (
        f"# {model}",
        about.what,
        f"Architecture: {about.architecture}.",
        f"## Data\n\n{_data()}",
        f"## Recipe\n\n{_recipe(training[model])}",
        f"## What was reached\n\n{_reached(model, reached)}",
        f"## Limits\n\n{_LIMITS}",
    )
    return _front_matter(about) + "\n" + "\n\n".join(sections) + "\n"
