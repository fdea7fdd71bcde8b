"""What the exports of one run are made of: its spec, its report and its samples, as recorded. No database here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from evaluation.contract import RunReport, RunSpec
from evaluation.samples import Sample


@dataclass(frozen=True, slots=True)
class Measurement:
    """One finished run. ``samples`` reads them anew each time, in the order of the file."""

    run: str
    spec: RunSpec
    report: RunReport
    finished_at: datetime
    samples: Callable[[], Iterator[Sample]]
    instance: str
    """The address of the service that measured it."""
    license: str
    """The model's license as the catalog has it; empty when unknown."""

    @property
    def model(self) -> str:
        """The model as ``org/name``."""
        return self.spec.model.name

    @property
    def page(self) -> str:
        """The permanent page of the run."""
        return f"{self.instance}/runs/{self.run}/"
