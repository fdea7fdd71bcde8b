"""The index of the pinned harness's tasks."""

import sys
import time

from evaluation.suites.harness_tasks import index


def test_the_tasks_of_everyday_use_are_known_with_their_kind() -> None:
    tasks = index().tasks
    assert tasks["arc_easy"].output_type == "multiple_choice"
    assert tasks["arc_easy"].dataset == "allenai/ai2_arc"
    assert tasks["gsm8k_cot"].output_type == "generate_until"
    assert tasks["wikitext"].output_type == "loglikelihood_rolling"
    assert len(tasks) > 10_000


def test_groups_and_tags_lead_to_their_leaves() -> None:
    assert len(index().leaves("blimp")) == 67
    assert len(index().leaves("mmlu")) == 57
    assert "arc_challenge" in {task.name for task in index().leaves("ai2_arc")}
    assert index().leaves("arc_easy") == (index().tasks["arc_easy"],)
    assert index().leaves("no_such_task") == ()


def test_tasks_that_run_what_the_model_wrote_are_marked() -> None:
    tasks = index().tasks
    for name in ("humaneval", "mbpp", "cruxeval_input", "ask_gec_p0", "longproc_countdown_2k"):
        assert tasks[name].runs_code, name
    assert not tasks["gsm8k"].runs_code


def test_a_misspelled_name_finds_its_neighbors() -> None:
    assert "arc_easy" in index().nearest("arc_eazy")
    assert "hellaswag" in index().nearest("helaswag")
    assert index().nearest("zzzzzzzzzz") == ()


def test_reading_the_index_is_quick_and_imports_nothing_heavy() -> None:
    index.cache_clear()
    started = time.process_time()
    index()
    assert time.process_time() - started < 10
    assert "lm_eval" not in sys.modules or "pytest" in sys.modules


def test_no_name_breaks_the_contract() -> None:
    import re

    from evaluation.contract import TASK_NAME_PATTERN

    names = [*index().tasks, *index().groups, *index().tags]
    assert [name for name in names if not re.match(TASK_NAME_PATTERN, name)] == []
