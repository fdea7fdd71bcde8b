"""The runner that drives lm-eval: its traps, each with a guard, and what it leaves behind."""

from __future__ import annotations

import json
import math
import shutil
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evaluation import samples as samples_file
from evaluation.contract import Dtype, Engine, ModelSource, Progress, Protocol, RunReport, RunSpec, SuiteRef
from evaluation.runners.base import RunFailed
from evaluation.suites import loader
from tests.factories import language_models

pytestmark = [pytest.mark.engine, pytest.mark.filterwarnings("ignore")]

Run = Callable[..., RunReport]
MIRROR = Path(__file__).parents[3] / "data" / "datasets"


def code_of(run: Run, *arguments: Any, **options: Any) -> str:
    with pytest.raises(RunFailed) as caught:
        run(*arguments, **options)
    return caught.value.failure.code


def rows(folder: Path) -> list[samples_file.Sample]:
    return list(samples_file.read(folder / "samples.parquet"))


def test_tasks_of_the_harness_run_from_a_mirror(run: Run, causal_model: Path, tmp_path: Path) -> None:
    report = run(causal_model, "blimp_adjunct_island", "arc_easy", "gsm8k_cot", limit=3, batch_size=3)
    assert [(result.task, result.n) for result in report.results] == [
        ("blimp_adjunct_island", 3), ("arc_easy", 3), ("gsm8k_cot", 3),
    ]  # fmt: skip
    assert [result.chance for result in report.results] == [0.5, 0.25, 0.0]
    assert report.results[2].filter == "strict-match"
    assert "exact_match,flexible-extract" in report.results[2].metrics
    assert len(rows(tmp_path / "out")) == 9


def test_every_sample_bears_out_its_score(run: Run, causal_model: Path, tmp_path: Path) -> None:
    report = run(causal_model, "arc_easy", "blimp_adjunct_island")
    for result in report.results:
        samples = [sample for sample in rows(tmp_path / "out") if sample.task == result.task]
        assert math.isclose(sum(s.score for s in samples) / len(samples), result.score.value)
        assert result.score.value == result.metrics["acc,none"].value
        for sample in samples:
            assert sample.score == float(sample.prediction == sample.gold)
            assert len(sample.loglikelihoods) == len(sample.choices)


def test_standard_errors_are_numbers(run: Run, causal_model: Path) -> None:
    """The harness says "N/A" where its bootstrap is off."""
    (result,) = run(causal_model, "arc_easy").results
    value = result.score.value
    assert result.score.stderr == pytest.approx(math.sqrt(value * (1 - value) / (result.n - 1)))
    assert all(score.stderr is not None for score in result.metrics.values())


def test_the_softmax_is_taken_in_float32_whatever_the_weights(
    run: Run, causal_model: Path, tmp_path: Path
) -> None:
    """In bf16 sums are rounded to steps of a quarter and more, which makes ties; the first choice wins them."""
    report = run(causal_model, "blimp_adjunct_island", dtype=Dtype.BFLOAT16)
    values = [value for sample in rows(tmp_path / "out") for value in sample.loglikelihoods]
    assert any(value * 8 != int(value * 8) for value in values)
    assert report.results[0].ties == 0


def test_prompts_of_two_models_are_hashed_alike_and_per_document(
    run: Run, causal_model: Path, other_causal_model: Path, tmp_path: Path
) -> None:
    hashes = []
    for model in (causal_model, other_causal_model):
        run(model, "blimp_adjunct_island", "arc_easy", num_fewshot=2, output=tmp_path / model.name)
        hashes.append([(s.doc_hash, s.prompt_hash) for s in rows(tmp_path / model.name)])
    assert hashes[0] == hashes[1]
    assert len(set(hashes[0])) == len(hashes[0])


def test_shots_change_the_prompt_unless_the_task_says_zero(
    run: Run, causal_model: Path, tmp_path: Path
) -> None:
    report = run(causal_model, "arc_easy", "blimp_adjunct_island", num_fewshot=2, limit=2)
    assert [result.num_fewshot for result in report.results] == [2, 0]
    assert rows(tmp_path / "out")[0].prompt.count("Question:") == 3


def test_a_model_is_never_served_the_answers_of_another(
    run: Run, causal_model: Path, other_causal_model: Path, tmp_path: Path
) -> None:
    """The harness's response cache does not know which model it was filled by."""
    output = tmp_path / "shared"
    run(causal_model, "arc_easy", limit=4, output=output)
    first = rows(output)
    run(other_causal_model, "arc_easy", limit=4, output=output)
    second = rows(output)
    run(other_causal_model, "arc_easy", limit=4, output=tmp_path / "alone")
    assert [s.loglikelihoods for s in second] == [s.loglikelihoods for s in rows(tmp_path / "alone")]
    assert [s.loglikelihoods for s in second] != [s.loglikelihoods for s in first]


def test_two_mirrors_of_one_name_are_not_mixed_up(run: Run, causal_model: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(MIRROR, other)
    path = other / "allenai" / "ai2_arc" / "ARC-Easy" / "test.jsonl"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:5]))
    counts = [
        run(causal_model, "arc_easy", datasets=datasets, output=tmp_path / str(number)).results[0].n
        for number, datasets in enumerate([MIRROR, other, MIRROR])
    ]
    assert counts == [24, 5, 24]


def test_a_run_that_was_cut_short_ends_with_the_same_numbers(
    run: Run, causal_model: Path, tmp_path: Path
) -> None:
    tasks = ("blimp_adjunct_island", "arc_easy", "gsm8k_cot")
    whole = run(causal_model, *tasks, limit=5, batch_size=4, output=tmp_path / "whole")
    run(causal_model, *tasks, limit=5, batch_size=4, output=tmp_path / "cut")
    journal = tmp_path / "cut" / "journal"
    # As after a kill in the middle of the second task: one finished task, two batches of the next.
    (journal / "results.jsonl").write_text(
        (journal / "results.jsonl").read_text().splitlines(keepends=True)[0]
    )
    answers = (journal / "answers.jsonl").read_text().splitlines(keepends=True)
    (journal / "answers.jsonl").write_text("".join(answers[:19]) + answers[19][:10])
    told: list[Progress] = []
    resumed = run(causal_model, *tasks, limit=5, batch_size=4, output=tmp_path / "cut", told=told)
    assert resumed.samples == whole.samples
    assert [r.score for r in resumed.results] == [r.score for r in whole.results]


def test_auto_means_the_same_answers_sooner_on_a_cpu(run: Run, causal_model: Path, tmp_path: Path) -> None:
    reports = {
        engine: run(causal_model, "arc_easy", "blimp_adjunct_island", engine=engine, output=tmp_path / engine)
        for engine in (Engine.HARNESS, Engine.AUTO)
    }
    served = [report.engine.engine for report in reports.values() if report.engine]
    assert served == [Engine.HARNESS, Engine.CAUSAL]
    one, other = (report.results for report in reports.values())
    assert [result.score for result in one] == [result.score for result in other]
    for mine, theirs in zip(rows(tmp_path / Engine.HARNESS), rows(tmp_path / Engine.AUTO), strict=True):
        assert mine.loglikelihoods == pytest.approx(theirs.loglikelihoods, abs=1e-3)


def test_progress_ends_with_every_request_counted_once(run: Run, causal_model: Path) -> None:
    told: list[Progress] = []
    run(causal_model, "arc_easy", "blimp_adjunct_island", limit=5, batch_size=2, told=told)
    scoring = [progress for progress in told if progress.stage == "scoring"]
    counts = [progress.done for progress in scoring]
    assert counts == sorted(counts)
    assert (scoring[-1].done, scoring[-1].total) == (30, 30)
    assert all(progress.done <= progress.total for progress in scoring)


def test_nothing_that_is_published_names_this_machine(
    run: Run, causal_model: Path, tmp_path: Path, engine_environment: Path
) -> None:
    report = run(causal_model, "arc_easy", limit=2)
    text = report.model_dump_json()
    for secret in (
        str(causal_model),
        str(tmp_path),
        str(engine_environment),
        socket.gethostname(),
        "/home",
        "/tmp",
    ):
        assert secret not in text


def test_the_demo_suite_runs_as_tasks_of_the_harness(run: Run, causal_model: Path, tmp_path: Path) -> None:
    suite = loader.load("demo")
    spec = RunSpec(
        model=ModelSource(name="tiny/causal", revision="local"),
        suite=SuiteRef(name="demo", version=suite.version),
        tasks=("demo_blimp_ellipsis", "demo_cloze", "demo_text"),
        protocol=Protocol(limit=6),
    )
    report = run(causal_model, spec=spec)
    ellipsis, cloze, text = report.results
    assert (ellipsis.groups, ellipsis.chance, cloze.chance) == (("demo_blimp",), 0.5, 0.25)
    assert (text.metric, text.is_ratio, text.higher_is_better) == ("bits_per_byte", False, False)
    assert text.aggregation == "per_size"
    assert report.reproduce is None
    samples = [sample for sample in rows(tmp_path / "out") if sample.task == "demo_text"]
    bits = sum(sample.score * (sample.byte_count or 0) for sample in samples)
    assert text.score.value == pytest.approx(bits / sum(sample.byte_count or 0 for sample in samples))
    assert {sample.cluster for sample in rows(tmp_path / "out") if sample.task == "demo_blimp_ellipsis"} == {
        "ellipsis_n_bar_1"
    }


def test_shots_of_a_suite_cannot_be_changed(run: Run, causal_model: Path) -> None:
    spec = RunSpec(
        model=ModelSource(name="tiny/causal", revision="local"),
        suite=SuiteRef(name="demo", version="1"),
        tasks=("demo_cloze",),
        protocol=Protocol(num_fewshot=3),
    )
    assert code_of(run, causal_model, spec=spec) == "suite_fixes_shots"


@pytest.mark.parametrize(
    ("task", "code"),
    [("humaneval", "task_runs_code"), ("mbpp", "task_runs_code"), ("arc_eazy", "unknown_task"),
     ("mmmu_val", "task_needs_images"), ("hellaswag", "dataset_missing"), ("blimp", "dataset_missing")],
)  # fmt: skip
def test_tasks_that_cannot_run_here_say_why(run: Run, causal_model: Path, task: str, code: str) -> None:
    assert code_of(run, causal_model, task) == code


def test_a_task_file_from_outside_is_no_task(
    run: Run, causal_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A harness task file is code: it can name any importable function."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "evil.yaml").write_text("task: evil\nprocess_docs: !function os.getcwd\n")
    assert code_of(run, causal_model, "evil.yaml") == "unknown_task"


def test_the_harness_would_score_a_bert_as_causal_and_we_do_not(run: Run, masked_model: Path) -> None:
    import torch
    import transformers

    loaded = transformers.AutoModelForCausalLM.from_pretrained(masked_model).eval()
    tokens = torch.tensor([[2, 10, 20, 30, 40, 3]])
    other = tokens.clone()
    other[0, -2] = 50
    with torch.no_grad():
        leak = (loaded(tokens).logits[0, 0] - loaded(other).logits[0, 0]).abs().max()
    assert leak > 1e-4, "the last token moves the first position: the future leaks"
    for engine in (Engine.HARNESS, Engine.CAUSAL):
        assert code_of(run, masked_model, "blimp_adjunct_island", engine=engine) == "wrong_engine"


def test_broken_models_say_what_is_wrong(run: Run, causal_model: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(causal_model, broken)
    (broken / "model.safetensors").write_bytes(b"not tensors at all")
    assert code_of(run, broken, "arc_easy", limit=1) == "weights_unreadable"
    (broken / "model.safetensors").rename(broken / "pytorch_model.bin")
    assert code_of(run, broken, "arc_easy", limit=1) == "pickle_only"
    assert code_of(run, tmp_path / "nowhere", "arc_easy") == "model_missing"


def test_code_that_comes_with_a_model_is_not_run(run: Run, causal_model: Path, tmp_path: Path) -> None:
    hostile = tmp_path / "hostile"
    shutil.copytree(causal_model, hostile)
    language_models.change_config(
        hostile, model_type="hostile", architectures=["HostileModel"],
        auto_map={"AutoConfig": "code.HostileConfig", "AutoModelForCausalLM": "code.HostileModel"},
    )  # fmt: skip
    (hostile / "code.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w').close()\n")
    assert code_of(run, hostile, "arc_easy", limit=1) == "remote_code_required"
    assert not (tmp_path / "ran").exists()


def test_outputs_that_are_not_finite_end_the_run(run: Run, causal_model: Path, tmp_path: Path) -> None:
    import safetensors.torch
    import torch

    broken = tmp_path / "nan"
    shutil.copytree(causal_model, broken)
    weights = safetensors.torch.load_file(broken / "model.safetensors")
    weights["model.norm.weight"] = torch.full_like(weights["model.norm.weight"], float("nan"))
    safetensors.torch.save_file(weights, broken / "model.safetensors", metadata={"format": "pt"})
    assert code_of(run, broken, "arc_easy", limit=2) == "non_finite_outputs"


@pytest.mark.parametrize("engine", [Engine.HARNESS, Engine.CAUSAL])
def test_prompts_that_lose_their_beginning_are_noted(run: Run, causal_model: Path, engine: Engine) -> None:
    cut = run(causal_model, "arc_easy", limit=3, num_fewshot=3, max_length=64, engine=engine)
    assert any("12 prompts are longer" in note for note in cut.notes)
    whole = run(causal_model, "arc_easy", limit=3, engine=engine)
    assert not any("prompts are longer" in note for note in whole.notes)


@pytest.mark.parametrize("engine", [Engine.VLLM, Engine.SGLANG])
def test_an_engine_that_is_not_installed_is_the_platform_s_to_mend(
    run: Run, causal_model: Path, engine: Engine
) -> None:
    import importlib.util

    if importlib.util.find_spec(engine.value):
        pytest.skip(f"{engine} is installed here")
    with pytest.raises(RunFailed) as caught:
        run(causal_model, "blimp_adjunct_island", limit=1, engine=engine)
    assert (caught.value.failure.code, caught.value.failure.fault) == ("engine_not_installed", "platform")


def test_running_out_of_memory_is_a_failure_with_numbers() -> None:
    from evaluation.runners.foreseen import failure_of

    spec = RunSpec(
        model=ModelSource(name="a/b", revision="1"), tasks=("arc_easy",), protocol=Protocol(batch_size=64)
    )
    for text in (
        "CUDA out of memory. Tried to allocate 2 GiB",
        "DefaultCPUAllocator: can't allocate memory: 8 bytes",
    ):
        failure = failure_of(RuntimeError(text), spec)
        assert failure is not None
        assert (failure.code, failure.fault) == ("out_of_memory", "platform")
        assert "64" in failure.message


def test_a_chat_template_is_a_part_of_the_model_and_the_conversation_of_the_prompt(
    run: Run, engine_environment: Path, tmp_path: Path
) -> None:
    hashes, prompts = [], []
    for number, template in enumerate(
        (
            "{% for m in messages %}<{{m.role}}>{{m.content}}{% endfor %}",
            "{% for m in messages %}[{{m.role}}] {{m.content}}\n{% endfor %}",
        )
    ):
        model = language_models.make_causal(tmp_path / f"chat-{number}", chat_template=template)
        report = run(
            model, "arc_easy", limit=3, num_fewshot=1, apply_chat_template=True, output=tmp_path / str(number)
        )
        assert report.model is not None
        assert report.model.chat_template_digest is not None
        hashes.append([s.prompt_hash for s in rows(tmp_path / str(number))])
        prompts.append(rows(tmp_path / str(number))[0].prompt)
    assert hashes[0] == hashes[1]
    assert prompts[0].startswith("<user>")
    assert prompts[1].startswith("[user]")


def test_a_model_without_a_chat_template_cannot_be_chatted_with(run: Run, causal_model: Path) -> None:
    assert code_of(run, causal_model, "arc_easy", limit=2, apply_chat_template=True) == "no_chat_template"


def test_sequence_to_sequence_models_go_through_the_harness(
    run: Run, engine_environment: Path, tmp_path: Path
) -> None:
    model = language_models.make_seq2seq(tmp_path / "t5")
    report = run(model, "arc_easy", limit=3, batch_size=2)
    assert [result.n for result in report.results] == [3]
    assert report.engine is not None
    assert report.engine.served_by == "HFLM"


def test_the_harness_would_make_the_very_batches_that_are_journaled(
    run: Run, causal_model: Path, engine_environment: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Blocks are the harness's own batches, so journaling changes no number."""
    from lm_eval.models.huggingface import HFLM

    seen: list[tuple[int, ...]] = []
    original = HFLM._model_call

    def spy(self: Any, tokens: Any, *arguments: Any, **options: Any) -> Any:
        seen.append(tuple(map(tuple, tokens.tolist())))
        return original(self, tokens, *arguments, **options)

    monkeypatch.setattr(HFLM, "_model_call", spy)
    run(causal_model, "arc_easy", batch_size=5)
    ours = list(seen)
    seen.clear()
    import lm_eval

    from evaluation.runners import planning

    spec = RunSpec(model=ModelSource(name="a/b", revision="1"), tasks=("arc_easy",))
    (leaf,) = planning.plan(spec)
    leaf.task.set_fewshot_seed(seed=1234)
    model = HFLM(
        pretrained=str(causal_model), dtype="float32", softmax_dtype="float32", batch_size=5, device="cpu"
    )
    lm_eval.evaluate(lm=model, task_dict={"tasks": {"arc_easy": leaf.task}}, bootstrap_iters=0)
    assert ours == seen


def test_suite_items_are_the_stated_ones(run: Run, causal_model: Path, tmp_path: Path) -> None:
    from evaluation.runners.planning import IdList

    ids = IdList([9, 3, 7])
    assert list(ids) == [3, 7, 9]
    assert 7 in ids
    assert 4 not in ids
    assert json.loads(json.dumps(ids)) == [3, 7, 9]
