"""What kind of model a configuration describes, and what the catalog's word for it says."""

import pytest

from evaluation.formats.families import Family, family_in_words, family_of


@pytest.mark.parametrize(
    ("config", "family"),
    [
        ({"model_type": "llama", "architectures": ["LlamaForCausalLM"]}, Family.CAUSAL),
        ({"model_type": "bert", "architectures": ["BertModel"]}, Family.MASKED),
        ({"model_type": "bert", "architectures": ["BertLMHeadModel"], "is_decoder": True}, Family.CAUSAL),
        ({"model_type": "unheard", "architectures": ["UnheardForMaskedLM"]}, Family.MASKED),
        ({"model_type": "t5"}, Family.SEQ2SEQ),
        ({"model_type": "unheard", "is_encoder_decoder": True}, Family.SEQ2SEQ),
        ({"architectures": None}, Family.CAUSAL),
    ],
)
def test_a_configuration_tells_the_family(config: dict[str, object], family: Family) -> None:
    assert family_of(config) is family


@pytest.mark.parametrize(
    ("word", "family"),
    [
        ("encoder", Family.MASKED),
        ("encoder-decoder", Family.SEQ2SEQ),
        ("decoder-moe", Family.CAUSAL),
        ("", None),
        ("something else", None),
    ],
)
def test_the_word_of_the_catalog_tells_it_or_nothing(word: str, family: Family | None) -> None:
    assert family_in_words(word) is family
