"""A made-up catalog that is shaped like the real one: names, families, licenses, sizes, lineage. Pure and seeded.

Names are built as on the hub (family, version, size, variant, what was done to it, a word of the author's own);
frequencies follow a power law; half of the models descend from an earlier one, up to twelve steps deep, some
from two.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass

MAX_DEPTH = 12

FAMILIES = (
    ("qwen", ("2", "2.5", "3"), ("0.5B", "1.5B", "3B", "7B", "14B", "32B", "72B"), "Apache-2.0"),
    ("llama", ("2", "3", "3.1", "3.2", "3.3"), ("1B", "3B", "8B", "13B", "70B"), "llama-3.1-community"),
    ("mistral", ("v0.1", "v0.2", "v0.3"), ("7B", "12B", "24B"), "Apache-2.0"),
    ("gemma", ("2", "3"), ("1B", "2B", "4B", "9B", "12B", "27B"), "gemma-terms"),
    ("phi", ("1.5", "2", "3", "4"), ("1.3B", "2.7B", "3.8B", "14B"), "MIT"),
    ("deepseek", ("v2", "v3", "r1"), ("1.5B", "7B", "16B", "67B"), "MIT"),
    ("bert", ("base", "large"), ("66M", "110M", "340M"), "Apache-2.0"),
    ("gpt2", ("small", "medium", "xl"), ("124M", "355M", "1.5B"), "MIT"),
    ("t5", ("base", "large", "xl"), ("220M", "770M", "3B"), "Apache-2.0"),
    ("pythia", ("v1",), ("70M", "160M", "410M", "1.4B", "6.9B"), "Apache-2.0"),
    ("smollm", ("2", "3"), ("135M", "360M", "1.7B"), "Apache-2.0"),
    ("whisper", ("small", "large-v2"), ("244M", "1.5B"), "MIT"),
    ("falcon", ("2", "3"), ("7B", "11B", "40B"), "Apache-2.0"),
    ("yi", ("1.5",), ("6B", "9B", "34B"), "Apache-2.0"),
    ("granite", ("3", "3.1"), ("2B", "8B"), "Apache-2.0"),
    ("olmo", ("1", "2"), ("1B", "7B", "13B"), "Apache-2.0"),
)
LICENSES = (
    "Apache-2.0",
    "MIT",
    "",
    "CC-BY-NC-4.0",
    "CC-BY-4.0",
    "GPL-3.0-only",
    "bigcode-openrail-m",
    "BSD-3-Clause",
)
VARIANTS = ("", "Instruct", "Chat", "Base", "Coder", "Math", "Vision", "Reasoning")
TREATMENTS = {
    "finetuned_from": ("sft", "dpo", "orpo", "lora", "ft", "grpo"),
    "quantized_from": ("GGUF", "AWQ", "GPTQ", "4bit", "8bit", "exl2"),
    "distilled_from": ("distill", "distilled", "student"),
    "adapter_of": ("adapter", "lora"),
    "merged_from": ("merge", "slerp", "ties"),
    "pruned_from": ("pruned", "minitron"),
}
KINDS = ("finetuned_from", "quantized_from", "distilled_from", "adapter_of", "merged_from", "pruned_from")
KIND_WEIGHTS = (46, 30, 8, 9, 5, 2)
METHODS = ("response", "logit", "feature", "chain-of-thought")
SYLLABLES = re.findall(
    "..", "babebodadedofafigagohahikakikolalelomamimonanenopapirarerirosasesotatetovavizazo"
)
ARCHITECTURES = {"bert": "encoder", "t5": "encoder-decoder", "whisper": "encoder-decoder"}


@dataclass(frozen=True, slots=True)
class Made:
    """One made-up model. Parents are numbers of earlier ones, with the kind of the step."""

    number: int
    organization: str
    name: str
    family: str
    license: str
    parameters: int
    released: str
    parents: tuple[tuple[int, str, tuple[str, ...]], ...]
    depth: int

    @property
    def slug(self) -> str:
        """The id."""
        return f"{self.organization}/{self.name}"


def make(count: int, seed: int = 2026) -> Iterator[Made]:
    """``count`` models in an order in which parents come first."""
    dice = random.Random(seed)
    publishers = [_word(dice) for _ in range(max(20, count // 12))]
    depths: list[int] = []
    families: list[int] = []
    by_family: list[list[int]] = [[] for _ in FAMILIES]
    for number in range(count):
        family = min(int(dice.paretovariate(1.1)) - 1, len(FAMILIES) - 1)
        parents = _parents(dice, by_family[family], depths) if dice.random() < 0.55 else ()
        model = _model(dice, number, family, parents, publishers, depths)
        depths.append(model.depth)
        families.append(family)
        by_family[family].append(number)
        yield model


def _parents(
    dice: random.Random, candidates: list[int], depths: list[int]
) -> tuple[tuple[int, str, tuple[str, ...]], ...]:
    """One parent, or two of a merge; early ones are preferred, as on the hub."""
    if not candidates:
        return ()
    kind = dice.choices(KINDS, KIND_WEIGHTS)[0]
    chosen: dict[int, None] = {}
    for _ in range(2 if kind == "merged_from" else 1):
        # Squaring draws the early ones; every tenth takes the newest, which makes long chains.
        spot = len(candidates) - 1 if dice.random() < 0.1 else int(len(candidates) * dice.random() ** 3)
        chosen[candidates[spot]] = None
    methods = tuple(dice.sample(METHODS, dice.choice((1, 1, 2)))) if kind == "distilled_from" else ()
    return tuple((parent, kind, methods) for parent in chosen if depths[parent] < MAX_DEPTH)


def _model(
    dice: random.Random,
    number: int,
    family: int,
    parents: tuple[tuple[int, str, tuple[str, ...]], ...],
    publishers: list[str],
    depths: list[int],
) -> Made:
    name, versions, sizes, usual = FAMILIES[family]
    size = dice.choice(sizes)
    parts = [name.capitalize(), dice.choice(versions), size, dice.choice(VARIANTS)]
    if parents:
        parts.append(dice.choice(TREATMENTS[parents[0][1]]))
    parts += [_word(dice), str(number)]
    license_ = usual if dice.random() < 0.6 else dice.choice(LICENSES)
    factor = 10**9 if size.endswith("B") else 10**6
    year = 2019 + min(7, int(dice.random() ** 0.5 * 8))
    return Made(
        number=number,
        organization=publishers[min(int(dice.paretovariate(0.6)) - 1, len(publishers) - 1)],
        name="-".join(part for part in parts if part)[:90],
        family=name,
        license=license_,
        parameters=int(float(size[:-1]) * factor),
        released=f"{year}-{dice.randint(1, 12):02d}-{dice.randint(1, 28):02d}",
        parents=parents,
        depth=1 + max((depths[parent] for parent, _, _ in parents), default=-1),
    )


def _word(dice: random.Random) -> str:
    """An author's own word, from a stock of some ten thousands."""
    return "".join(dice.choice(SYLLABLES) for _ in range(dice.choice((2, 3, 3))))
