"""Models let in from folders, mirrors and a hub: what arrives, what is refused, and that nothing else is touched."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from evaluation.contract import ModelSource, Progress, WeightsFormat
from evaluation.formats.intake import IntakeReport, IntakeSpec
from evaluation.intake import hub as hub_client
from evaluation.intake.pipeline import take_in
from evaluation.intake.store import Store
from tests.factories.hub import COMMIT, Hub, HubRepo, running_hub
from tests.factories.model_files import as_json, make_config, make_folder, make_gguf, make_safetensors

GOOD = {
    "config.json": make_config(),
    "model.safetensors": make_safetensors(),
    "README.md": b"---\nlicense: mit\n---\nhello",
}
NAME = "org/student"
NOWHERE = "http://127.0.0.1:9"


@pytest.fixture(autouse=True)
def _quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_client, "FIRST_WAIT_SECONDS", 0.01)


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "cache"
    yield folder
    # What is kept is read-only; the temporary folder must be removable.
    for path, folders, _ in os.walk(folder):
        for name in folders:
            os.chmod(os.path.join(path, name), 0o700)


def intake(
    cache: Path, *, endpoint: str = NOWHERE, token: str | None = None, **settings: object
) -> IntakeReport:
    source = {"name": NAME, "revision": COMMIT} | settings.pop("source", {})  # type: ignore[operator]
    spec = IntakeSpec(
        source=ModelSource.model_validate(source), cache_dir=str(cache), probe=False, **settings
    )  # type: ignore[arg-type]
    return take_in(spec, endpoint=endpoint, token=token, tell=lambda progress: None)


def from_hub(cache: Path, repo: HubRepo, **settings: object) -> tuple[IntakeReport, Hub]:
    with running_hub({NAME: repo}) as hub:
        return intake(cache, endpoint=hub.url, **settings), hub


def code(report: IntakeReport) -> str:
    assert report.failure is not None
    return report.failure.code


def kept_files(report: IntakeReport) -> set[str]:
    assert report.source.directory is not None
    return {path.name for path in Path(report.source.directory).iterdir()}


def models_in(cache: Path) -> list[Path]:
    return list((cache / "models").iterdir()) if (cache / "models").exists() else []


def staged_in(cache: Path) -> list[Path]:
    return [path for path in (cache / "staging").rglob("*") if path.is_file()]


def test_a_folder_is_copied_read_only_under_its_digest(cache: Path, tmp_path: Path) -> None:
    report = intake(cache, source={"directory": str(make_folder(tmp_path / "m"))})
    assert report.failure is None
    assert report.source.digest == report.source.revision
    assert report.facts is not None
    assert (report.facts.parameters, report.facts.architecture) == (64, "LlamaForCausalLM")
    assert (report.facts.license, report.facts.base_models) == ("apache-2.0", ("org/teacher",))
    assert report.source.directory is not None
    for path in Path(report.source.directory).iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o444


def test_the_digest_does_not_depend_on_the_card(cache: Path, tmp_path: Path) -> None:
    first = intake(cache, source={"directory": str(make_folder(tmp_path / "a"))})
    second = intake(cache, source={"directory": str(make_folder(tmp_path / "b", {"README.md": b"mended"}))})
    assert first.source.digest == second.source.digest
    assert len(models_in(cache)) == 1


def test_another_tensor_gives_another_digest(cache: Path, tmp_path: Path) -> None:
    other = make_safetensors()[:-1] + b"\x01"
    first = intake(cache, source={"directory": str(make_folder(tmp_path / "a"))})
    second = intake(
        cache, source={"directory": str(make_folder(tmp_path / "b", {"model.safetensors": other}))}
    )
    assert first.source.digest != second.source.digest


def test_a_folder_can_be_used_where_it_lies(cache: Path, tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "m")
    report = intake(cache, source={"directory": str(folder)}, in_place=True)
    copied = intake(cache, source={"directory": str(folder)})
    assert report.source.directory == str(folder.resolve())
    assert report.source.digest == copied.source.digest


def test_a_folder_that_wants_its_code_is_copied_without_that_wish(cache: Path, tmp_path: Path) -> None:
    config = make_config(auto_map={"AutoModelForCausalLM": "modeling_x.X"})
    folder = make_folder(tmp_path / "m", {"config.json": config, "modeling_x.py": b"boom"})
    report = intake(cache, source={"directory": str(folder)}, in_place=True)
    assert report.failure is None
    assert report.source.directory != str(folder)
    assert report.source.directory is not None
    assert b"auto_map" not in Path(report.source.directory, "config.json").read_bytes()
    assert "auto_map was taken out" in report.notes[0]
    assert report.manifest is not None
    told = {file.name: file for file in report.manifest.files}["config.json"]
    assert told.sha256 == hashlib.sha256(config).hexdigest()
    assert told.stored_sha256 is not None
    assert "modeling_x.py" not in kept_files(report)


def test_the_mirror_is_looked_up_before_the_hub(cache: Path, tmp_path: Path) -> None:
    make_folder(tmp_path / "mirror" / NAME)
    report = intake(cache, models_dir=str(tmp_path / "mirror"))
    assert report.failure is None


def test_a_missing_directory_is_named_as_such(cache: Path, tmp_path: Path) -> None:
    assert code(intake(cache, source={"directory": str(tmp_path / "nothing")})) == "directory_missing"


def test_a_gguf_file_is_taken_alone(cache: Path, tmp_path: Path) -> None:
    folder = tmp_path / "m"
    folder.mkdir()
    (folder / "model-q8.gguf").write_bytes(make_gguf())
    report = intake(cache, source={"directory": str(folder)})
    assert report.source.weights_format is WeightsFormat.GGUF
    assert report.source.gguf_file == "model-q8.gguf"
    assert report.facts is not None
    assert (report.facts.parameters, report.facts.quantization) == (64, "F32")


def test_several_gguf_files_need_a_choice(cache: Path, tmp_path: Path) -> None:
    folder = tmp_path / "m"
    folder.mkdir()
    for name in ("a.gguf", "b.gguf"):
        (folder / name).write_bytes(make_gguf())
    assert code(intake(cache, source={"directory": str(folder)})) == "gguf_ambiguous"
    chosen = intake(cache, source={"directory": str(folder), "weights_format": "gguf", "gguf_file": "b.gguf"})
    assert kept_files(chosen) == {"b.gguf"}


def test_the_hub_gives_a_model_pinned_to_its_commit(cache: Path) -> None:
    report, _ = from_hub(cache, HubRepo(GOOD), source={"revision": "main"})
    assert report.failure is None
    assert report.source.revision == COMMIT
    assert kept_files(report) == set(GOOD)


def test_a_commit_that_was_let_in_needs_no_network(cache: Path) -> None:
    first, _ = from_hub(cache, HubRepo(GOOD))
    again = intake(cache, offline=True)
    assert again.failure is None
    assert (again.source, again.manifest) == (first.source, first.manifest)


def test_a_damaged_copy_is_not_used_again(cache: Path) -> None:
    first, _ = from_hub(cache, HubRepo(GOOD))
    assert first.source.directory is not None
    weights = Path(first.source.directory, "model.safetensors")
    weights.chmod(0o600)
    weights.write_bytes(b"short")
    assert code(intake(cache, offline=True)) == "hub_offline"
    again, _ = from_hub(cache, HubRepo(GOOD))
    assert again.failure is None
    assert weights.read_bytes() == GOOD["model.safetensors"]


def test_the_same_weights_from_hub_and_folder_have_one_digest(cache: Path, tmp_path: Path) -> None:
    remote, _ = from_hub(cache, HubRepo(GOOD))
    folder = tmp_path / "m"
    folder.mkdir()
    for name, content in GOOD.items():
        (folder / name).write_bytes(content)
    assert intake(cache, source={"directory": str(folder)}).source.digest == remote.source.digest


def test_only_what_a_model_needs_is_fetched(cache: Path) -> None:
    extra = {
        "pytorch_model.bin": b"pickle",
        "run.py": b"boom",
        "lib.so": b"elf",
        "original/model.safetensors": b"x",
    }
    report, hub = from_hub(cache, HubRepo({**GOOD, **extra}))
    assert report.failure is None
    assert not any(path.endswith((".bin", ".py", ".so")) or "original" in path for path in hub.asked)


@pytest.mark.parametrize(
    ("repo", "source", "expected"),
    [
        (HubRepo(GOOD, gated=True), {}, "model_gated"),
        (HubRepo(GOOD, moved_to="other/student"), {}, "model_moved"),
        (HubRepo(GOOD), {"revision": "f" * 40}, "revision_missing"),
        (HubRepo(GOOD), {"revision": "no-such-branch"}, "revision_missing"),
        (HubRepo(GOOD), {"name": "org/absent"}, "model_missing"),
        (HubRepo({"config.json": make_config(), "pytorch_model.bin": b"p"}), {}, "weights_not_safetensors"),
        (HubRepo({"model.safetensors": make_safetensors()}), {}, "config_missing"),
        (HubRepo({"adapter_model.safetensors": b"x", "config.json": b"{}"}), {}, "adapter_only"),
        (HubRepo(GOOD, lies={"model.safetensors": make_safetensors()[:-1] + b"\x01"}), {}, "wrong_digest"),
        (HubRepo(GOOD, lies={"config.json": make_config(bos_token_id=7)}), {}, "file_too_large"),
        (HubRepo(GOOD, lies={"config.json": make_config(vocab_size=8)}), {}, "wrong_digest"),
        (HubRepo(GOOD, sizes={"config.json": 10 << 30}), {}, "file_too_large"),
        (HubRepo(GOOD, endless=frozenset({"config.json"})), {}, "file_too_large"),
        (HubRepo(GOOD, cut_after={"model.safetensors": 0}), {}, "cut_download"),
        (HubRepo(GOOD, redirects={"config.json": "http://127.0.0.2:1/config.json"}), {}, "address_refused"),
        (HubRepo(GOOD, redirects={"config.json": "https://127.0.0.1:1/config.json"}), {}, "cut_download"),
        (HubRepo(GOOD, redirects={"config.json": "https://10.0.0.1/config.json"}), {}, "address_refused"),
        (
            HubRepo(GOOD, redirects={"config.json": "https://[::ffff:169.254.169.254]/c"}),
            {},
            "address_refused",
        ),
        (HubRepo(GOOD, redirects={"config.json": "file:///etc/passwd"}), {}, "address_refused"),
        (
            HubRepo(GOOD, redirects={"config.json": f"/{NAME}/resolve/{COMMIT}/config.json"}),
            {},
            "address_refused",
        ),
    ],
)
def test_the_hub_s_faults_have_names(
    cache: Path, repo: HubRepo, source: dict[str, str], expected: str
) -> None:
    report, _ = from_hub(cache, repo, source=source)
    assert code(report) == expected
    assert models_in(cache) == []
    assert not any(path.name in repo.lies for path in staged_in(cache))


def test_a_cut_download_goes_on_where_it_stopped(cache: Path) -> None:
    repo = HubRepo(GOOD, cut_after={"model.safetensors": 150})
    report, hub = from_hub(cache, repo)
    assert report.failure is None
    assert "bytes=150-" in hub.ranges


def test_what_a_killed_intake_left_is_taken_up_by_the_next(cache: Path) -> None:
    # Too short a cut for the number of tries: the first intake gives up and leaves a part.
    broken, _ = from_hub(cache, HubRepo(GOOD, cut_after={"model.safetensors": 20}))
    assert code(broken) == "cut_download"
    report, hub = from_hub(cache, HubRepo(GOOD))
    assert report.failure is None
    assert "bytes=100-" in hub.ranges


def test_a_busy_hub_is_asked_again_by_the_file_and_reported_by_the_listing(cache: Path) -> None:
    assert code(from_hub(cache, HubRepo(GOOD, busy=1))[0]) == "hub_unreachable"


def test_an_unreachable_hub_is_the_platform_s_fault(cache: Path) -> None:
    report = intake(cache)
    assert code(report) == "hub_unreachable"
    assert report.failure is not None
    assert report.failure.fault == "platform"


def test_the_token_stays_with_the_hub(cache: Path) -> None:
    with running_hub({}) as elsewhere:
        target = elsewhere.url.replace("127.0.0.1", "localhost") + "/x"
        _, hub = from_hub(cache, HubRepo(GOOD, redirects={"config.json": target}), token="hf_secret")
    assert set(hub.tokens) == {"Bearer hf_secret"}
    assert elsewhere.tokens == []


def test_offline_means_that_nothing_is_asked(cache: Path) -> None:
    report, hub = from_hub(cache, HubRepo(GOOD), offline=True)
    assert code(report) == "hub_offline"
    assert hub.asked == []


def test_a_model_that_changed_since_submission_is_refused(cache: Path, tmp_path: Path) -> None:
    report = intake(cache, source={"directory": str(make_folder(tmp_path / "m")), "digest": "0" * 64})
    assert code(report) == "digest_mismatch"


def test_a_model_too_large_for_the_worker_is_refused_before_it_is_fetched(cache: Path) -> None:
    report, hub = from_hub(cache, HubRepo(GOOD), max_bytes=100)
    assert code(report) == "model_too_large"
    assert not any("resolve" in path for path in hub.asked)


def test_a_full_disk_is_seen_before_it_is_full(tmp_path: Path) -> None:
    assert Store(tmp_path).has_room_for(1)
    assert not Store(tmp_path).has_room_for(1 << 60)


def test_models_that_nobody_asked_for_lately_make_room(cache: Path, tmp_path: Path) -> None:
    old = intake(cache, source={"directory": str(make_folder(tmp_path / "a"))})
    other = make_safetensors()[:-1] + b"\x01"
    new = intake(cache, source={"directory": str(make_folder(tmp_path / "b", {"model.safetensors": other}))})
    store = Store(cache)
    assert old.source.digest is not None
    assert new.source.digest is not None
    now = (cache / "models" / new.source.digest / "intake.json").stat().st_mtime
    os.utime(cache / "models" / old.source.digest / "intake.json", (now - 90_000, now - 90_000))
    assert not store.make_room_for(1 << 60, now=now)
    assert store.find(new.source.digest) is not None
    assert store.find(old.source.digest) is None


def test_a_sharded_model_comes_with_all_its_parts(cache: Path) -> None:
    files = {
        "config.json": make_config(),
        "model-00001-of-00002.safetensors": make_safetensors({"a": (2,)}),
        "model-00002-of-00002.safetensors": make_safetensors({"b": (3,)}),
        "model.safetensors.index.json": as_json(
            {"weight_map": {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}}
        ),
    }
    report, _ = from_hub(cache, HubRepo(files))
    assert report.failure is None
    assert report.facts is not None
    assert report.facts.parameters == 5


def test_progress_counts_bytes(cache: Path, tmp_path: Path) -> None:
    told: list[Progress] = []
    source = ModelSource(name=NAME, revision=COMMIT, directory=str(make_folder(tmp_path / "m")))
    spec = IntakeSpec(source=source, cache_dir=str(cache), probe=False)
    take_in(spec, endpoint=NOWHERE, token=None, tell=told.append)
    assert {progress.message for progress in told} >= {"config.json", "model.safetensors"}
    assert all(progress.done <= progress.total for progress in told)
