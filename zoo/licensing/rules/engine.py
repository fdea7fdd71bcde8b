"""The license check: facts and a lineage graph in, an answer with reasons out. Pure; no Django, no files.

Order of evaluation: pin texts to their dates; walk up the lineage with a class per path; ask every text what its
class calls for (`treatment`); judge each text once (`judging`); combine by severity, prohibited > unknown >
conditions > allowed. Unlisted licenses, missing parents and cycles are unknown, never permissive.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

from zoo.licensing.rules.answer import Answer, Finding, Flag, Obligation
from zoo.licensing.rules.book import License, RuleBook
from zoo.licensing.rules.conditions import evaluate
from zoo.licensing.rules.conflicts import share_alike_conflicts
from zoo.licensing.rules.graph import NO_TERMS, LineageGraph, Node, Reached, Role, Terms
from zoo.licensing.rules.judging import Line, judge
from zoo.licensing.rules.names import begins_with, clash
from zoo.licensing.rules.questions import Facts, Plan, Question, Student, Use
from zoo.licensing.rules.treatment import Mode, Standpoint, Treatment, treat
from zoo.licensing.rules.vocabulary import (
    NAME_PREFIX,
    Action,
    EdgeKind,
    NodeKind,
    Profile,
    Verdict,
)

PLANNED = "planned-student"
PLANNED_NODE = Node(id=PLANNED)
BINDING_MODES = (Mode.BINDING, Mode.DATA_COPIED)


def check(
    question: Question, graph: LineageGraph, book: RuleBook, profile: Profile = Profile.STANDARD
) -> Answer:
    """Answer one question. Never raises for what is unknown: that is part of the answer."""
    return _Check(question, graph, book, profile).answer()


class _Placed(NamedTuple):
    """A text at a node: the pair that rules are asked about."""

    reached: Reached
    text: License
    treatment: Treatment


class _Check:
    """The working state of one check. Used once and thrown away."""

    __slots__ = (
        "asker", "assumptions", "binding", "book", "by_multimodal", "facts", "findings", "flags", "generated_on",
        "graph", "judged", "maker_facts", "profile", "proposed_name", "question", "revision_date", "root",
    )  # fmt: skip

    def __init__(self, question: Question, graph: LineageGraph, book: RuleBook, profile: Profile) -> None:
        self.question, self.graph, self.book, self.profile = question, graph, book, profile
        self.findings: list[Finding] = []
        self.flags: dict[str, Flag] = {}
        self.assumptions: list[str] = []
        self.binding: list[_Placed] = []
        self.judged: dict[tuple[str, tuple[Action, ...], bool | None], tuple[Line, ...]] = {}
        self.generated_on = question.generated_on
        self.revision_date = question.revision_date if isinstance(question, Use) else None
        self.root: Node | None = graph.node(question.model) if isinstance(question, Use) else None
        self.proposed_name = question.facts.student.name
        if isinstance(question, Use) and question.proposed_name is not None:
            self.proposed_name = question.proposed_name
        self.facts = question.facts
        self.maker_facts = Facts()
        self.by_multimodal: dict[bool | None, Facts] = {}
        self.asker = Standpoint(())

    def answer(self) -> Answer:
        reached = [step for start in self._starts() for step in self.graph.walk(start)]
        self._settle_facts(reached)
        self._look_for_cycle(reached)
        for step in reached:
            self._contested(step)
            if step.accessed_via is not None:
                self._ask(step, ((step.accessed_via,),))
            if not step.skips_own and step.node is not PLANNED_NODE:
                self._ask(step, self._terms(step))
        self._conflicts()
        if self.root is not None:
            self._compare_with_tag(reached[0])
        else:
            self._compare_parts_with_tags(reached)
        return self._assemble()

    # -- where the walk begins -------------------------------------------------------------------------------

    def _starts(self) -> list[Reached]:
        question = self.question
        if isinstance(question, Use):
            node = self.graph.node(question.model)
            is_data = node.kind is NodeKind.DATASET
            if question.action is Action.DISTILL:
                self.asker = Standpoint(_release(question.facts.student))
                return [_start(node, Role.TEACHER, 1, None, None, None)]
            if question.action is Action.JUDGE:
                return [_start(node, Role.JUDGE, 0, None, None, None)]
            self.asker = Standpoint((question.action,), of_dataset=is_data)
            return [_start(node, Role.OWN, 0, None, None, None, in_data=is_data)]
        self.asker = Standpoint(_release(question.facts.student))
        below = _start(PLANNED_NODE, Role.OWN, 0, None, None, None)
        return list(self._planned(question, below))

    def _planned(self, plan: Plan, below: Reached) -> Iterator[Reached]:
        kind = EdgeKind.MERGED_FROM if len(plan.bases) > 1 else EdgeKind.FINETUNED_FROM
        for base in sorted(plan.bases):
            yield _start(self.graph.node(base), Role.BASE, 0, kind, None, below)
        for source in sorted(plan.teachers, key=lambda item: item.id):
            node = self.graph.node(source.id)
            yield _start(node, Role.TEACHER, 1, EdgeKind.DISTILLED_FROM, source.accessed_via, below)
        for source in sorted(plan.data, key=lambda item: item.id):
            node = self.graph.node(source.id)
            yield _start(node, Role.DATA, 0, EdgeKind.TRAINED_ON, source.accessed_via, below, in_data=True)
        for source in sorted(plan.judges, key=lambda item: item.id):
            yield _start(
                self.graph.node(source.id), Role.JUDGE, 0, EdgeKind.JUDGED_BY, source.accessed_via, below
            )

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
        self.maker_facts = Facts(student=Student(distributed=True), student_texts=contained)

    def _look_for_cycle(self, reached: list[Reached]) -> None:
        looped = self.graph.on_cycles
        if looped:
            reason = "The recorded lineage runs in a circle here, so nothing above is certain."
            for step in reached:
                if step.node.id in looped:
                    self._unknown(step, "cycle", reason)

    # -- which text, at which date ---------------------------------------------------------------------------

    def _terms(self, step: Reached) -> Terms:
        licenses = step.node.licenses
        day = self.revision_date if step.below is None else None
        return licenses.on(day or step.node.revision_date)

    def _pinned(self, step: Reached, text: License) -> License | None:
        """The version of a provider's terms in force when the outputs were made."""
        if text.file.in_force is None:
            return text
        day = self.generated_on if step.role in (Role.TEACHER, Role.JUDGE) else None
        if day is None and step.below is not None:
            day = step.below.node.generated_on
        return self.book.in_force(text, day)

    # -- asking ----------------------------------------------------------------------------------------------

    def _ask(self, step: Reached, terms: Terms) -> None:
        """Ask the terms of one node. Of alternatives the mildest is taken, which is the licensee's choice."""
        if terms == NO_TERMS:
            self._no_terms(step)
        elif len(terms) == 1:
            for key in terms[0]:
                self._ask_text(step, key)
        else:
            taken = min(terms, key=lambda keys: (self._weight(step, keys), keys))
            options = " OR ".join(" AND ".join(keys) for keys in terms)
            self.assumptions.append(
                f"Of the choice {options} at {step.node.id}, {' AND '.join(taken)} is taken."
            )
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
        text = self._pinned(step, listed)
        if text is None:
            self._no_version(step, listed, treatment)
            return
        if treatment.mode in BINDING_MODES:
            self.binding.append(_Placed(step, text, treatment))
            self._place(step, text, treatment)
        if treatment.mode is Mode.OUTPUTS:
            self._flag_outputs(step, text)
        elif treatment.mode is Mode.SECOND:
            self._flag_second(step, text)
        elif treatment.mode in (Mode.DATA, Mode.DATA_COPIED):
            self._flag_data(step, text)
        elif treatment.mode is Mode.JUDGED:
            self._flag_judge(step, text)

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
        clause = text.file.student_clause if treatment.derived else None
        for line in self._lines(step, text, treatment.acts):
            if line.flag is not None:
                self._flag(f"{line.flag}@{step.node.id}", line.reason, step, text.key, line.rule_id)
            else:
                self.findings.append(
                    Finding(line.rule_id, line.verdict, line.reason, text.key, line.clause, step, line.duty, clause,
                            line.missing, line.assumed)
                )  # fmt: skip
        if text.recalled:
            self._flag(
                f"rule-unverified@{step.node.id}", "This text is recalled and was not read.", step, text.key
            )

    # -- what is unknown -------------------------------------------------------------------------------------

    def _unknown(self, step: Reached, rule_id: str, reason: str, key: str | None = None) -> None:
        self.findings.append(Finding(rule_id, Verdict.UNKNOWN, reason, key, None, step))

    def _mode_without_text(self, step: Reached) -> Mode:
        if step.judged or (step.in_data and step.hops > 0):
            return Mode.NOTHING
        if step.in_data and step.depth > 0:
            return Mode.DATA_COPIED if step.role is Role.DATA and step.depth == 1 else Mode.DATA
        taught = step.hops > 1 if step.role is Role.TEACHER else step.hops > 0
        return Mode.OUTPUTS if taught else Mode.BINDING

    def _no_terms(self, step: Reached) -> None:
        name = step.node.id
        mode = self._mode_without_text(step)
        if mode is Mode.OUTPUTS:
            reason = f"No license of the teacher {name} is on record; its text may claim its students."
            self._flag(f"unknown-teacher-license@{name}", reason, step)
            self._unknown(step, "unknown-teacher-license", reason)
        elif mode is Mode.BINDING and not step.node.known:
            self._unknown(
                step, "unknown-parent", f"{name} is named in the lineage but is not on record here."
            )
        elif mode in BINDING_MODES:
            self._unknown(
                step, "no-license", f"No license of {name} is on record, and silence is not permission."
            )
        if mode in (Mode.DATA, Mode.DATA_COPIED):
            self._data_flag(step, "none", f"No terms of the data set {name} are on record.", uncertain=True)

    def _unlisted(self, step: Reached, key: str) -> None:
        near = self.book.nearest(key)
        hint = f" Listed keys that look like it: {', '.join(near)}." if near else ""
        reason = f"The license {key!r} has no reviewed entry here.{hint}"
        mode = self._mode_without_text(step)
        if mode is Mode.OUTPUTS:
            self._flag(f"unknown-teacher-license@{step.node.id}", reason, step, key)
            self._unknown(step, "unknown-teacher-license", reason, key)
        elif mode in BINDING_MODES:
            self._unknown(step, "unlisted-license", reason, key)
        if mode in (Mode.DATA, Mode.DATA_COPIED):
            self._data_flag(step, key, reason, uncertain=True)

    def _no_version(self, step: Reached, text: License, treatment: Treatment) -> None:
        reason = (
            f"None of the versions of {text.file.name} on record was in force when the outputs were made."
        )
        if treatment.mode in BINDING_MODES:
            self._unknown(step, "no-text-for-date", reason, text.key)
        elif treatment.mode in (Mode.OUTPUTS, Mode.SECOND):
            self._upstream(step, text, reason)

    # -- flags -----------------------------------------------------------------------------------------------

    def _flag(
        self, flag_id: str, reason: str, step: Reached, key: str | None = None, rule: str | None = None
    ) -> None:
        self.flags.setdefault(flag_id, Flag(flag_id, reason, step, key, rule))

    def _contested(self, step: Reached) -> None:
        if step.node.contested:
            reason = "Somebody alleges something about how this was made; it is an allegation and changes no verdict."
            self._flag(f"contested@{step.node.id}", reason, step)

    def _flag_outputs(self, step: Reached, text: License) -> None:
        if text.service:
            self._upstream(step, text, "A contract of whoever used this service to make training data.")
            return
        for rule in text.maker_rules:
            if evaluate(rule.conditions, self.maker_facts).holds is not False:
                reason = f"Binds whoever trained the student: {rule.says}"
                self._flag(f"maker-duty:{rule.id}@{step.node.id}", reason, step, text.key, rule.id)

    def _upstream(self, step: Reached, text: License, reason: str) -> None:
        self._flag(f"upstream-contract@{step.node.id}", f"{reason} ({text.file.name})", step, text.key)
        window = text.file.in_force
        if window is not None and len(self.book.series[window.series]) > 1 and self._undated(step):
            later = "The terms changed over time and the day on which the outputs were made is not on record."
            self._flag(f"text-changed@{step.node.id}", later, step, text.key)
        if self.profile is Profile.STRICT or self.book.holds("makers-contract-binds-users"):
            why = "A contract upstream counts as unknown here until somebody clears it."
            self._unknown(step, "upstream-contract", why, text.key)

    def _undated(self, step: Reached) -> bool:
        return self.generated_on is None and (step.below is None or step.below.node.generated_on is None)

    def _flag_second(self, step: Reached, text: License) -> None:
        if text.service or text.maker_rules or text.makes_students_derivatives:
            reason = (
                "Two steps of training on outputs lie between; the text does not say that it reaches so far."
            )
            self._flag(f"second-generation@{step.node.id}", reason, step, text.key)
        if text.service:
            self._upstream(step, text, "A contract of whoever made the training data of a teacher.")

    def _flag_judge(self, step: Reached, text: License) -> None:
        if text.service or any(Action.JUDGE in rule.acts for rule in text.maker_rules):
            reason = "It graded or rewarded the training; its terms bind whoever asked it to."
            self._flag(f"judged-by@{step.node.id}", reason, step, text.key)

    def _flag_data(self, step: Reached, text: License) -> None:
        if text.service:
            self._upstream(step, text, "Terms of the service that the training data came from.")
            return
        lines = self._lines(step, text, self.asker.acts)
        matters = any(line.verdict > Verdict.ALLOWED for line in lines)
        reason = f"Terms of training data ({text.file.name}); whether weights adapt their training data is unsettled."
        self._data_flag(step, text.key, reason, uncertain=matters)

    def _data_flag(self, step: Reached, key: str, reason: str, *, uncertain: bool) -> None:
        self._flag(f"dataset-terms:{key}@{step.node.id}", reason, step, None if key == "none" else key)
        if uncertain and self.profile is Profile.STRICT:
            why = "Strict profile: terms of training data that would matter are unknown until somebody clears them."
            self._unknown(step, "dataset-terms", why, None if key == "none" else key)

    def _compare_with_tag(self, root: Reached) -> None:
        """Whether somebody who reads the published tag alone would miss something."""
        history = root.node.licenses.history
        if len(history) > 1 and self.revision_date is None and root.node.revision_date is None:
            reason = (
                "The license changed between revisions; the newest is taken. An old copy keeps its old text."
            )
            self._flag(f"revision-changed@{root.node.id}", reason, root)
        missed = {placed.text.key for placed in self.binding}
        missed |= {flag.license for flag in self.flags.values() if flag.license and _weighty(flag)}
        self._mismatch(root, missed, "tag-mismatch")

    def _compare_parts_with_tags(self, reached: list[Reached]) -> None:
        """The same for every part of a plan, over what binds through it."""
        through: dict[str, set[str]] = {}
        for placed in self.binding:
            through.setdefault(placed.reached.path[1][0], set()).add(placed.text.key)
        for part in reached:
            if part.depth == 1 and part.below is not None and part.below.node is PLANNED_NODE:
                self._mismatch(part, through.get(part.node.id, set()), f"tag-mismatch@{part.node.id}")

    def _mismatch(self, step: Reached, binding: set[str], flag_id: str) -> None:
        tag = {key for alternative in step.node.licenses.published for key in alternative}
        missed = binding - tag
        if tag and missed:
            said, unsaid = ", ".join(sorted(tag)), ", ".join(sorted(missed))
            self._flag(flag_id, f"The published tag says {said}; its reader misses {unsaid}.", step)

    # -- assembling ------------------------------------------------------------------------------------------

    def _conflicts(self) -> None:
        for placed in self.binding:
            if placed.text.copyleft:
                reason = share_alike_conflicts(placed.text, [other.text for other in self.binding])
                if reason and any(
                    f.duty == "same-license" and f.reached is placed.reached for f in self.findings
                ):
                    self._unknown(placed.reached, "same-license-conflict", reason, placed.text.key)
        self._published_name()

    def _published_name(self) -> None:
        """A published derivative whose name does not begin as a text above asks: its maker's matter, said so."""
        if self.root is None or self.root.name is None or self.asker.acts == (Action.PUBLISH_DERIVATIVE,):
            return
        for step, text, treatment in self.binding:
            if step.depth == 0 or treatment.mode is not Mode.BINDING or step.role is not Role.OWN:
                continue
            for rule in text.rules_for[Action.PUBLISH_DERIVATIVE]:
                if rule.value.startswith(NAME_PREFIX) and not begins_with(
                    self.root.name, _prefix(rule.value)
                ):
                    reason = f"{rule.says} The published name does not; whether its publisher has other permission is unknown."  # noqa: E501
                    self._flag(f"maker-duty:{rule.id}@{step.node.id}", reason, step, text.key, rule.id)

    def _assemble(self) -> Answer:
        findings = sorted(
            _distinct(self.findings), key=lambda f: (-f.verdict, f.reached.depth, f.rule_id, f.node)
        )
        obligations = tuple(
            Obligation(finding.duty, finding, self._met(finding.duty)) for finding in findings if finding.duty
        )
        prefixes = sorted({_prefix(o.duty) for o in obligations if o.duty.startswith(NAME_PREFIX)})
        if clash(prefixes):
            step = next(o.finding.reached for o in obligations if o.duty.startswith(NAME_PREFIX))
            reason = f"No name can begin with all of: {', '.join(prefixes)}."
            self._flag("name-conflict", reason, step)
        return Answer(
            question=self.question,
            profile=self.profile,
            verdict=max((finding.verdict for finding in findings), default=Verdict.UNKNOWN),
            findings=tuple(findings),
            obligations=obligations,
            unmet=tuple(sorted({o.duty for o in obligations if o.met is False})),
            flags=tuple(self.flags[name] for name in sorted(self.flags)),
            assumptions=tuple(sorted(set(self.assumptions))),
            rules_version=self.book.version,
        )

    def _met(self, duty: str) -> bool | None:
        if self.proposed_name is None or not duty.startswith(NAME_PREFIX):
            return None
        return begins_with(self.proposed_name, _prefix(duty))


def _release(student: Student) -> tuple[Action, ...]:
    """What happens to a planned student once it exists; when nobody says, both are asked."""
    if student.distributed is None:
        return (Action.RUN, Action.PUBLISH_DERIVATIVE)
    return (Action.PUBLISH_DERIVATIVE,) if student.distributed else (Action.RUN,)


def _start(
    node: Node,
    role: Role,
    hops: int,
    edge: EdgeKind | None,
    via: str | None,
    below: Reached | None,
    *,
    in_data: bool = False,
) -> Reached:
    depth = 0 if below is None else 1
    return Reached(node, role, hops, in_data, False, False, depth, edge, via, below)


def _weighty(flag: Flag) -> bool:
    head = flag.id.partition("@")[0].partition(":")[0]
    return head in ("upstream-contract", "maker-duty", "dataset-terms")


def _prefix(duty: str) -> str:
    return duty.removeprefix(NAME_PREFIX)


def _distinct(findings: list[Finding]) -> list[Finding]:
    """One finding per rule and node: the gravest, reached by the nearest path."""
    kept: dict[str, Finding] = {}
    for finding in findings:
        known = kept.get(finding.rule)
        if known is None or (-finding.verdict, finding.reached.depth) < (-known.verdict, known.reached.depth):
            kept[finding.rule] = finding
    return list(kept.values())
