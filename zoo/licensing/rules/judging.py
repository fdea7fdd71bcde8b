"""One text under one set of facts: which of its rules fire for these acts, and with what result.

The result does not depend on where in the lineage the text stands, so the engine computes it once per check.
"""

from typing import NamedTuple

from zoo.licensing.rules.book import CompiledRule, Effect, License
from zoo.licensing.rules.conditions import Outcome, evaluate
from zoo.licensing.rules.questions import Facts
from zoo.licensing.rules.vocabulary import FACT_WORDS, Action, FactKind, Verdict


class Line(NamedTuple):
    """A rule's result before it is placed in the lineage. `flag` lines carry no weight."""

    rule_id: str
    verdict: Verdict
    reason: str
    clause: str | None
    duty: str | None = None
    flag: str | None = None
    missing: tuple[str, ...] = ()
    assumed: tuple[str, ...] = ()


ACT_WORDS = {
    Action.RUN: "running it inside the organization",
    Action.HOST: "offering it to others as a service",
    Action.REDISTRIBUTE: "passing the weights on",
    Action.PUBLISH_DERIVATIVE: "publishing a modified copy",
    Action.DISTILL: "training another model on its outputs",
    Action.JUDGE: "grading another model's training with it",
}
ORDINARY_ONLY = frozenset({FactKind.ORDINARY})
NO_WEIGHTS = frozenset({Action.REDISTRIBUTE, Action.PUBLISH_DERIVATIVE})


def judge(text: License, acts: tuple[Action, ...], facts: Facts) -> tuple[Line, ...]:
    """All lines of `text` for `acts`, once per rule, the gravest where acts differ."""
    lines: dict[str, Line] = {}
    for act in acts:
        for line in _judge_act(text, act, facts):
            known = lines.get(line.rule_id)
            if known is None or line.verdict > known.verdict:
                lines[line.rule_id] = line
    return tuple(_unverified(line) for line in lines.values()) if text.recalled else tuple(lines.values())


def _judge_act(text: License, act: Action, facts: Facts) -> list[Line]:
    lines: list[Line] = []
    lifted = False
    doubtful: tuple[str, ...] = ()  # facts on which an exception waits
    for rule in text.rules_for[act]:
        outcome = evaluate(rule.conditions, facts)
        if outcome.holds is False:
            continue
        if rule.effect is Effect.ALLOW:
            if outcome.holds:
                lifted = True
                lines.append(_allowed(rule, outcome))
            else:
                doubtful += outcome.missing
        elif rule.effect is Effect.DENY:
            if not lifted:
                lines.append(_denied(rule, outcome, doubtful))
        else:
            line = _obliged_or_flagged(rule, outcome)
            if line is not None:
                lines.append(line)
    lines.append(_grant(text, act, lifted, doubtful))
    return lines


def _allowed(rule: CompiledRule, outcome: Outcome) -> Line:
    verdict = Verdict.ALLOWED if rule.duty is None else Verdict.CONDITIONS
    return Line(rule.id, verdict, rule.says, rule.clause, rule.duty, assumed=outcome.assumed)


def _denied(rule: CompiledRule, outcome: Outcome, doubtful: tuple[str, ...]) -> Line:
    """A ban; unknown while an exception to it, or a judgment in it, is open; a duty while a figure is."""
    if outcome.holds and not doubtful:
        verdict = Verdict.UNKNOWN if rule.recalled else Verdict.PROHIBITED
        return Line(rule.id, verdict, rule.says, rule.clause, assumed=outcome.assumed)
    if outcome.kinds == ORDINARY_ONLY:
        reason = f"{rule.says} The field of use was not stated; an ordinary one is presumed."
        return Line(rule.id, Verdict.ALLOWED, reason, rule.clause, missing=outcome.missing)
    if FactKind.MEASURE in outcome.kinds:
        return _confirm(rule, outcome)
    missing = tuple(dict.fromkeys(outcome.missing + doubtful))
    reason = f"{rule.says} {_waits_for(outcome.missing, doubtful)}"
    return Line(rule.id, Verdict.UNKNOWN, reason, rule.clause, missing=missing, assumed=outcome.assumed)


def _waits_for(missing: tuple[str, ...], doubtful: tuple[str, ...]) -> str:
    """What nobody has said yet: about the ban itself, and about an exception to it."""
    sentences = []
    if missing:
        sentences.append(f"Not said yet: {_in_words(missing)}.")
    if doubtful:
        sentences.append(f"Whether an exception lifts it depends on {_in_words(doubtful)}.")
    return " ".join(sentences)


def _in_words(facts: tuple[str, ...]) -> str:
    return "; ".join(FACT_WORDS[fact] for fact in dict.fromkeys(facts))


def _obliged_or_flagged(rule: CompiledRule, outcome: Outcome) -> Line | None:
    if rule.effect is Effect.FLAG:
        return (
            Line(rule.id, Verdict.ALLOWED, rule.says, rule.clause, flag=rule.value) if outcome.holds else None
        )
    if outcome.holds is None:
        return _confirm(rule, outcome)
    return Line(rule.id, Verdict.CONDITIONS, rule.says, rule.clause, rule.duty, assumed=outcome.assumed)


def _confirm(rule: CompiledRule, outcome: Outcome) -> Line:
    return Line(
        rule.id,
        Verdict.CONDITIONS,
        rule.says,
        rule.clause,
        f"confirm:{rule.id}",
        missing=outcome.missing,
        assumed=outcome.assumed,
    )


def _grant(text: License, act: Action, lifted: bool, doubtful: tuple[str, ...]) -> Line:
    """Silence is not permission for weights; of a service it is silence."""
    clause = text.file.grant_clause
    if lifted or act in text.grants:
        return Line(f"grants-{act.value}", Verdict.ALLOWED, f"The text covers {ACT_WORDS[act]}.", clause)
    reason = f"No clause covers {ACT_WORDS[act]}. {_waits_for((), doubtful)}".rstrip()
    if text.service and act not in NO_WEIGHTS:
        return Line(f"silent-{act.value}", Verdict.UNKNOWN, reason, clause, missing=doubtful)
    if doubtful:
        return Line(f"not-granted-{act.value}", Verdict.UNKNOWN, reason, clause, missing=doubtful)
    return Line(f"not-granted-{act.value}", Verdict.PROHIBITED, reason, clause)


def _unverified(line: Line) -> Line:
    """Nothing that is only remembered may decide, in either direction."""
    if line.flag is not None:
        return line
    reason = f"{line.reason} This text is recalled and was not read, so the rule is not relied on."
    return line._replace(verdict=Verdict.UNKNOWN, reason=reason, duty=None)
