"""What kind of language model a configuration describes: causal, masked, or sequence to sequence.

Pure, so that a submission can be refused before anything is fetched; ``evaluation.runners.routing`` asks again
before a model is loaded. Says nothing of heads that give no words.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from evaluation.contract import Engine


class Family(StrEnum):
    """What kind of language model an architecture is."""

    CAUSAL = "causal"
    MASKED = "masked"
    SEQ2SEQ = "seq2seq"


# fmt: off
MASKED_TYPES = frozenset({
    "albert", "bert", "big_bird", "camembert", "convbert", "data2vec-text", "deberta", "deberta-v2",
    "distilbert", "electra", "ernie", "esm", "eurobert", "flaubert", "fnet", "funnel", "ibert",
    "layoutlm", "longformer", "luke", "megatron-bert", "mobilebert", "modernbert", "mpnet", "mra",
    "nezha", "nystromformer", "perceiver", "qdqbert", "reformer", "rembert", "roberta",
    "roberta-prelayernorm", "roc_bert", "roformer", "squeezebert", "tapas", "wav2vec2-bert", "xlm",
    "xlm-roberta", "xlm-roberta-xl", "xmod", "yoso", "nomic_bert", "jina_bert",
})
# fmt: on
"""Model types of transformers that are encoders, or are used as such unless ``is_decoder`` is set."""

# fmt: off
SEQ2SEQ_TYPES = frozenset({
    "bart", "bigbird_pegasus", "blenderbot", "blenderbot-small", "encoder-decoder", "fsmt",
    "gptsan-japanese", "led", "longt5", "m2m_100", "marian", "mbart", "mt5", "mvp", "nllb-moe",
    "pegasus", "pegasus_x", "plbart", "prophetnet", "switch_transformers", "t5", "t5gemma", "umt5",
    "xlm-prophetnet",
})
# fmt: on

ENGINES: dict[Family, tuple[Engine, ...]] = {
    Family.CAUSAL: (Engine.HARNESS, Engine.CAUSAL, Engine.VLLM, Engine.SGLANG),
    Family.MASKED: (Engine.MASKED,),
    Family.SEQ2SEQ: (Engine.HARNESS,),
}
"""Engines that may score a family; the first is what ``auto`` means."""


def family_of(config: Mapping[str, object]) -> Family:
    """The family of a ``config.json``. What names neither an encoder nor two halves is taken for causal."""
    model_type = str(config.get("model_type") or "")
    if model_type in SEQ2SEQ_TYPES or config.get("is_encoder_decoder"):
        return Family.SEQ2SEQ
    if model_type in MASKED_TYPES and not config.get("is_decoder"):
        return Family.MASKED
    return Family.MASKED if "ForMaskedLM" in _first_architecture(config) else Family.CAUSAL


def _first_architecture(config: Mapping[str, object]) -> str:
    named = config.get("architectures")
    return str(named[0]) if isinstance(named, list) and named else ""


def family_in_words(architecture: str) -> Family | None:
    """The family by the catalog's word for an architecture; None where that says nothing."""
    if architecture == "encoder":
        return Family.MASKED
    if architecture == "encoder-decoder":
        return Family.SEQ2SEQ
    return Family.CAUSAL if architecture in ("decoder", "decoder-moe", "hybrid-mamba") else None
