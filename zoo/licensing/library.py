"""Reads the license files of this package and compiles them into the rule book, once per process.

The only file input of license checks. Files are read from the package, so a check needs neither database nor network.
"""

import functools
from importlib import resources
from typing import Any, TypeVar

import yaml
from pydantic import ValidationError

from zoo.licensing.rules.book import RuleBook
from zoo.licensing.rules.schema import Choices, LicenseFile

CHOICES_FILE = "_choices.yaml"
Schema = TypeVar("Schema", LicenseFile, Choices)


class BadLicenseData(Exception):
    """A license file does not hold what it should; the message names file and place."""


@functools.cache
def rule_book() -> RuleBook:
    """The compiled rule book of this installation."""
    return RuleBook.compile(license_files(), choices_file())


def license_files() -> list[LicenseFile]:
    """Every license file, validated; a file's name is its key."""
    found: list[LicenseFile] = []
    for entry in sorted(resources.files("zoo.licensing.data").iterdir(), key=lambda item: item.name):
        if entry.name.endswith(".yaml") and not entry.name.startswith("_"):
            file = _validated(LicenseFile, entry.name, entry.read_text("utf-8"))
            if entry.name != f"{file.key}.yaml":
                raise BadLicenseData(f"{entry.name}: holds the key {file.key}")
            found.append(file)
    _check_together(found)
    return found


def choices_file() -> Choices:
    """The reading choices and the version of the rule set."""
    entry = resources.files("zoo.licensing.data") / CHOICES_FILE
    return _validated(Choices, CHOICES_FILE, entry.read_text("utf-8"))


def _validated(model: type[Schema], name: str, text: str) -> Schema:
    try:
        return model.model_validate(_plain(yaml.safe_load(text)))
    except (yaml.YAMLError, ValidationError) as error:
        raise BadLicenseData(f"{name}: {error}") from error


def _plain(loaded: Any) -> Any:
    """YAML 1.1 reads bare yes, no and on as booleans; a boolean key is always that accident."""
    if isinstance(loaded, dict):
        if any(isinstance(key, bool) for key in loaded):
            raise yaml.YAMLError("a key was read as a boolean; quote yes, no, on and off")
        return {key: _plain(value) for key, value in loaded.items()}
    return [_plain(item) for item in loaded] if isinstance(loaded, list) else loaded


def _check_together(files: list[LicenseFile]) -> None:
    """What no single file can show: rule ids, tags and aliases belong to one text each."""
    seen: dict[tuple[str, str], str] = {}
    for file in files:
        claims = [("rule", rule.id) for rule in file.rules]
        claims += [("hub tag", tag) for tag in file.hub_tags]
        claims += [("license_name", name) for name in file.hub_names]
        claims += [("name", name.lower()) for name in {file.key, file.spdx or file.key, *file.aliases}]
        for claim in claims:
            other = seen.setdefault(claim, file.key)
            if other != file.key:
                raise BadLicenseData(f"{file.key}: the {claim[0]} {claim[1]!r} belongs to {other} already")
