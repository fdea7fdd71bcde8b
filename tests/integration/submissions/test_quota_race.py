"""Quotas hold when somebody asks for many things at the same moment."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import pytest
from pytest_django import Settings

from tests.factories.database import committed
from tests.factories.runs import NOW, make_user
from tests.factories.uploads import listed, model_files
from tests.integration.runs.test_races import together
from zoo.submissions import services
from zoo.submissions.models import Submission
from zoo.submissions.requests import read_request
from zoo.uploads.models import Upload
from zoo.uploads.services import UploadQuota, open_upload

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgres]
AT_ONCE = 6
ALLOWED = 2


@pytest.fixture(autouse=True)
def _committed(transactional_db: None) -> Iterator[None]:
    with committed():
        yield


@pytest.mark.parametrize("quota", ["ZOO_SUBMISSIONS_PER_DAY", "ZOO_SUBMISSIONS_OPEN"])
def test_of_six_submissions_at_once_no_more_get_in_than_may(quota: str, settings: Settings) -> None:
    settings.ZOO_SCRIPTED = True
    setattr(settings, quota, ALLOWED)
    user = make_user()

    def ask(number: int) -> object:
        request = read_request({"student": f"scripted/s{number}-p50", "tasks": ["scripted_choice"]})
        return services.submit(request=request, acting_user=user, now=NOW)

    outcomes = together(*[partial(ask, number) for number in range(AT_ONCE)])
    assert sum(isinstance(outcome, services.OverQuota) for outcome in outcomes) == AT_ONCE - ALLOWED
    assert Submission.objects.count() == ALLOWED


def test_of_six_uploads_at_once_no_more_get_in_than_there_is_room_for(settings: Settings) -> None:
    files = listed(model_files())
    settings.ZOO_UPLOAD_BYTES = ALLOWED * sum(file.size or 0 for file in files)
    user = make_user()

    def announce(number: int) -> object:
        return open_upload(label=f"m{number}", files=files, acting_user=user, now=NOW)

    outcomes = together(*[partial(announce, number) for number in range(AT_ONCE)])
    assert sum(isinstance(outcome, UploadQuota) for outcome in outcomes) == AT_ONCE - ALLOWED
    assert Upload.objects.count() == ALLOWED
