"""What the engine says: a verdict, and line by line which rule, where along the lineage, and why.

Plain frozen values; putting them into JSON, pages or words is `zoo.licensing.report`'s work.
"""

from dataclasses import dataclass
from typing import NamedTuple

from zoo.licensing.rules.graph import Reached
from zoo.licensing.rules.questions import Question
from zoo.licensing.rules.vocabulary import EdgeKind, Profile, Verdict

Path = tuple[tuple[str, EdgeKind | None], ...]


class Finding(NamedTuple):
    """One rule at one node. `missing` names facts that would decide it, `assumed` those presumed for now."""

    rule_id: str
    verdict: Verdict
    reason: str
    license: str | None
    clause: str | None
    reached: Reached
    duty: str | None = None
    derivative_clause: str | None = None  # the clause by which a student counts as a derivative
    missing: tuple[str, ...] = ()
    assumed: tuple[str, ...] = ()

    @property
    def node(self) -> str:
        """Where along the lineage it arises."""
        return self.reached.node.id

    @property
    def rule(self) -> str:
        """`rule@node`, the id by which answers refer to a rule."""
        return f"{self.rule_id}@{self.reached.node.id}"

    @property
    def path(self) -> Path:
        """From the model asked about, or the planned student, to the node."""
        return self.reached.path


class Obligation(NamedTuple):
    """A duty that the action triggers. `met` is None unless the question lets us test it."""

    duty: str
    finding: Finding
    met: bool | None = None


class Flag(NamedTuple):
    """Provenance to know about; never a duty. `id` is as the answer lists it, the rest explains.

    `rule_id` and `clause` name what of the text stands behind it; without a text the flag is its own rule.
    """

    id: str
    reason: str
    reached: Reached
    license: str | None = None
    rule_id: str | None = None
    clause: str | None = None

    @property
    def rule(self) -> str:
        """`rule@node`, as findings name theirs."""
        return f"{self.rule_id or self.id.partition('@')[0].partition(':')[0]}@{self.reached.node.id}"


@dataclass(frozen=True, slots=True)
class Answer:
    """The whole answer. Lines are ordered by severity, then nearness, then name."""

    question: Question
    profile: Profile
    verdict: Verdict
    findings: tuple[Finding, ...]
    obligations: tuple[Obligation, ...]
    unmet: tuple[str, ...]
    flags: tuple[Flag, ...]
    assumptions: tuple[str, ...]
    rules_version: str

    @property
    def from_memory(self) -> tuple[Flag, ...]:
        """What the answer rests on that somebody recalled and nobody read: licenses first, then steps of lineage."""
        kinds = ("license-recalled@", "lineage-recalled@")
        return tuple(flag for kind in kinds for flag in self.flags if flag.id.startswith(kind))

    @property
    def missing(self) -> tuple[str, ...]:
        """Facts that some rule still waits for, or presumes, in a stable order."""
        names = {name for finding in self.findings for name in (*finding.missing, *finding.assumed)}
        return tuple(sorted(names))
