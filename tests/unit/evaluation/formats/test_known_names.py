"""The names that are known here are those of the installed library; nothing that loads foreign code is installed."""

from __future__ import annotations

import importlib.util

import pytest

from evaluation.formats.known_names import MODEL_TYPES, TOKENIZER_CLASSES


@pytest.mark.engine
def test_known_architectures_are_the_library_s() -> None:
    modeling = pytest.importorskip("transformers.models.auto.modeling_auto")
    names = set(modeling.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES) | set(modeling.MODEL_FOR_MASKED_LM_MAPPING_NAMES)
    names |= set(modeling.MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES)
    assert names == MODEL_TYPES


@pytest.mark.engine
def test_known_tokenizers_include_the_library_s() -> None:
    auto = pytest.importorskip("transformers.models.auto.tokenization_auto")
    names: set[str] = set()
    for value in auto.TOKENIZER_MAPPING_NAMES.values():
        names |= {name for name in ((value,) if isinstance(value, str) else value or ()) if name}
    assert {name.removesuffix("Fast") for name in names} <= TOKENIZER_CLASSES


def test_the_package_that_fetches_kernels_is_not_installed() -> None:
    # With it, one key of a config.json is enough to run code from the hub (CVE-2026-4372).
    assert importlib.util.find_spec("kernels") is None
