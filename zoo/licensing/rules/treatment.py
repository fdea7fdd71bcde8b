"""What a text is asked once the walk has reached it: which acts it judges, or which flag it leaves.

This is the table of what travels along which edge. `hops` counts output edges between the start and the text's node.
"""

from enum import IntEnum
from typing import NamedTuple

from zoo.licensing.rules.book import License
from zoo.licensing.rules.graph import Role
from zoo.licensing.rules.vocabulary import Action


class Mode(IntEnum):
    """How a text bears on the answer."""

    NOTHING = 0
    BINDING = 1  # its rules decide
    OUTPUTS = 2  # it binds whoever trained the student: a flag to everybody else
    SECOND = 3  # a student of a student
    DATA = 4  # terms of training data: a flag
    DATA_COPIED = 5  # the asker copies the data in training: its rules decide, and it leaves the flag
    JUDGED = 6  # it graded the training: a flag


class Treatment(NamedTuple):
    """The mode, the acts that the text judges, and whether it binds only because it claims students."""

    mode: Mode
    acts: tuple[Action, ...] = ()
    derived: bool = False


class Standpoint(NamedTuple):
    """Who asks: the acts asked about, and whether the start is a data set (outputs are no derivatives)."""

    acts: tuple[Action, ...]
    of_dataset: bool = False


NOTHING = Treatment(Mode.NOTHING)
SECOND = Treatment(Mode.SECOND)


def treat(
    role: Role, hops: int, in_data: bool, judged: bool, depth: int, text: License, asker: Standpoint
) -> Treatment:
    """What to ask of `text` at a node reached with these classes of path."""
    if judged:
        return Treatment(Mode.JUDGED)
    if in_data:
        return _treat_data(role, hops, depth, asker)
    claims = text.makes_students_derivatives and not asker.of_dataset
    if role is Role.TEACHER:
        return _treat_teacher(hops, text, claims, asker)
    if role is Role.JUDGE:
        claimed = hops == 0 or (claims and (hops == 1 or text.reaches_second_hop))
        return Treatment(Mode.BINDING, (Action.JUDGE,), hops > 0) if claimed else SECOND
    if hops == 0:
        return Treatment(Mode.BINDING, asker.acts)
    if claims and (hops == 1 or text.reaches_second_hop):
        return Treatment(Mode.BINDING, asker.acts, derived=True)
    return Treatment(Mode.OUTPUTS) if hops == 1 else SECOND


def _treat_data(role: Role, hops: int, depth: int, asker: Standpoint) -> Treatment:
    if hops > 0:
        return NOTHING  # the data of a teacher reaches a student only as what the teacher says
    if role is Role.OWN and depth == 0:
        return Treatment(Mode.BINDING, asker.acts)
    if role is Role.DATA and depth == 1:
        return Treatment(Mode.DATA_COPIED, (Action.RUN,))
    return Treatment(Mode.DATA, asker.acts)


def _treat_teacher(hops: int, text: License, claims: bool, asker: Standpoint) -> Treatment:
    """A teacher is one output hop from the student that is being made."""
    teaching = (Action.DISTILL,)
    if hops <= 1:
        return (
            Treatment(Mode.BINDING, teaching + asker.acts, derived=True)
            if claims
            else Treatment(Mode.BINDING, teaching)
        )
    if not claims:
        return SECOND
    if text.reaches_second_hop:
        return Treatment(Mode.BINDING, teaching + asker.acts, derived=True)
    # The teacher itself is a derivative, so teaching with it is use of it; its own students are not claimed.
    return Treatment(Mode.BINDING, teaching, derived=True) if hops == 2 else SECOND
