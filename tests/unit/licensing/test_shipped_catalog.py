"""The golden cases over the catalog that ships: its lineage gives the answers of the extract beside the cases."""

from typing import Any

import pytest

from tests.unit.licensing.support import all_cases, complaints
from zoo.licensing import lineage_source
from zoo.licensing.library import rule_book


@pytest.mark.parametrize("case", all_cases(), ids=[case["id"] for case in all_cases()])
def test_the_shipped_lineage_gives_the_expected_answer(case: dict[str, Any]) -> None:
    assert complaints(case, lineage_source.shipped().graph) == []


def test_every_license_of_the_shipped_catalog_is_listed() -> None:
    unlisted = {
        key
        for node in lineage_source.shipped().graph.nodes.values()
        for terms in (node.licenses.declared, *(entry.terms for entry in node.licenses.history))
        for keys in terms
        for key in keys
        if rule_book().get(key) is None
    }
    assert unlisted == set()


def test_any_name_of_an_entry_leads_to_the_same_node() -> None:
    lineage = lineage_source.shipped()
    names = ("deepseek-ai/DeepSeek-R1-Distill-Llama-70B", "DEEPSEEK-R1-DISTILL-70B", "r1-distill-llama-70b")
    assert {lineage.node(name) for name in names} == {"r1-distill-llama-70b"}
    assert lineage.node("nobody/knows") == "nobody/knows"
