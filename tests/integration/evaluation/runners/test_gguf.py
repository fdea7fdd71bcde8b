"""GGUF students: converted once, to the same numbers, without running anything that comes with the file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from evaluation import samples as samples_file
from evaluation.contract import ModelSource, Protocol, RunReport, RunSpec, WeightsFormat
from evaluation.runners.base import RunFailed
from tests.factories import language_models

pytestmark = [pytest.mark.engine, pytest.mark.filterwarnings("ignore")]

Run = Callable[..., RunReport]


@pytest.fixture(scope="module")
def gguf_model(causal_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return language_models.make_gguf(causal_model, tmp_path_factory.mktemp("gguf"))


def test_a_gguf_model_scores_as_the_model_it_was_made_of(
    run: Run, causal_model: Path, gguf_model: Path, tmp_path: Path
) -> None:
    for name, model in (("tensors", causal_model), ("gguf", gguf_model)):
        run(model, "arc_easy", "blimp_adjunct_island", limit=6, output=tmp_path / name)
    ours, theirs = (
        list(samples_file.read(tmp_path / name / "samples.parquet")) for name in ("gguf", "tensors")
    )
    assert [s.prompt_hash for s in ours] == [s.prompt_hash for s in theirs]
    for mine, other in zip(ours, theirs, strict=True):
        assert mine.loglikelihoods == pytest.approx(other.loglikelihoods, abs=1e-3)


def test_a_file_is_converted_once(gguf_model: Path, tmp_path: Path) -> None:
    from evaluation.runners import weights

    said: list[str] = []
    path = weights.gguf_path(gguf_model, None)
    first = weights.converted(path, tmp_path, "float32", said.append)
    again = weights.converted(path, tmp_path, "float32", said.append)
    assert first == again
    assert len(said) == 1
    assert {"config.json", "model.safetensors", "tokenizer.json"} <= {p.name for p in first.iterdir()}
    assert "quantization_config" not in (first / "config.json").read_text()


def test_the_chat_template_of_a_file_is_carried_and_not_rendered(causal_model: Path, tmp_path: Path) -> None:
    from evaluation.runners import weights

    hostile = (
        "{{ cycler.__init__.__globals__.os.system('touch ran') }}{% for _ in range(10**9) %}{% endfor %}"
    )
    folder = language_models.make_gguf(causal_model, tmp_path / "hostile", chat_template=hostile)
    made = weights.converted(weights.gguf_path(folder, None), tmp_path, "float32", lambda message: None)
    kept = (
        "".join(path.read_text() for path in made.glob("*.jin*"))
        + (made / "tokenizer_config.json").read_text()
    )
    assert "cycler" in kept
    assert not Path("ran").exists()


def test_which_of_several_files_must_be_said(run: Run, gguf_model: Path, tmp_path: Path) -> None:
    folder = tmp_path / "several"
    folder.mkdir()
    (source,) = gguf_model.glob("*.gguf")
    for name in ("a.gguf", "b.gguf"):
        (folder / name).write_bytes(source.read_bytes())
    with pytest.raises(RunFailed) as caught:
        run(folder, "arc_easy", limit=1)
    assert caught.value.failure.code == "gguf_ambiguous"
    spec = RunSpec(
        model=ModelSource(
            name="tiny/several", revision="local", weights_format=WeightsFormat.GGUF, gguf_file="b.gguf"
        ),
        tasks=("arc_easy",),
        protocol=Protocol(limit=2),
    )
    report = run(folder, spec=spec)
    assert report.results[0].n == 2
    assert report.reproduce is not None
    assert "gguf_file=b.gguf" in report.reproduce


def test_a_file_that_is_no_gguf_is_refused(run: Run, tmp_path: Path, engine_environment: Path) -> None:
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "model.gguf").write_bytes(b"GGML and so on")
    with pytest.raises(RunFailed) as caught:
        run(tmp_path / "broken", "arc_easy", limit=1)
    assert caught.value.failure.code == "weights_unreadable"
