"""The shipped catalog for the modules that ask for it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pytest_django.plugin import DjangoDbBlocker

from tests.factories.catalog import curated_catalog


@pytest.fixture(scope="module")
def shipped_catalog(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Loaded once for the module, and undone after it."""
    with curated_catalog(django_db_blocker):
        yield
