"""What each field of an entry may hold."""

import pytest

from zoo.catalog import fields
from zoo.catalog.data import schema
from zoo.catalog.fields import BadFact
from zoo.catalog.models import Availability


@pytest.mark.parametrize(
    ("field", "value", "stored"),
    [
        ("parameters", 66_000_000, 66_000_000),
        ("parameters", None, None),
        ("released", "2024-07", "2024-07"),
        ("released", "", ""),
        ("license", "  MIT ", "MIT"),
        ("distillation", "logit, feature,logit", "logit,feature"),
    ],
)
def test_a_value_that_fits_is_stored_in_one_form(field: str, value: object, stored: object) -> None:
    assert fields.check(field, value) == stored


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("parameters", 0),
        ("parameters", -5),
        ("parameters", True),
        ("parameters", 1.5),
        ("parameters", "66M"),
        ("parameters", 2**70),
        ("context_length", 2**40),
        ("released", "July"),
        ("license", "x" * 101),
        ("license", "a\x00b"),
        ("license", 5),
        ("distillation", "telepathy"),
        ("availability", "somewhere"),
        ("no-such-field", "x"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_with_the_reason(field: str, value: object) -> None:
    with pytest.raises(BadFact) as caught:
        fields.check(field, value)
    assert field in caught.value.message


def test_data_files_and_facts_know_the_same_fields() -> None:
    assert set(schema.FACT_FIELDS) | {"title"} == set(fields.CHECKS)


def test_the_ways_to_get_a_model_are_the_same_everywhere() -> None:
    for value in Availability.values:
        assert fields.check("availability", value) == value
