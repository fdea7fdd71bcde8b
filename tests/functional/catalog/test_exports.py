"""Entries of the shipped catalog in the formats of other tools, each read back by its library or strict schema."""

from __future__ import annotations

import io
import json

import pytest
import yaml
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from django.test import Client
from huggingface_hub import ModelCard
from spdx_python_model import v3_0_1

pytestmark = [pytest.mark.django_db, pytest.mark.xdist_group("shipped-catalog")]


@pytest.fixture(autouse=True)
def shipped(shipped_catalog: None) -> None:
    """Every export is made with the shipped catalog behind it."""


def exported(client: Client, model: str, form: str) -> bytes:
    answer = client.get(f"/api/v1/models/{model}/export/{form}/")
    assert answer.status_code == 200, (model, form)
    return answer.content


@pytest.mark.parametrize(
    ("model", "tag", "spdx_id", "teachers"),
    [
        ("distilbert/distilbert-base-uncased", "apache-2.0", "Apache-2.0", {"google-bert/bert-base-uncased"}),
        (
            "deepseek-ai/DeepSeek-R1-Distill-Llama-70B",
            "mit",
            "MIT",
            {"deepseek-ai/DeepSeek-R1"},
        ),
        ("openai/gpt-4", "other", "LicenseRef-zoo-openai-services-agreement", set()),
    ],
)
def test_an_entry_leaves_in_valid_formats(
    model: str, tag: str, spdx_id: str, teachers: set[str], client: Client
) -> None:
    card = ModelCard(exported(client, model, "card").decode()).data.to_dict()
    assert card["license"] == tag
    block = card.get("distillation", [])
    assert {one["teacher"] for one in (block if isinstance(block, list) else [block])} == teachers
    bill = exported(client, model, "cyclonedx").decode()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(bill) is None
    component = json.loads(bill)["metadata"]["component"]
    assert spdx_id in json.dumps(component["licenses"])
    ancestors = {one["name"] for one in component.get("pedigree", {}).get("ancestors", [])}
    assert teachers <= ancestors
    objects = v3_0_1.SHACLObjectSet()
    v3_0_1.JSONLDDeserializer().read(io.BytesIO(exported(client, model, "spdx")), objects)
    (license_,) = objects.foreach_type(v3_0_1.simplelicensing_LicenseExpression)
    assert license_.simplelicensing_licenseExpression == spdx_id
    assert json.loads(exported(client, model, "json-ld"))["identifier"] == model
    assert yaml.safe_load(exported(client, model, "model-index")) == {"model-index": []}, (
        "nothing is measured"
    )
