"""The mirror of data sets: found by name, told apart by content."""

from pathlib import Path

import pytest

from evaluation.runners.mirror import Mirror, folder_digest


def make_dataset(root: Path, text: str, name: str = "org/set") -> Path:
    folder = root / name
    folder.mkdir(parents=True)
    (folder / "train.jsonl").write_text(text)
    return folder


def test_a_data_set_is_found_by_its_name(tmp_path: Path) -> None:
    folder = make_dataset(tmp_path / "mirror", "{}")
    mirror = Mirror(tmp_path / "mirror", tmp_path / "cache")
    path, options = mirror.arguments("org/set", {"revision": "abc", "split": "train"})
    assert path == str(folder)
    assert options["split"] == "train"
    assert "revision" not in options
    assert mirror.used == {"org/set": folder_digest(folder)}


def test_another_name_is_left_to_the_hub(tmp_path: Path) -> None:
    make_dataset(tmp_path / "mirror", "{}")
    mirror = Mirror(tmp_path / "mirror", tmp_path / "cache")
    assert mirror.arguments("org/other", {"revision": "abc"}) == ("org/other", {"revision": "abc"})
    assert Mirror(None, tmp_path).arguments("org/set", {}) == ("org/set", {})


@pytest.mark.parametrize("name", ["../secret", "org/../../secret", "/etc", ".", "", "org/../.."])
def test_no_name_leads_out_of_the_mirror(tmp_path: Path, name: str) -> None:
    make_dataset(tmp_path / "mirror", "{}")
    make_dataset(tmp_path, "{}", "secret")
    assert Mirror(tmp_path / "mirror", tmp_path / "cache").find(name) is None


def test_two_mirrors_of_one_name_have_caches_of_their_own(tmp_path: Path) -> None:
    caches = []
    for place, text in (("a", "1"), ("b", "2"), ("c", "1")):
        folder = make_dataset(tmp_path / place, text)
        caches.append(Mirror(tmp_path / place, tmp_path / "cache").cache_of(folder))
    assert caches[0] != caches[1]
    assert caches[0] == caches[2], "equal content may share a cache"


def test_the_digest_depends_on_names_and_contents_and_not_on_hidden_files(tmp_path: Path) -> None:
    folder = make_dataset(tmp_path, "1")
    first = folder_digest(folder)
    (folder / ".lock").write_text("x")
    assert folder_digest(folder) == first
    (folder / "train.jsonl").rename(folder / "test.jsonl")
    assert folder_digest(folder) != first
