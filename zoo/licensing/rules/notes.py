"""What a check writes down: findings that decide, and flags of provenance that only tell.

Flags never carry a duty. Two of them, upstream contracts and terms of training data, become unknown in the strict
profile, or when the reading is held that a maker's contract binds users.
"""

from collections.abc import Iterable
from typing import NamedTuple

from zoo.licensing.rules.answer import Finding, Flag
from zoo.licensing.rules.book import CompiledRule, Effect, License, RuleBook
from zoo.licensing.rules.conditions import evaluate
from zoo.licensing.rules.graph import Reached
from zoo.licensing.rules.names import begins_with
from zoo.licensing.rules.questions import Facts
from zoo.licensing.rules.vocabulary import NAME_PREFIX, Action, Profile, Verdict


class Source(NamedTuple):
    """The rule of a text that stands behind a flag, and its clause."""

    rule_id: str | None = None
    clause: str | None = None


NO_RULE = Source()
WEIGHTY = ("upstream-contract", "maker-duty", "dataset-terms")


class Notes:
    """Findings and flags of one check, in the order in which they arise."""

    __slots__ = ("binds_users", "book", "findings", "flags", "maker_facts", "strict")

    def __init__(self, book: RuleBook, profile: Profile) -> None:
        self.book = book
        self.strict = profile is Profile.STRICT
        self.binds_users = self.strict or book.holds("makers-contract-binds-users")
        self.findings: list[Finding] = []
        self.flags: dict[str, Flag] = {}
        self.maker_facts = Facts()

    def unknown(self, step: Reached, rule_id: str, reason: str, key: str | None = None) -> None:
        """A finding that nobody can decide."""
        self.findings.append(Finding(rule_id, Verdict.UNKNOWN, reason, key, None, step))

    def flag(
        self, name: str, reason: str, step: Reached, key: str | None = None, source: Source = NO_RULE
    ) -> None:
        """A flag; the nearest place where it arises counts."""
        self.flags.setdefault(name, Flag(name, reason, step, key, *source))

    def contested(self, step: Reached) -> None:
        """Somebody alleges something about this node."""
        if step.node.contested:
            reason = (
                "Somebody alleges something about how this was made. It is an allegation and changes no verdict; "
                "who says so stands on its page."
            )
            self.flag(f"contested@{step.node.id}", reason, step)

    def recalled_license(self, step: Reached) -> None:
        """Which license applies to this node is remembered, not read."""
        reason = f"Which license applies to {step.node.id} was recalled and not read in a source."
        self.flag(f"license-recalled@{step.node.id}", reason, step)

    def recalled_step(self, step: Reached) -> None:
        """The last step of lineage to this node is remembered, not read."""
        if step.recalled and step.below is not None:
            reason = (
                f"That {step.below.node.id} comes from {step.node.id} was recalled and not read in a source."
            )
            self.flag(f"lineage-recalled@{step.node.id}", reason, step)

    def outputs(self, step: Reached, text: License) -> None:
        """A text of a teacher that does not claim the student: it binds whoever trained it."""
        if text.service:
            self.upstream(step, text, "A contract of whoever used this service to make training data.")
            return
        for rule in text.maker_rules:
            if evaluate(rule.conditions, self.maker_facts).holds is not False:
                reason = f"Binds whoever trained the student: {rule.says}"
                self.flag(f"maker-duty:{rule.id}@{step.node.id}", reason, step, text.key, _source(rule))

    def upstream(self, step: Reached, text: License, reason: str) -> None:
        """A provider's terms further up, which are a contract of somebody else."""
        behind = _behind(text)
        made = f" The outputs were made {step.made.words}." if step.made else ""
        name, why = f"upstream-contract@{step.node.id}", f"{reason} ({text.file.name}){made}"
        known = self.flags.get(name)
        if known is not None and known.reached is step and known.license != text.key:
            also = f"{known.reason} For part of that time {text.file.name} were in force."
            self.flags[name] = known._replace(reason=also)
        self.flag(name, why, step, text.key, behind)
        window = text.file.in_force
        if window is not None and step.made is None and len(self.book.series[window.series]) > 1:
            later = "The terms changed over time and the day on which the outputs were made is not on record."
            self.flag(f"text-changed@{step.node.id}", later, step, text.key)
        if self.binds_users:
            why = "A contract upstream counts as unknown here until somebody clears it."
            self.unknown(step, "upstream-contract", why, text.key)

    def second_generation(self, step: Reached, text: License) -> None:
        """Two steps of outputs lie between, and the text does not reach so far."""
        if text.service or text.maker_rules or text.makes_students_derivatives:
            reason = (
                "Two steps of training on outputs lie between; the text does not say that it reaches so far."
            )
            self.flag(f"second-generation@{step.node.id}", reason, step, text.key, _behind(text))
        if text.service:
            self.upstream(step, text, "A contract of whoever made the training data of a teacher.")

    def judge(self, step: Reached, text: License) -> None:
        """Something that graded the training, where its terms speak of that."""
        speaking = [rule for rule in text.maker_rules if Action.JUDGE in rule.acts]
        if text.service or speaking:
            reason = "It graded or rewarded the training; its terms bind whoever asked it to."
            source = _source(speaking[0]) if speaking else _behind(text)
            self.flag(f"judged-by@{step.node.id}", reason, step, text.key, source)

    def data(
        self, step: Reached, key: str | None, reason: str, *, uncertain: bool, source: Source = NO_RULE
    ) -> None:
        """Terms of training data; `uncertain` when they would ask something, or are not known."""
        self.flag(f"dataset-terms:{key or 'none'}@{step.node.id}", reason, step, key, source)
        if uncertain and self.strict:
            why = "Strict profile: terms of training data that would matter are unknown until somebody clears them."
            self.unknown(step, "dataset-terms", why, key)

    def published_name(self, step: Reached, text: License, name: str) -> None:
        """A published derivative whose name does not begin as a text above asks: its maker's matter, and said."""
        for rule in text.rules_for[Action.PUBLISH_DERIVATIVE]:
            if rule.value.startswith(NAME_PREFIX) and not begins_with(
                name, rule.value.removeprefix(NAME_PREFIX)
            ):
                reason = f"{rule.says} The published name does not; other permission may exist and is not on record."
                self.flag(f"maker-duty:{rule.id}@{step.node.id}", reason, step, text.key, _source(rule))

    def mismatch(self, step: Reached, binding: Iterable[str], name: str) -> None:
        """Whether somebody who reads the published tag of this node alone would miss a text."""
        tag = {key for alternative in step.node.licenses.published for key in alternative}
        missed = set(binding) - tag
        if tag and missed:
            said, unsaid = self._names(tag), self._names(missed)
            self.flag(name, f"The published tag says {said}; its reader misses {unsaid}.", step)

    def _names(self, keys: Iterable[str]) -> str:
        """Texts by name; one that is not listed by what the publisher calls it."""
        texts = {key: self.book.get(key) for key in keys}
        return ", ".join(sorted(text.file.name if text else key for key, text in texts.items()))

    def weighty_licenses(self) -> set[str]:
        """Texts behind the flags that a reader of a tag would want to know of."""
        return {
            flag.license
            for flag in self.flags.values()
            if flag.license and flag.id.partition("@")[0].partition(":")[0] in WEIGHTY
        }


def _source(rule: CompiledRule) -> Source:
    return Source(rule.id, rule.clause)


def _behind(text: License) -> Source:
    """What of a text speaks of training on outputs: its first ban, else its claim of students, else its grant."""
    bans = [rule for rule in text.maker_rules if rule.effect is Effect.DENY]
    if bans or text.maker_rules:
        return _source((bans or list(text.maker_rules))[0])
    return Source(None, text.file.student_clause or text.file.grant_clause)
