"""Golden cases, and the proof that none of them is special: names and the order of parents do not matter."""

import random
import re
from typing import Any

import pytest

from tests.unit.licensing.support import all_cases, complaints, lineage, load, words
from zoo.licensing.documents import LineageDocument

IDS = [case["id"] for case in all_cases()]


def renamed(value: Any, names: dict[str, str]) -> Any:
    """Every node name in a case or lineage replaced; in `rule@node` the part after the sign."""
    if isinstance(value, dict):
        return {key: renamed(item, names) for key, item in value.items()}
    if isinstance(value, list):
        return [renamed(item, names) for item in value]
    if isinstance(value, str):
        head, sign, tail = value.partition("@")
        return f"{head}@{names[tail]}" if sign and tail in names else names.get(value, value)
    return value


@pytest.mark.parametrize("case", all_cases(), ids=IDS)
def test_the_answer_is_the_expected_one(case: dict[str, Any]) -> None:
    assert complaints(case, lineage()) == []


def test_there_are_at_least_as_many_own_cases_as_worked_ones() -> None:
    assert len(load("worked.yaml")) == 40
    assert len(load("more.yaml")) >= 40
    assert len(set(IDS)) == len(IDS)


@pytest.mark.parametrize("seed", [1, 2])
def test_renaming_every_node_changes_no_answer(seed: int) -> None:
    document = load("lineage.yaml")
    own = {
        node["id"] for case in all_cases() for node in case.get("lineage", {}).get("nodes", [])
    }  # of the cases themselves
    ids = [entry["id"] for entry in document["nodes"]] + ["acme-mystery-7b", *sorted(own)]
    numbers = random.Random(seed).sample(range(10_000), len(ids))
    names = {old: f"node-{number}" for old, number in zip(ids, numbers, strict=True)}
    # Names of published models and proposed names are facts of the case, and no node is called like a license.
    document["nodes"] = [{**entry, "id": names[entry["id"]]} for entry in document["nodes"]]
    document["edges"] = renamed(document["edges"], names)
    graph = LineageDocument.model_validate(document).graph(words())
    wrong = {case["id"]: found for case in all_cases() if (found := complaints(renamed(case, names), graph))}
    assert wrong == {}


def test_the_order_of_nodes_and_edges_changes_no_answer() -> None:
    document = load("lineage.yaml")
    for seed in (3, 4):
        random.Random(seed).shuffle(document["edges"])
        random.Random(seed).shuffle(document["nodes"])
        graph = LineageDocument.model_validate(document).graph(words())
        assert [case["id"] for case in all_cases() if complaints(case, graph)] == []


def test_no_name_of_a_node_stands_in_the_engine_or_its_data() -> None:
    from importlib import resources

    text = "\n".join(
        entry.read_text("utf-8")
        for package in ("zoo.licensing.rules", "zoo.licensing.data")
        for entry in resources.files(package).iterdir()
        if entry.name.endswith((".py", ".yaml")) and entry.name != "schema.py"
    )
    quoted = {entry["id"] for entry in load("lineage.yaml")["nodes"]} - {"gpt2"}
    assert [name for name in sorted(quoted) if re.search(rf"['\"]{re.escape(name)}['\"]", text)] == []
