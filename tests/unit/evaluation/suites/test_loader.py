"""Suites as data: whole, consistent, and what they say they are."""

import hashlib

import pydantic
import pytest

from evaluation.suites import harness_tasks, loader
from evaluation.suites.schema import AnswerItems, FinetuneItems, HarnessItems, Suite, SuiteTask

ALL = [(name, version) for name in loader.names() for version in loader.versions(name)]


@pytest.mark.parametrize(("name", "version"), ALL)
def test_every_suite_is_whole(name: str, version: str) -> None:
    suite = loader.load(name, version)
    for task in suite.tasks:
        if isinstance(task.source, HarnessItems):
            known = harness_tasks.index().tasks[task.source.task]
            assert not known.runs_code
            ids = loader.item_ids(suite, task)
            assert ids is None or len(set(ids)) == task.items
        elif isinstance(task.source, AnswerItems):
            ids = loader.item_ids(suite, task)
            assert ids is None or len(set(ids)) == task.items
        elif isinstance(task.source, FinetuneItems):
            if task.source.rows is not None:
                held_out = loader.carried_examples(suite, task.source, "eval")
                train = loader.carried_examples(suite, task.source, "train")
                assert len(held_out) == task.items
                assert not {example.text for example in train} & {example.text for example in held_out}
        else:
            assert len(loader.items(suite, task)) == task.items


@pytest.mark.parametrize(("name", "version"), ALL)
def test_fixed_items_are_not_the_first_ones(name: str, version: str) -> None:
    suite = loader.load(name, version)
    for task in suite.tasks:
        ids = loader.item_ids(suite, task)
        assert ids is None or ids != tuple(range(len(ids)))


@pytest.mark.parametrize(("name", "version"), ALL)
def test_right_choices_stand_where_the_suite_says(name: str, version: str) -> None:
    suite = loader.load(name, version)
    for task in suite.tasks:
        if task.source.form == "choice":
            for item in loader.items(suite, task):
                assert 0 <= item.gold < len(item.choices)
                assert len(set(item.choices)) == len(item.choices)


def test_the_demo_suite_covers_all_paradigms_of_blimp() -> None:
    suite = loader.load("demo")
    blimp = [task for task in suite.tasks if "demo_blimp" in task.groups]
    clusters = {item.cluster for task in blimp for item in loader.items(suite, task)}
    assert len(blimp) == 13
    assert len(clusters) == 67


def test_unknown_suites_and_versions_are_refused() -> None:
    for name, version in (("nothing", None), ("demo", "999"), ("../demo", None)):
        with pytest.raises(loader.UnknownSuite):
            loader.load(name, version)


def test_data_that_was_changed_is_refused() -> None:
    suite = loader.load("demo")
    task = suite.task("demo_cloze")
    rows = task.source.rows.model_copy(update={"sha256": hashlib.sha256(b"other").hexdigest()})
    changed = task.model_copy(update={"source": task.source.model_copy(update={"rows": rows})})
    with pytest.raises(loader.BrokenSuite):
        loader.items(suite, changed)


def test_another_number_of_items_is_refused() -> None:
    suite = loader.load("demo")
    with pytest.raises(loader.BrokenSuite):
        loader.items(suite, suite.task("demo_cloze").model_copy(update={"items": 999}))


def test_a_suite_cannot_name_two_tasks_alike_or_unused_capabilities() -> None:
    document = loader.load("demo").model_dump(mode="json")
    twice = document | {"tasks": [document["tasks"][0], document["tasks"][0]]}
    unused = document | {"capabilities": [*document["capabilities"], {"name": "code"}]}
    for broken in (twice, unused, document | {"surprise": 1}):
        with pytest.raises(pydantic.ValidationError):
            Suite.model_validate(broken)


@pytest.mark.parametrize("file", ["../../etc/passwd", "/etc/passwd", ".hidden", ""])
def test_data_files_lie_beside_the_suite(file: str) -> None:
    task = loader.load("demo").task("demo_cloze").model_dump(mode="json")
    task["source"]["rows"]["file"] = file
    with pytest.raises(pydantic.ValidationError):
        SuiteTask.model_validate(task)


@pytest.mark.parametrize("column", ["{{ cycler }}", "a b", "", "x" * 65, "a.b"])
def test_a_column_is_a_name_and_never_a_template(column: str) -> None:
    task = loader.load("demo").task("demo_cloze").model_dump(mode="json")
    task["source"]["context"] = column
    with pytest.raises(pydantic.ValidationError):
        SuiteTask.model_validate(task)


@pytest.mark.parametrize(
    ("task", "capability"),
    [
        ("arc_easy", "knowledge"),
        ("blimp_adjunct_island", "language"),
        ("mmlu_anatomy", "knowledge"),
        ("mmlu_abstract_algebra", "mathematics"),
        ("gsm8k_cot_zeroshot", "mathematics"),
        ("hellaswag", "commonsense"),
        ("leaderboard_bbh_snarks", "reasoning"),
        ("truthfulqa_mc2", "safety"),
        ("arc", None),
        ("no_such_task", None),
    ],
)
def test_tasks_outside_suites_have_the_capability_that_the_map_gives_them(
    task: str, capability: str | None
) -> None:
    assert loader.capability_of(task) == capability


def test_the_capability_map_names_tasks_and_groups_that_exist() -> None:
    known = {
        name
        for part in (harness_tasks.index().tasks, harness_tasks.index().groups, harness_tasks.index().tags)
        for name in part
    }
    stems = {
        "_".join(name.split("_")[:length]) for name in known for length in range(1, 1 + name.count("_") + 1)
    }
    assert [name for name in loader._capability_map() if name not in stems] == []


def make_questions(**fields: object) -> AnswerItems:
    given: dict[str, object] = {"dataset": "org/set", "split": "test", "question": "q", "answer": "a"}
    return AnswerItems.model_validate(given | fields)


def test_an_answer_stands_behind_its_mark_and_the_instruction_behind_the_question() -> None:
    source = make_questions(answer_after="####", instruction="Box it.")
    item = loader.question_of({"q": " How many? ", "a": "2 + 2 = 4\n#### 4"}, source, 7)
    assert item == loader.Item("7", "How many?\nBox it.", ("4",), 0, None)


def test_choices_are_lettered_in_an_order_that_stays() -> None:
    source = make_questions(wrong=("w1", "w2", "w3"), kind="letter")
    rows = [{"q": f"Which, {n}?", "a": "right", "w1": "x", "w2": "y", "w3": "z"} for n in range(200)]
    items = [loader.question_of(row, source, n) for n, row in enumerate(rows)]
    assert items == [loader.question_of(row, source, n) for n, row in enumerate(rows)]
    for item in items:
        assert f"{item.choices[0]}) right" in item.context
    counts = [sum(item.choices[0] == letter for item in items) for letter in "ABCD"]
    assert min(counts) > 25
