"""What every test gets: a quick time limit, marks by folder, and skips that say what is missing."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("HF_DATASETS_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
# Playwright's synchronous driver keeps an event loop running; the tests' own ORM calls beside it are safe.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks by folder, and skips what this machine cannot do, by name. CI never skips for want of a browser."""
    for item in items:
        parts = Path(str(item.path)).parts
        if "browser" in parts:
            item.add_marker(pytest.mark.browser)
            if CHROMIUM is None and not os.environ.get("CI"):
                item.add_marker(pytest.mark.skip(reason="no Chromium: install Debian's chromium"))
        if "faults" in parts:
            item.add_marker(pytest.mark.faults)
