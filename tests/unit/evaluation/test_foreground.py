"""What the foreground makes of a request, before it measures anything."""

from pathlib import Path

import pytest

from evaluation.contract import Engine, Protocol
from evaluation.foreground import Request, evaluate, source_of
from evaluation.runners.base import RunFailed


def make_request(home: Path, **fields: object) -> Request:
    given: dict[str, object] = {
        "student": "scripted/student-p80",
        "teacher": None,
        "suite": None,
        "tasks": ("scripted_choice",),
        "protocol": Protocol(),
        "engine": Engine.AUTO,
        "home": home,
    }
    return Request(**(given | fields))  # type: ignore[arg-type]


def test_an_id_names_a_model_and_its_revision() -> None:
    source = source_of("org/model@abc")
    assert (source.name, source.revision, source.directory) == ("org/model", "abc", None)
    assert source_of("org/model").revision == "main"


def test_a_directory_is_a_model_of_this_machine(tmp_path: Path) -> None:
    folder = tmp_path / "my model!"
    folder.mkdir()
    (folder / "model.safetensors").touch()
    source = source_of(str(folder))
    assert source.name == "local/my-model"
    assert source.directory == str(folder)
    assert source.weights_format == "safetensors"


def test_a_gguf_file_can_be_named_of_a_directory_and_of_an_id(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").touch()
    for reference in (str(tmp_path), "org/model"):
        source = source_of(reference, "Q4.gguf")
        assert (source.weights_format, source.gguf_file) == ("gguf", "Q4.gguf")


@pytest.mark.parametrize("reference", ["", "model", "a/b/c", "../x", "org/model name", "/nowhere/at/all"])
def test_what_is_neither_is_refused(reference: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    if reference == "":
        pytest.skip("an empty path is the current directory")
    with pytest.raises(RunFailed) as caught:
        source_of(reference)
    assert caught.value.failure.code == "bad_reference"


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"suite": "nothing", "tasks": ()}, "unknown_suite"),
        ({"suite": "demo@99", "tasks": ()}, "unknown_suite"),
        ({"student": "org/model", "tasks": ("arc_eazy",)}, "unknown_task"),
        ({"student": "org/model", "tasks": ("humaneval",)}, "task_runs_code"),
        ({"tasks": ("scripted_nothing",)}, "unknown_task"),
    ],
)
def test_wrong_names_are_said_before_anything_starts(
    tmp_path: Path, fields: dict[str, object], code: str
) -> None:
    with pytest.raises(RunFailed) as caught:
        evaluate(make_request(tmp_path / "home", **fields), lambda role, progress: None)
    assert caught.value.failure.code == code
    assert not (tmp_path / "home").exists()
