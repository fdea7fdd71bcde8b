"""Draws the fixed lists of items of the suites: ``python -m evaluation.suites.draw_items``.

A list is drawn once, from a stated range with a stated seed, and then carried as data: the command is here so that
anyone can see that nothing was picked. A list that results exist for is never drawn anew.
"""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path
from typing import NamedTuple

from evaluation.suites.harness_tasks import index

FOLDER = Path(__file__).parent
SEED = 20_260_101


class Draw(NamedTuple):
    """So many of the first so many documents of a task's data set."""

    take: int
    of: int


BLIMP_RANGE = 500
"""The first half of each paradigm: the part that is also in common mirrors."""
MMLU_RANGE = 100
"""No subject of MMLU has fewer test questions."""

ONE_PARADIGM_PER_FIELD = (
    "anaphor_number_agreement", "transitive", "principle_A_domain_1", "existential_there_subject_raising",
    "determiner_noun_agreement_1", "ellipsis_n_bar_1", "wh_vs_that_with_gap", "irregular_past_participle_verbs",
    "adjunct_island", "only_npi_licensor_present", "superlative_quantifiers_1", "animate_subject_passive",
    "regular_plural_subject_verb_agreement_1",
)  # fmt: skip


def draws() -> dict[str, dict[str, Draw]]:
    """What is drawn, by suite and task."""
    blimp = [task.name for task in index().leaves("blimp")]
    mmlu = [task.name for task in index().leaves("mmlu")]
    return {
        "quick": {f"blimp_{name}": Draw(40, BLIMP_RANGE) for name in ONE_PARADIGM_PER_FIELD}
        | {"arc_easy": Draw(250, 1100)},
        "reasoning-quick": {"gsm8k_drawn": Draw(150, 600)},
        "language": {name: Draw(100, BLIMP_RANGE) for name in blimp},
        "knowledge": {
            "arc_easy": Draw(500, 1100),
            "arc_challenge": Draw(500, 1172),
            "openbookqa": Draw(400, 500),
        }
        | {name: Draw(30, MMLU_RANGE) for name in mmlu},
    }


def draw(suite: str, task: str, what: Draw) -> list[int]:
    """The items, ascending. Depends on the names and the seed alone."""
    rng = random.Random(f"{SEED}-{suite}-{task}")  # noqa: S311 (a fixed list is the point)
    return sorted(rng.sample(range(what.of), what.take))


def main() -> int:
    """Writes ``items.json`` for every suite in the table."""
    for suite, lists in draws().items():
        document = {
            "drawn": f"random.sample with seed {SEED}, from the documents before the number in 'of'",
            "of": {task: what.of for task, what in lists.items()},
            "lists": {task: draw(suite, task, what) for task, what in lists.items()},
        }
        folder = FOLDER / suite
        folder.mkdir(exist_ok=True)
        text = json.dumps(document, separators=(",", ":")).replace("],", "],\n").replace(":{", ":{\n")
        (folder / "items.json").write_text(text + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
