"""The license check: facts and a lineage graph in, an answer with reasons out. Pure; no Django, no files.

Order of evaluation: pin texts to their dates; walk up the lineage with a class per path; ask every text what its
class calls for (`treatment`); judge each text once (`judging`); write down findings and flags (`notes`); combine by
severity, prohibited > unknown > conditions > allowed. Unlisted licenses, missing parents and cycles are unknown.
"""

import datetime as dt
from dataclasses import replace
from typing import NamedTuple

from zoo.licensing.rules.answer import Answer, Finding, Obligation
from zoo.licensing.rules.book import License, RuleBook
from zoo.licensing.rules.conflicts import share_alike_conflicts
from zoo.licensing.rules.graph import NO_TERMS, LineageGraph, Period, Reached, Role, Terms
from zoo.licensing.rules.judging import Line, judge
from zoo.licensing.rules.names import begins_with, clash
from zoo.licensing.rules.notes import NO_RULE, Notes, Source
from zoo.licensing.rules.questions import Facts, Plan, Question, Student, Use
from zoo.licensing.rules.starts import PLANNED_NODE, name_asked_about, starting_points
from zoo.licensing.rules.treatment import Mode, Treatment, treat
from zoo.licensing.rules.vocabulary import NAME_PREFIX, Action, Profile, Verdict

NOTHING_ASKED = Line("no-act", Verdict.ALLOWED, "", None)
BINDING_MODES = (Mode.BINDING, Mode.DATA_COPIED)


def check(
    question: Question, graph: LineageGraph, book: RuleBook, profile: Profile = Profile.STANDARD
) -> Answer:
    """Answer one question. Never raises for what is unknown: that is part of the answer."""
    return _Check(question, graph, book, profile).answer()


class _Placed(NamedTuple):
    """A text that binds at a node."""

    reached: Reached
    text: License
    treatment: Treatment


class _Check:
    """The working state of one check. Used once and thrown away."""

    __slots__ = (
        "asker", "assumptions", "binding", "book", "by_multimodal", "facts", "graph", "judged", "notes", "profile",
        "question", "revision_date", "starts",
    )  # fmt: skip

    def __init__(self, question: Question, graph: LineageGraph, book: RuleBook, profile: Profile) -> None:
        self.question, self.graph, self.book, self.profile = question, graph, book, profile
        self.asker, self.starts = starting_points(question, graph)
        self.notes = Notes(book, profile)
        self.assumptions: list[str] = []
        self.binding: list[_Placed] = []
        self.judged: dict[tuple[str, tuple[Action, ...], bool | None], tuple[Line, ...]] = {}
        self.by_multimodal: dict[bool | None, Facts] = {}
        self.facts = question.facts
        self.revision_date = question.revision_date if isinstance(question, Use) else None

    def answer(self) -> Answer:
        """Walk, ask, compare, assemble."""
        reached = [step for start in self.starts for step in self.graph.walk(start)]
        self._settle_facts(reached)
        self._look_for_cycles(reached)
        for step in reached:
            self.notes.contested(step)
            if self._mode_without_text(step) is not Mode.NOTHING:
                self.notes.recalled_step(step)
            if step.accessed_via is not None:
                self._ask(step, ((step.accessed_via,),))
            if step.skips_own:
                self._presume_holder(step)
            else:
                self._ask_own(step)
        self._conflicts()
        if isinstance(self.question, Use):
            self._about_the_model(reached[0])
        else:
            self._about_the_parts()
        return self._assemble()

    def _settle_facts(self, reached: list[Reached]) -> None:
        """What the lineage itself says about the student: the texts its weights already stand under."""
        contained = frozenset(
            key
            for step in reached
            if step.hops == 0 and not step.in_data and step.role in (Role.OWN, Role.BASE)
            for alternative in self._terms(step)
            for key in alternative
        )
        if isinstance(self.question, Plan) and self.question.bases:
            self.facts = replace(self.facts, student_texts=contained)
        self.notes.maker_facts = Facts(student=Student(distributed=True), student_texts=contained)

    def _look_for_cycles(self, reached: list[Reached]) -> None:
        looped = self.graph.on_cycles
        if looped:
            reason = "The recorded lineage runs in a circle here, so nothing above is certain."
            for step in reached:
                if step.node.id in looped:
                    self.notes.unknown(step, "cycle", reason)

    # -- which text, at which date ---------------------------------------------------------------------------

    def _day(self, step: Reached) -> dt.date | None:
        """The day of the copy that is asked about."""
        return (self.revision_date if step.below is None else None) or step.node.revision_date

    def _terms(self, step: Reached) -> Terms:
        return step.node.licenses.on(self._day(step))

    def _pinned(self, step: Reached, text: License) -> tuple[License, ...]:
        """The versions of a provider's terms in force when the outputs were made: more than one when they changed."""
        if text.file.in_force is None:
            return (text,)
        asked_for = {Role.TEACHER: 1, Role.JUDGE: 0}.get(step.role)
        day = self.question.generated_on if step.hops == asked_for else None
        return self.book.in_force(text, Period(day, day) if day else step.made)

    # -- asking ----------------------------------------------------------------------------------------------

    def _ask_own(self, step: Reached) -> None:
        """Ask a node's own terms, and say so where nobody read which terms those are."""
        terms = self._terms(step)
        self._ask(step, terms)
        bears = self._mode_without_text(step) is not Mode.NOTHING
        if terms and bears and step.node.licenses.recalled_on(self._day(step)):
            self.notes.recalled_license(step)

    def _presume_holder(self, step: Reached) -> None:
        """An owner may license its own work anew; said where nothing but that lets the answer pass over a node."""
        weighs = self._mode_without_text(step) in (Mode.BINDING, Mode.OUTPUTS)
        if weighs and step.below is not None and self._terms(step) == NO_TERMS:
            name, below = step.node.id, step.below.node.id
            self.assumptions.append(
                f"No license of {name} is on record. It is passed over because the same rights holder "
                f"({step.node.licensor}) is recorded for {below}, and an owner may license its own work anew."
            )

    def _ask(self, step: Reached, terms: Terms) -> None:
        """Ask the terms of one node. Of alternatives the mildest is taken, which is the licensee's choice."""
        if terms == NO_TERMS:
            self._no_terms(step)
        elif len(terms) == 1:
            for key in terms[0]:
                self._ask_text(step, key)
        else:
            taken = min(terms, key=lambda keys: (self._weight(step, keys), keys))
            options, choice = " OR ".join(" AND ".join(keys) for keys in terms), " AND ".join(taken)
            self.assumptions.append(f"Of the choice {options} at {step.node.id}, {choice} is taken.")
            for key in taken:
                self._ask_text(step, key)

    def _weight(self, step: Reached, keys: tuple[str, ...]) -> tuple[int, int]:
        """Severity and number of lines of one alternative."""
        worst, count = Verdict.ALLOWED, 0
        for key in keys:
            text = self.book.get(key)
            if text is None:
                return (Verdict.UNKNOWN, 0)
            treatment = self._treatment(step, text)
            if treatment.mode in BINDING_MODES:
                lines = self._lines(step, text, treatment.acts)
                worst, count = max([worst, *(line.verdict for line in lines)]), count + len(lines)
        return (worst, count)

    def _treatment(self, step: Reached, text: License) -> Treatment:
        return treat(step.role, step.hops, step.in_data, step.judged, step.depth, text, self.asker)

    def _ask_text(self, step: Reached, key: str) -> None:
        listed = self.book.get(key)
        if listed is None:
            self._unlisted(step, key)
            return
        treatment = self._treatment(step, listed)
        versions = self._pinned(step, listed)
        if not versions:
            self._no_version(step, listed, treatment)
        for text in versions:
            self._bear(step, text, treatment)

    def _bear(self, step: Reached, text: License, treatment: Treatment) -> None:
        """Write down what one version of a text means here."""
        mode = treatment.mode
        if mode in BINDING_MODES:
            self.binding.append(_Placed(step, text, treatment))
            self._place(step, text, treatment)
        if mode is Mode.OUTPUTS:
            self.notes.outputs(step, text)
        elif mode is Mode.SECOND:
            self.notes.second_generation(step, text)
        elif mode in (Mode.DATA, Mode.DATA_COPIED):
            self._data(step, text)
        elif mode is Mode.JUDGED:
            self.notes.judge(step, text)

    def _lines(self, step: Reached, text: License, acts: tuple[Action, ...]) -> tuple[Line, ...]:
        multimodal = step.node.multimodal if text.asks_multimodal else None
        known = (text.key, acts, multimodal)
        lines = self.judged.get(known)
        if lines is None:
            lines = self.judged[known] = judge(text, acts, self._facts(multimodal))
        return lines

    def _facts(self, multimodal: bool | None) -> Facts:
        """The question's facts; whether a model is multimodal is the node's own unless the question says."""
        if multimodal is None or self.facts.multimodal is not None:
            return self.facts
        if multimodal not in self.by_multimodal:
            self.by_multimodal[multimodal] = replace(self.facts, multimodal=multimodal)
        return self.by_multimodal[multimodal]

    def _place(self, step: Reached, text: License, treatment: Treatment) -> None:
        """Write down what the rules of a binding text say at this node."""
        clause = text.file.student_clause if treatment.derived else None
        for line in self._lines(step, text, treatment.acts):
            if line.flag is not None:
                source = Source(line.rule_id, line.clause)
                self.notes.flag(f"{line.flag}@{step.node.id}", line.reason, step, text.key, source)
            else:
                self.notes.findings.append(
                    Finding(line.rule_id, line.verdict, line.reason, text.key, line.clause, step, line.duty, clause,
                            line.missing, line.assumed)
                )  # fmt: skip
        if text.recalled:
            self.notes.flag(
                f"rule-unverified@{step.node.id}", "This text is recalled, nobody read it.", step, text.key
            )

    def _data(self, step: Reached, text: License) -> None:
        if text.service:
            self.notes.upstream(step, text, "Terms of the service that the training data came from.")
            return
        lines = self._lines(step, text, self.asker.acts)
        gravest = max(lines, key=lambda line: line.verdict, default=NOTHING_ASKED)
        reason = f"Terms of training data ({text.file.name}); whether weights adapt their training data is unsettled."
        source = Source(gravest.rule_id, gravest.clause) if lines else NO_RULE
        self.notes.data(step, text.key, reason, uncertain=gravest.verdict > Verdict.ALLOWED, source=source)

    # -- what is not on record -------------------------------------------------------------------------------

    def _mode_without_text(self, step: Reached) -> Mode:
        """How a text would bear if there were one."""
        if step.judged or (step.in_data and step.hops > 0):
            return Mode.NOTHING
        if step.in_data and step.depth > 0:
            return Mode.DATA_COPIED if step.role is Role.DATA and step.depth == 1 else Mode.DATA
        taught = step.hops > 1 if step.role is Role.TEACHER else step.hops > 0
        return Mode.OUTPUTS if taught else Mode.BINDING

    def _no_terms(self, step: Reached) -> None:
        name, mode = step.node.id, self._mode_without_text(step)
        if mode is Mode.OUTPUTS:
            self._unknown_teacher(
                step, f"No license of the teacher {name} is on record; it may claim students.", None
            )
        elif mode is Mode.BINDING and not step.node.known:
            reason = f"{name} is named in the lineage but is not on record here."
            self.notes.unknown(step, "unknown-parent", reason)
        elif mode in BINDING_MODES:
            reason = f"No license of {name} is on record, and silence is not permission."
            self.notes.unknown(step, "no-license", reason)
        if mode in (Mode.DATA, Mode.DATA_COPIED):
            self.notes.data(step, None, f"No terms of the data set {name} are on record.", uncertain=True)

    def _unlisted(self, step: Reached, key: str) -> None:
        near = self.book.nearest(key)
        hint = f" Listed keys that look like it: {', '.join(near)}." if near else ""
        reason = f"The license {key!r} has no reviewed entry here.{hint}"
        mode = self._mode_without_text(step)
        if mode is Mode.OUTPUTS:
            self._unknown_teacher(step, reason, key)
        elif mode in BINDING_MODES:
            self.notes.unknown(step, "unlisted-license", reason, key)
        if mode in (Mode.DATA, Mode.DATA_COPIED):
            self.notes.data(step, key, reason, uncertain=True)

    def _unknown_teacher(self, step: Reached, reason: str, key: str | None) -> None:
        self.notes.flag(f"unknown-teacher-license@{step.node.id}", reason, step, key)
        self.notes.unknown(step, "unknown-teacher-license", reason, key)

    def _no_version(self, step: Reached, text: License, treatment: Treatment) -> None:
        reason = (
            f"None of the versions of {text.file.name} on record was in force when the outputs were made."
        )
        if treatment.mode in BINDING_MODES:
            self.notes.unknown(step, "no-text-for-date", reason, text.key)
        elif treatment.mode in (Mode.OUTPUTS, Mode.SECOND):
            self.notes.upstream(step, text, reason)

    # -- comparing and assembling ----------------------------------------------------------------------------

    def _conflicts(self) -> None:
        texts = [placed.text for placed in self.binding]
        shared = [f.reached for f in self.notes.findings if f.duty == "same-license"]
        for placed in self.binding:
            if placed.text.copyleft and any(step is placed.reached for step in shared):
                reason = share_alike_conflicts(placed.text, texts)
                if reason:
                    self.notes.unknown(placed.reached, "same-license-conflict", reason, placed.text.key)

    def _about_the_model(self, root: Reached) -> None:
        """What a reader of the model's tag, revision or name alone would miss."""
        licenses = root.node.licenses
        if len(licenses.history) > 1 and self.revision_date is None and root.node.revision_date is None:
            reason = (
                "The license changed between revisions; the newest is taken, and an old copy keeps its text."
            )
            self.notes.flag(f"revision-changed@{root.node.id}", reason, root)
        name = root.node.name
        if name is not None and self.asker.acts != (Action.PUBLISH_DERIVATIVE,):
            for step, text, treatment in self.binding:
                if step.depth and step.role is Role.OWN and treatment.mode is Mode.BINDING:
                    self.notes.published_name(step, text, name)
        texts = {placed.text.key for placed in self.binding} | self.notes.weighty_licenses()
        self.notes.mismatch(root, texts, "tag-mismatch")

    def _about_the_parts(self) -> None:
        """The same for every part of a plan, over what binds through it."""
        through: dict[str, set[str]] = {}
        for placed in self.binding:
            through.setdefault(placed.reached.path[1][0], set()).add(placed.text.key)
        for part in self.starts:
            self.notes.mismatch(part, through.get(part.node.id, set()), f"tag-mismatch@{part.node.id}")

    def _assemble(self) -> Answer:
        notes = self.notes
        findings = sorted(_distinct(notes.findings), key=_gravest_first)
        name = name_asked_about(self.question)
        obligations = tuple(
            Obligation(finding.duty, finding, _met(finding.duty, name))
            for finding in findings
            if finding.duty
        )
        prefixes = {
            o.duty.removeprefix(NAME_PREFIX): o for o in obligations if o.duty.startswith(NAME_PREFIX)
        }
        if clash(sorted(prefixes)):
            reason = f"No name can begin with all of: {', '.join(sorted(prefixes))}."
            notes.flag("name-conflict", reason, next(iter(prefixes.values())).finding.reached)
        return Answer(
            question=self.question,
            profile=self.profile,
            verdict=max((finding.verdict for finding in findings), default=Verdict.UNKNOWN),
            findings=tuple(findings),
            obligations=obligations,
            unmet=tuple(sorted({o.duty for o in obligations if o.met is False})),
            flags=tuple(notes.flags[flag] for flag in sorted(notes.flags)),
            assumptions=tuple(sorted(set(self.assumptions))),
            rules_version=self.book.version,
        )


def _met(duty: str, name: str | None) -> bool | None:
    """Whether the proposed name fulfills a name duty; None where there is nothing to test."""
    if name is None or not duty.startswith(NAME_PREFIX):
        return None
    return begins_with(name, duty.removeprefix(NAME_PREFIX))


def _gravest_first(finding: Finding) -> tuple[int, int, str, str]:
    return (-finding.verdict, finding.reached.depth, finding.rule_id, finding.node)


def _distinct(findings: list[Finding]) -> list[Finding]:
    """One finding per rule and node: the gravest, reached by the nearest path."""
    kept: dict[tuple[str, str], Finding] = {}
    for finding in findings:
        place = (finding.rule_id, finding.node)
        known = kept.get(place)
        if known is None or (-finding.verdict, finding.reached.depth) < (-known.verdict, known.reached.depth):
            kept[place] = finding
    return list(kept.values())


__all__ = ["PLANNED_NODE", "check"]
