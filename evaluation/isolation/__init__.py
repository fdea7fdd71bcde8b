"""Starts the runner of a spec apart from the rest of the machine, and turns its death into a failure.

    child = isolation.start(spec, out_dir=folder, model_dirs=[model], datasets_dir=mirror, limits=Limits(...))
    while (outcome := child.poll()) is None:
        ...                      # child.progress, child.stop(failure), child.kill(failure)
    outcome.report               # a RunReport or PairReport: results, or the failure that a death became

    fetch = isolation.start_fetch(IntakeSpec(source=..., cache_dir=...), out_dir=folder)
    fetch.wait().source          # the model let in: with its digest and the folder to give to ``start``

Free of Celery and Django; imports neither torch nor the harness. Stronger walls come first: bubblewrap, another
user, limits alone (for models that the package ships, or when ZOO_ALLOW_WEAK_ISOLATION=1).
"""

from evaluation.isolation.child import Child, Outcome, start
from evaluation.isolation.failures import CANCELLED
from evaluation.isolation.fetch import Fetch, start_fetch
from evaluation.isolation.levels import Isolation, IsolationRefused, Level, choose, detect
from evaluation.isolation.result import BadResult, open_output, open_samples, read_report
from evaluation.isolation.sandbox import Limits

__all__ = [
    "CANCELLED",
    "BadResult",
    "Child",
    "Fetch",
    "Isolation",
    "IsolationRefused",
    "Level",
    "Limits",
    "Outcome",
    "choose",
    "detect",
    "open_output",
    "open_samples",
    "read_report",
    "start",
    "start_fetch",
]
