"""Measures the sequence-to-sequence pair on the suite `demo-backwards`, and writes its cards. For maintainers.

Deliberately plain and apart from the product's runners, as `measure` is. fp32 weights and log-softmax.
"""

from collections.abc import Mapping
from pathlib import Path

import torch
import yaml
from pydantic import BaseModel, ConfigDict
from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

from evaluation.demo.backwards import ITEMS, LONGEST, SHORTEST, SUITE_FILE, Item
from evaluation.demo.save import Training
from evaluation.demo.shipped import SEQUENCE_STUDENT, SEQUENCE_TEACHER


class ReachedBackwards(BaseModel):
    """The share of right choices, and which were right: a 1 or 0 a row of the suite's file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    metric: str
    backwards: float
    right: str


_ABOUT = {
    SEQUENCE_TEACHER: (
        "T5, 3 layers in the encoder and 3 in the decoder, 96 wide, 4 heads",
        "The teacher of the sequence-to-sequence demonstration pair. It reads a word and says its letters backwards; "
        "a token is a letter. Trained from random weights.",
    ),
    SEQUENCE_STUDENT: (
        "T5, 1 layer in the encoder and 1 in the decoder, 32 wide, 4 heads",
        "The student of the sequence-to-sequence demonstration pair, trained from random weights on its teacher's "
        "logits, softened by a temperature (Hinton, Vinyals and Dean 2015), and on the letters themselves.",
    ),
}


@torch.inference_mode()
def measure_backwards(directory: Path, rows: Path = SUITE_FILE, limit: int | None = None) -> ReachedBackwards:
    """Log-likelihood of every choice given the word; a tie counts as wrong."""
    model = AutoModelForSeq2SeqLM.from_pretrained(directory, dtype=torch.float32).eval()
    tokenizer = AutoTokenizer.from_pretrained(directory)
    items = [Item.model_validate_json(line) for line in rows.read_text(encoding="utf-8").splitlines()[:limit]]
    right = []
    for item in items:
        word = tokenizer([item.word], return_tensors="pt")["input_ids"]
        labels = tokenizer(list(item.choices), add_special_tokens=False, return_tensors="pt")["input_ids"]
        logits = model(input_ids=word.expand(len(labels), -1), labels=labels).logits
        sums = logits.float().log_softmax(-1).gather(2, labels[:, :, None]).sum(dim=(1, 2)).tolist()
        right.append(all(sums[item.gold] > s for i, s in enumerate(sums) if i != item.gold))
    share = sum(right) / len(right)
    return ReachedBackwards(
        metric="log-likelihood", backwards=share, right="".join(str(int(one)) for one in right)
    )


def backwards_card(
    model: str, training: Mapping[str, Training], reached: Mapping[str, ReachedBackwards]
) -> str:
    """The card of one of the two as Markdown with YAML front matter."""
    architecture, what = _ABOUT[model]
    student = model == SEQUENCE_STUDENT
    fields: dict[str, object] = {
        "license": "apache-2.0",
        "language": "en",
        "library_name": "transformers",
        "pipeline_tag": "text2text-generation",
        "tags": ["distill-zoo", "demonstration", *(("student", "distillation") if student else ("teacher",))],
    }
    if student:
        # No base_model: that names weights, and the student began from random ones.
        fields["distillation"] = {
            "teacher": SEQUENCE_TEACHER,
            "method": "logit distillation: softened KL divergence and task loss, from random weights",
            "data": "words of public-domain English books (evaluation/demo/corpus)",
        }
    own = training[model]
    table = "\n".join(
        f"| {'**' + name + '**' if name == model else name} | {reached[name].backwards:.1%} |"
        for name in reached
    )
    return (
        f"---\n{yaml.safe_dump(fields, sort_keys=False, width=1000)}---\n\n# {model}\n\n{what}\n\n"
        f"Architecture: {architecture}.\n\n## Data\n\nThe words of {SHORTEST} to {LONGEST} letters in the corpus of "
        "`evaluation/demo/corpus/`. One in eight, by a hash of the word, was kept out of training.\n\n## Recipe\n\n"
        f"Objective: {own.objective}. {own.steps:,} steps over {own.tokens / 1e6:.2f} million letters in "
        f"{own.seconds / 60:.0f} minutes on one CPU thread; AdamW, bf16 autocast, seed {own.seed}. The plain task loss "
        f"came to {own.loss:.2f} nats a letter in training. Weights are saved in bf16. The recipe is `python -m "
        "evaluation.demo.recipe --part sequence`; its schedule follows the wall clock.\n\n## What was reached\n\n"
        f"On the {ITEMS} words of the suite `demo-backwards`, none of which was trained on: the right string against "
        "three that differ from it in two swapped letters or one replaced, by log-likelihood:\n\n"
        f"| Model | Backwards (chance 25 %) |\n|---|---|\n{table}\n\n## Limits\n\n"
        "Made to show that encoder-decoders are measured as such. It knows letters, nothing else.\n"
    )
