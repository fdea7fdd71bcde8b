"""The rule book: every license file compiled once into tables that the engine reads.

Pure: `RuleBook.compile` takes validated files and choices; reading them from disk is `zoo.licensing.library`'s work.
"""

import datetime as dt
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from enum import IntEnum

from zoo.licensing.rules.conditions import Condition, compile_when
from zoo.licensing.rules.graph import Period
from zoo.licensing.rules.schema import Choice, Choices, LicenseFile, Rule, Text
from zoo.licensing.rules.vocabulary import Action

ALL_ACTIONS = frozenset(Action)
NOTICE_FAMILIES = frozenset({"public-domain", "permissive", "creative-commons", "data"})


class Effect(IntEnum):
    """What a rule does when it fires; allowances come first because they lift bans of the same text."""

    ALLOW = 0
    DENY = 1
    MUST = 2
    FLAG = 3


@dataclass(frozen=True, slots=True)
class CompiledRule:
    """A rule with its actions resolved under the choices that hold, and its conditions compiled."""

    id: str
    clause: str
    acts: frozenset[Action]
    conditions: tuple[Condition, ...]
    effect: Effect
    value: str
    duty: str | None
    says: str
    recalled: bool
    names_distilling: bool  # it speaks of training on outputs itself, rather than of any use
    binds_maker_of_student: bool  # a user of a finished student sees it as the maker's duty


@dataclass(frozen=True, slots=True)
class License:
    """One compiled text. `rules_for` is indexed by action, allowances first."""

    key: str
    file: LicenseFile
    grants: frozenset[Action]
    rules_for: Mapping[Action, tuple[CompiledRule, ...]]
    maker_rules: tuple[CompiledRule, ...]
    makes_students_derivatives: bool
    reaches_second_hop: bool
    recalled: bool
    copyleft: bool
    adds_terms: bool  # asks more of a recipient than notices, so copyleft cannot swallow it
    asks_multimodal: bool

    @property
    def service(self) -> bool:
        """Terms of a service that bind an account holder, rather than a license of weights."""
        return self.file.service

    @property
    def text(self) -> Text:
        """The copy that was read."""
        return self.file.text


@dataclass(frozen=True)
class RuleBook:
    """All compiled texts, the choices they rest on, and the version that every answer carries."""

    licenses: Mapping[str, License]
    choices: Mapping[str, Choice]
    version: str
    checked_on: dt.date
    checked_by: str
    series: Mapping[str, tuple[License, ...]]

    @classmethod
    def compile(cls, files: Iterable[LicenseFile], choices: Choices) -> "RuleBook":
        """Compile the files. The version is the stated one plus a digest of all data, so no change is silent."""
        ordered = sorted(files, key=lambda file: file.key)
        held = {choice.id: choice for choice in choices.choices}
        compiled = {file.key: _compile_license(file, held) for file in ordered}
        return cls(
            licenses=compiled,
            choices=held,
            version=f"{choices.version}+{_digest(ordered, choices)}",
            checked_on=choices.checked_on,
            checked_by=choices.checked_by,
            series=_series(compiled.values()),
        )

    def get(self, key: str) -> License | None:
        """The compiled text of that key, or None when it is not listed."""
        return self.licenses.get(key)

    def in_force(self, license_: License, period: Period | None) -> tuple[License, ...]:
        """The versions of a provider's terms that governed in `period`, oldest first; none when none of ours did."""
        window = license_.file.in_force
        if window is None or period is None:
            return (license_,)
        return tuple(
            candidate
            for candidate in self.series[window.series]
            if (held := candidate.file.in_force) is not None
            and held.since <= period.last
            and (held.until is None or period.first < held.until)
        )

    def nearest(self, key: str, count: int = 3) -> tuple[str, ...]:
        """Listed keys that look like an unlisted one: a hint for a reader, never used as an answer."""
        by_lower = {name.lower(): name for name in self.licenses}
        return tuple(by_lower[name] for name in get_close_matches(key.lower(), by_lower, n=count, cutoff=0.5))

    def without_rule(self, rule_id: str) -> "RuleBook":
        """The book with one rule struck out; tests use it to show that every rule is needed."""
        touched = {
            key: _compile_license(_struck_out(license_.file, rule_id), self.choices)
            for key, license_ in self.licenses.items()
            if any(rule.id == rule_id for rule in license_.file.rules)
        }
        licenses = {**self.licenses, **touched}
        return replace(
            self,
            licenses=licenses,
            series=_series(licenses.values()),
            version=f"{self.version}.without.{rule_id}",
        )

    def with_choice(self, choice_id: str, holds: bool) -> "RuleBook":
        """The book under the other reading of one choice."""
        flipped = self.choices[choice_id].model_copy(update={"holds": holds})
        choices = self._choices_file()
        others = [flipped if choice.id == choice_id else choice for choice in choices.choices]
        files = [license_.file for license_ in self.licenses.values()]
        return RuleBook.compile(files, choices.model_copy(update={"choices": others}))

    def holds(self, choice_id: str) -> bool:
        """Whether a reading choice is in force."""
        return self.choices[choice_id].holds

    def _choices_file(self) -> Choices:
        return Choices(
            version=self.version.partition("+")[0],
            checked_on=self.checked_on,
            checked_by=self.checked_by,
            choices=list(self.choices.values()),
        )


def _struck_out(file: LicenseFile, rule_id: str) -> LicenseFile:
    return file.model_copy(update={"rules": [rule for rule in file.rules if rule.id != rule_id]})


def _digest(files: list[LicenseFile], choices: Choices) -> str:
    content = [file.model_dump(mode="json") for file in files] + [choices.model_dump(mode="json")]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:8]


def _series(licenses: Iterable[License]) -> dict[str, tuple[License, ...]]:
    found: dict[str, list[License]] = {}
    for license_ in licenses:
        if license_.file.in_force is not None:
            found.setdefault(license_.file.in_force.series, []).append(license_)
    return {
        name: tuple(sorted(members, key=lambda item: item.file.in_force.since))  # type: ignore[union-attr]
        for name, members in found.items()
    }


def _compile_license(file: LicenseFile, choices: Mapping[str, Choice]) -> License:
    rules = [compiled for rule in file.rules if (compiled := _compile_rule(rule, file, choices)) is not None]
    rules.sort(key=lambda rule: rule.effect)
    return License(
        key=file.key,
        file=file,
        grants=ALL_ACTIONS if file.grants == "all" else frozenset(file.grants),
        rules_for={action: tuple(rule for rule in rules if action in rule.acts) for action in Action},
        maker_rules=tuple(rule for rule in rules if rule.binds_maker_of_student),
        makes_students_derivatives=file.student_is_derivative == "yes",
        reaches_second_hop=file.outputs_of_derivatives,
        recalled=file.text.seen == "recalled",
        copyleft=any(rule.value == "same-license" for rule in rules),
        adds_terms=file.family not in NOTICE_FAMILIES,
        asks_multimodal=any(c.fact == "multimodal" for rule in rules for c in rule.conditions),
    )


def _compile_rule(rule: Rule, file: LicenseFile, choices: Mapping[str, Choice]) -> CompiledRule | None:
    """None when the rule rests on a reading that is not held."""
    if rule.choice is not None and not choices[rule.choice].holds:
        return None
    acts = set(ALL_ACTIONS if rule.acts == "any" else rule.acts)
    for choice, extra in rule.choice_acts.items():
        if choices[choice].holds:
            acts |= set(extra)
    effect, value = _effect(rule)
    presumed = choices["ordinary-field-is-presumed"].holds
    conditions = compile_when(rule.when, file.key, presume_ordinary_field=presumed)
    names_distilling = rule.acts != "any" and Action.DISTILL in acts
    only_purpose = bool(conditions) and all(condition.fact == "commercial" for condition in conditions)
    return CompiledRule(
        id=rule.id,
        clause=rule.clause,
        acts=frozenset(acts),
        conditions=conditions,
        effect=effect,
        value=value,
        duty=rule.must,
        says=rule.says,
        recalled=(rule.seen or file.text.seen) == "recalled",
        names_distilling=names_distilling,
        binds_maker_of_student=effect in (Effect.DENY, Effect.MUST)
        and Action.DISTILL in acts
        and (names_distilling or (effect is Effect.DENY and only_purpose)),
    )


def _effect(rule: Rule) -> tuple[Effect, str]:
    if rule.allow is not None:
        return Effect.ALLOW, rule.allow
    if rule.deny is not None:
        return Effect.DENY, rule.deny
    if rule.must is not None:
        return Effect.MUST, rule.must
    return Effect.FLAG, rule.flag or ""
