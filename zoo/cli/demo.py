"""``zoo demo``: the shipped student against its teacher, through the whole stack and its REST API, then the result.

Starts everything as ``zoo up`` does, submits three comparisons as any client would, shows progress, prints the
retention table and the gain over the same student trained without the teacher, stops, and ends with 0.
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from zoo.cli import broker
from zoo.cli.client import Api, ApiProblem, Unreachable
from zoo.cli.stack import (
    Stack,
    StackFailed,
    Stopping,
    can_evaluate,
    home_of_environment,
    port_is_free,
    running,
)

if TYPE_CHECKING:
    from zoo.accounts.models import AccessToken

FAILED = 70
SUITE = "demo"
PATIENCE_SECONDS = 110
"""From the start, for the job that has both models loaded; after that ``zoo up`` goes on with it."""


class DemoFailed(RuntimeError):
    """The demonstration came to no result."""


def demo(
    port: Annotated[
        int, typer.Option(envvar="PORT", help="Port on 127.0.0.1; another if it is taken.")
    ] = 8000,
) -> None:
    """Measure the shipped student against its teacher through the whole stack, and print the result."""
    if not can_evaluate():
        print("zoo: the demonstration needs an engine: install the 'eval' extra.", file=sys.stderr)
        raise typer.Exit(FAILED)
    chosen = port if port_is_free(port) else broker.free_port()
    started = time.monotonic()
    stopping = Stopping()
    try:
        with running(home=home_of_environment(), port=chosen) as stack:
            stack.wait_until_ready(stopping)
            _say(f"The stack is up on {stack.url} ({time.monotonic() - started:.0f} s). Data: {stack.home}")
            _demonstrate(stack, stopping, until=started + PATIENCE_SECONDS)
    except (StackFailed, broker.NoBroker, DemoFailed, ApiProblem, Unreachable) as error:
        print(f"zoo: {error}", file=sys.stderr)
        raise typer.Exit(FAILED) from None
    _say(f"Done in {time.monotonic() - started:.0f} s.")


def _demonstrate(stack: Stack, stopping: Stopping, *, until: float) -> None:
    from evaluation.demo import shipped
    from zoo.cli.tables import show

    token, row = _token()
    api = Api(stack.url, token)
    try:
        ids = {
            name: _submit(api, student, teacher)
            for name, student, teacher in (
                ("pair", shipped.CAUSAL_STUDENT, shipped.CAUSAL_TEACHER),
                ("alone", shipped.CAUSAL_ALONE, shipped.CAUSAL_TEACHER),
                ("gain", shipped.CAUSAL_STUDENT, shipped.CAUSAL_ALONE),
            )
        }
        found = {name: _result(api, identifier, stack, stopping) for name, identifier in ids.items()}
        document = _with_pair_job(api, found["pair"], stack, stopping, until)
    finally:
        api.close()
        _revoke(row)
    show(document)
    _show_gain(document["gain"])
    _say("")
    if document["fidelity"].get("undefined") == "not_measured":
        print("Speed and fidelity are measured next, while 'make run' is up; the page shows them then.")
    print(f"The page: {stack.url}/comparisons/{document['id']}/  ('make run' serves it)")


def _submit(api: Api, student: str, teacher: str) -> str:
    body = {"student": student, "teacher": teacher, "suite": SUITE}
    made = api.post("submissions/", body)
    _say(f"Submitted {student} against {teacher}: {made['state']}")
    return str(made["id"])


def _result(api: Api, submission: str, stack: Stack, stopping: Stopping) -> str:
    """The id of the comparison, once there is one."""
    from zoo.cli.submit import tell
    from zoo.cli.tables import Bars

    def meanwhile() -> None:
        stack.look()
        if stopping():
            raise DemoFailed("stopped; what is finished is kept, and 'zoo demo' goes on from there")

    with Bars() as bars:
        done = api.follow(submission, tell=lambda found, runs: tell(bars, runs), meanwhile=meanwhile)
    if done["state"] != "succeeded" or done["comparison"] is None:
        reason = done["reason"] or {}
        raise DemoFailed(f"{done['student']}: {done['state']}: {reason.get('message', 'no comparison')}")
    return str(done["comparison"])


def _with_pair_job(
    api: Api, comparison: str, stack: Stack, stopping: Stopping, until: float
) -> dict[str, Any]:
    """The comparison, with speed and fidelity if the job that measures them ends in time."""
    _say("Measuring speed and fidelity with both models loaded ...")
    while True:
        document = api.get(f"comparisons/{comparison}/")
        if document["fidelity"].get("undefined") != "not_measured" or time.monotonic() > until:
            return document
        stack.look()
        if stopping():
            return document
        time.sleep(0.5)


def _show_gain(gain: dict[str, Any]) -> None:
    """What the teacher was good for: the student against its twin, and what the twin keeps of the teacher."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    from zoo.cli.tables import paper

    console = paper()
    if "undefined" in gain:
        console.print(gain["message"])
        return
    table = Table(
        title="Gain from distillation: against the same student trained without the teacher",
        title_justify="left",
        box=SIMPLE_HEAD,
        pad_edge=False,
    )
    for column in ("task", "distilled", "alone", "gain", "95 % interval", "p (Holm)", "outcome"):
        table.add_column(column, justify="left" if column == "task" else "right")
    for row in [*gain["tasks"], gain["overall"]]:
        table.add_row(*_gain_cells(row))
    console.print(table)
    retention = gain["control_retention"]
    if retention and "value" in retention:
        console.print(
            f"Trained alone it keeps {retention['value']:.3f} of the teacher overall "
            f"({retention['ci_low']:.3f} to {retention['ci_high']:.3f})."
        )


def _gain_cells(row: dict[str, Any]) -> list[str]:
    difference = row["difference"]
    defined = difference.get("value") is not None
    interval = f"{difference['ci_low']:+.4f} to {difference['ci_high']:+.4f}" if defined else ""
    p_value = row.get("p_adjusted")
    return [
        row["task"],
        _number(row["student"]),
        _number(row["control"]),
        f"{difference['value']:+.4f}" if defined else difference["undefined"].replace("_", " "),
        interval,
        "" if p_value is None else f"{p_value:.2g}",
        row["outcome"],
    ]


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"


def _token() -> tuple[str, AccessToken]:
    """A token for this one demonstration."""
    from datetime import timedelta

    from django.utils import timezone

    from zoo.accounts.models import Scope
    from zoo.accounts.services import create_token
    from zoo.cli.token import local_user

    made = create_token(
        acting_user=local_user(Scope.SUBMIT),
        name="demonstration",
        scope=Scope.SUBMIT,
        now=timezone.now(),
        lifetime=timedelta(hours=6),
    )
    return made.token, made.row


def _revoke(row: AccessToken) -> None:
    from django.utils import timezone

    from zoo.accounts.services import revoke_token

    revoke_token(acting_user=row.user, token_id=row.pk, now=timezone.now())


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
