"""A slice of schemathesis: the API is asked what its own OpenAPI document says can be asked, and answers as it says.

The document is fetched from the application. ``make schemathesis`` does the same with a living server, for longer.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from django.core.wsgi import get_wsgi_application
from hypothesis import HealthCheck, Phase, Verbosity, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode, checks

from tests.factories.accounts import make_user
from tests.factories.catalog import make_edge, make_model
from tests.factories.compared import make_comparison
from tests.factories.database import one_connection
from tests.factories.runs import NOW, make_run
from zoo.accounts import services as accounts
from zoo.accounts.models import Scope
from zoo.publishing import services as publishing

pytestmark = [pytest.mark.django_db, pytest.mark.timeout(900)]
EXAMPLES = 3
CHECKS = [
    checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]
ENDLESS = "/api/v1/runs/{run_id}/events/"
"""The stream of a run that waits does not end; ``tests/faults/test_sudden_death.py`` reads one."""


@pytest.fixture
def known(tmp_path: Path) -> dict[str, str]:
    """One of each thing that an address names."""
    make_edge(make_model("acme/student", license="Apache-2.0"), make_model("acme/teacher"))
    comparison = make_comparison(tmp_path, tasks=("scripted_choice.n-20",))
    return {
        "org": "acme",
        "name": "student",
        "alias": "student",
        "format": "model-index",
        "key": "Apache-2.0",
        "side": "student",
        "run_id": str(make_run(now=NOW).pk),
        "comparison_id": str(comparison.pk),
        "release_id": str(publishing.publish(comparison_id=comparison.pk, now=NOW).pk),
    }


@pytest.fixture
def headers() -> dict[str, str]:
    """Those of an operator, who may do everything."""
    made = accounts.create_token(
        acting_user=make_user(role=Scope.OPERATE), name="t", scope=Scope.OPERATE, now=NOW
    )
    accounts.AccessToken.objects.update(expires_at=None)
    return {"Authorization": f"Token {made.token}", "Accept-Encoding": "identity"}


def test_the_api_does_what_its_document_says(known: dict[str, str], headers: dict[str, str]) -> None:
    with one_connection():
        wrong, asked = _everything(known, headers)
    assert not wrong, "\n\n".join(wrong)
    assert asked > 200


def _everything(known: dict[str, str], headers: dict[str, str]) -> tuple[list[str], int]:
    document = schemathesis.openapi.from_wsgi("/api/v1/schema/", get_wsgi_application(), headers=headers)
    wrong: list[str] = []
    asked = 0
    for found in document.get_all_operations():
        operation = found.ok()
        if operation.path == ENDLESS:
            continue
        names = {parameter.name for parameter in operation.path_parameters}
        paths = {name: known[name] for name in names & known.keys()}
        for mode, given_paths in _rounds(paths if paths.keys() == names else {}):
            try:
                asked += _ask(operation, mode, given_paths, headers)
            except Unsatisfiable:
                continue  # There is nothing to get wrong.
            except BaseExceptionGroup as error:
                wrong.append(f"{operation.label} ({mode.value}): {error.exceptions}")
    return wrong, asked


def _rounds(paths: dict[str, str]) -> Iterator[tuple[GenerationMode, dict[str, str]]]:
    yield GenerationMode.POSITIVE, paths
    yield GenerationMode.NEGATIVE, paths
    if paths:
        yield GenerationMode.POSITIVE, {}


def _ask(operation: Any, mode: GenerationMode, paths: dict[str, str], headers: dict[str, str]) -> int:
    count = 0
    strategy = operation.as_strategy(mode, path_parameters=paths) if paths else operation.as_strategy(mode)

    @seed(7)
    @settings(
        max_examples=EXAMPLES,
        phases=[Phase.generate],
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        verbosity=Verbosity.quiet,
        report_multiple_bugs=False,
    )
    @given(case=strategy)
    def once(case: Case) -> None:
        nonlocal count
        count += 1
        case.call_and_validate(headers=headers, checks=CHECKS)

    once()
    return count
