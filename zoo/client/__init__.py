"""A typed client of any zoo's REST API: ``from zoo.client import Zoo``. Needs httpx and pydantic, never Django.

with Zoo() as zoo:
    done = zoo.wait(zoo.submit("acme/student", suite="demo"))
    print(done.overall.retention.value, done.overall.verdict)
"""

from zoo.client.answers import (
    Comparison,
    Estimate,
    ImportedFile,
    LicenseAnswer,
    ModelSummary,
    Overall,
    Release,
    Run,
    Submission,
    TaskRow,
)
from zoo.client.connection import DEFAULT_URL, FINAL, ApiProblem, Connection, NotAZoo, Unreachable
from zoo.client.zoo import Failed, Zoo

__all__ = [
    "DEFAULT_URL",
    "FINAL",
    "ApiProblem",
    "Comparison",
    "Connection",
    "Estimate",
    "Failed",
    "ImportedFile",
    "LicenseAnswer",
    "ModelSummary",
    "NotAZoo",
    "Overall",
    "Release",
    "Run",
    "Submission",
    "TaskRow",
    "Unreachable",
    "Zoo",
]
