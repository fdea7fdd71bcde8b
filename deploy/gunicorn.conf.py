"""gunicorn's settings for the web: several processes that answer /metrics together. Used with ``-c``."""

import os
import shutil
from pathlib import Path

bind = os.environ.get("ZOO_BIND", "127.0.0.1:8000")
workers = int(os.environ.get("ZOO_WEB_PROCESSES", "4"))
worker_class = "uvicorn_worker.UvicornWorker"
# A process that holds event streams is not stuck; one that answers nothing for so long is.
timeout = 60
# Longer than nginx keeps its connections (60 s): whoever closes first must be nginx, or it sends a request into a
# connection that was closed just then, and answers 502.
keepalive = 75
graceful_timeout = 20
# Now and then a process is replaced, so that nothing that some library leaks can pile up.
max_requests = 50_000
max_requests_jitter = 5_000

# Before anything loads the metrics library, which looks at this once.
_metrics = Path(os.environ.get("ZOO_HOME") or "var").expanduser().resolve() / "metrics"
os.environ.setdefault("PROMETHEUS_MULTIPROC_DIR", str(_metrics))


def on_starting(server):
    """Counts of an earlier start belong to processes that are gone."""
    folder = Path(os.environ["PROMETHEUS_MULTIPROC_DIR"])
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)


def child_exit(server, worker):
    """Gauges of a process that has ended are dropped; its counts stay."""
    from prometheus_client import multiprocess

    multiprocess.mark_process_dead(worker.pid)
