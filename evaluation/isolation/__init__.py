"""Starts the runner of a spec apart from the rest of the machine, and turns its death into a failure.

    child = isolation.start(spec, out_dir=folder, model_dirs=[model], datasets_dir=mirror, limits=Limits(...))
    while (outcome := child.poll()) is None:
        ...                      # child.progress, child.stop(failure), child.kill(failure)
    outcome.report               # a RunReport or PairReport: results, or the failure that a death became

Free of Celery and Django; imports neither torch nor the harness. Stronger walls come first: bubblewrap, another
user, limits alone (for models that the package ships, or when ZOO_ALLOW_WEAK_ISOLATION=1).
"""

from evaluation.isolation.child import CANCELLED, Child, Outcome, start
from evaluation.isolation.levels import Isolation, IsolationRefused, Level, choose, detect
from evaluation.isolation.result import BadResult, open_output, open_samples, read_report
from evaluation.isolation.sandbox import Limits

__all__ = [
    "CANCELLED",
    "BadResult",
    "Child",
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
]
