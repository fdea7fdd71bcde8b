"""A document from before is the answer only while everything that it was made of is as it was."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from evaluation.formats import unchanged
from evaluation.formats.unchanged import Finding
from zoo.cli import recall

DOCUMENT = {"tasks": [{"task": "arc_easy"}]}
LATER = 3600.0


class Scene:
    """Two models, a run, and a command about them that was answered."""

    def __init__(self, root: Path) -> None:
        self.home = root / "home"
        self.models = [root / "student", root / "teacher"]
        self.run = root / "run"
        for folder in (*self.models, self.run):
            folder.mkdir()
            (folder / "file").write_text("as it was")
        self.ask().keep(DOCUMENT, [self.run])

    def ask(self, later: float = LATER, **arguments: object) -> Finding:
        names = [str(folder) for folder in self.models]
        question = recall.question({"limit": 8} | arguments, names, self.home, now=time.time() + later)
        assert question is not None
        return question


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


def test_the_same_command_has_its_document(scene: Scene) -> None:
    assert scene.ask().recall() == DOCUMENT


def rewritten(scene: Scene) -> None:
    """Other content of the same size, with the old time put back: what a copying tool would do."""
    path = scene.models[0] / "file"
    times = path.stat()
    path.write_text("as it is!")
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def added(scene: Scene) -> None:
    (scene.models[1] / "another").touch()


def removed(scene: Scene) -> None:
    (scene.models[1] / "file").unlink()


def run_gone(scene: Scene) -> None:
    (scene.run / "file").unlink()
    scene.run.rmdir()


def run_edited(scene: Scene) -> None:
    (scene.run / "file").write_text("a better score")


def document_broken(scene: Scene) -> None:
    (path,) = (scene.home / recall.FOLDER).iterdir()
    path.write_text('{"document": {}')


@pytest.mark.parametrize("change", [rewritten, added, removed, run_gone, run_edited, document_broken])
def test_after_any_change_intake_looks_again(change: Callable[[Scene], None], scene: Scene) -> None:
    change(scene)
    assert scene.ask().recall() is None


def test_another_argument_or_setting_is_another_question(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert scene.ask(seed=7).recall() is None
    monkeypatch.setenv("ZOO_DATASETS_DIR", "/elsewhere")
    assert scene.ask().recall() is None


def test_other_code_is_asked_again(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unchanged, "LIBRARIES", (*unchanged.LIBRARIES, "pydantic"))
    assert scene.ask().recall() is None


def test_nothing_is_kept_of_files_so_new_that_a_second_change_might_not_show(scene: Scene) -> None:
    scene.ask(later=0, seed=7).keep(DOCUMENT, [scene.run])
    assert scene.ask(seed=7).recall() is None


def test_nothing_is_kept_of_a_model_that_changed_while_it_was_measured(scene: Scene) -> None:
    asked = scene.ask(seed=7)
    added(scene)
    asked.keep(DOCUMENT, [scene.run])
    assert scene.ask(seed=7).recall() is None


def test_a_model_by_id_is_never_answered_from_here_but_a_shipped_one_is(tmp_path: Path) -> None:
    assert recall.question({}, ["org/model", None], tmp_path, now=0) is None
    assert recall.question({}, ["distill-zoo/tiny-llama-student", None], tmp_path, now=0) is not None
