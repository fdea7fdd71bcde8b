"""Tiny models with random weights and a tokenizer of their own, as transformers saves them.

They know nothing; what is tested on them is that numbers are the same, not that they are good. A few
hundred kilobytes each, made in a second from a seed. Imports torch when called, not before.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

TEXT = (
    "The old horse went slowly down the lane, and the children who had waited by the gate ran after it with apples "
    "in their hands. Nobody had told them that the farmer was coming back before the evening. What did the teacher "
    "say to the boy who was reading by the window? He said that every question has an answer, and that some answers "
    "are longer than others. Question: which animal lays eggs? Answer: the hen. 0 1 2 3 4 5 6 7 8 9"
)

WORDS = 300


def make_causal(
    folder: Path, *, seed: int = 0, layers: int = 2, width: int = 32, chat_template: str | None = None
) -> Path:
    """A Llama-architecture model with a byte-level BPE tokenizer."""
    import torch
    import transformers

    torch.manual_seed(seed)
    tokenizer = _byte_tokenizer()
    config = transformers.LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=width,
        intermediate_size=2 * width,
        num_hidden_layers=layers,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=512,
        tie_word_embeddings=True,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        initializer_range=0.2,
    )
    model = transformers.LlamaForCausalLM(config)
    tokenizer.chat_template = chat_template
    return _save(folder, model, tokenizer)


def make_talker(folder: Path, *, ends: bool, seed: int = 0) -> Path:
    """A causal model (Phi architecture) that writes nonsense and soon ends, or never ends; with a chat template."""
    import torch
    import transformers

    torch.manual_seed(seed)
    tokenizer = _byte_tokenizer()
    config = transformers.PhiConfig(
        vocab_size=len(tokenizer),
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        max_position_embeddings=2048,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )
    model = transformers.PhiForCausalLM(config)
    with torch.no_grad():
        model.lm_head.bias[tokenizer.eos_token_id] = 2.5 if ends else -40.0
    tokenizer.model_max_length = 2048
    tokenizer.chat_template = "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}<assistant>"
    return _save(folder, model, tokenizer)


def make_seq2seq(folder: Path, *, seed: int = 0, width: int = 32) -> Path:
    """A T5-architecture model with a byte-level BPE tokenizer."""
    import torch
    import transformers

    torch.manual_seed(seed)
    tokenizer = _byte_tokenizer()
    config = transformers.T5Config(
        vocab_size=len(tokenizer),
        d_model=width,
        d_ff=2 * width,
        d_kv=8,
        num_layers=2,
        num_heads=4,
        decoder_start_token_id=tokenizer.pad_token_id,
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )
    return _save(folder, transformers.T5ForConditionalGeneration(config), tokenizer)


def make_masked(folder: Path, *, kind: str = "bert", seed: int = 0, width: int = 32) -> Path:
    """A BERT- or DistilBERT-architecture model with a WordPiece tokenizer that adds [CLS] and [SEP]."""
    import torch
    import transformers

    torch.manual_seed(seed)
    tokenizer = _wordpiece_tokenizer()
    size = len(tokenizer)
    if kind == "distilbert":
        small = transformers.DistilBertConfig(
            vocab_size=size,
            dim=width,
            hidden_dim=2 * width,
            n_layers=2,
            n_heads=4,
            max_position_embeddings=128,
            initializer_range=0.2,
        )
        return _save(folder, transformers.DistilBertForMaskedLM(small), tokenizer)
    config = transformers.BertConfig(
        vocab_size=size,
        hidden_size=width,
        intermediate_size=2 * width,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=128,
        initializer_range=0.2,
    )
    return _save(folder, transformers.BertForMaskedLM(config), tokenizer)


def _save(folder: Path, model: Any, tokenizer: Any) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def _byte_tokenizer() -> Any:
    import tokenizers
    import transformers

    raw = tokenizers.Tokenizer(tokenizers.models.BPE())
    raw.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder = tokenizers.decoders.ByteLevel()
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=WORDS + 256,
        special_tokens=["<pad>", "<s>", "</s>"],
        show_progress=False,
        initial_alphabet=tokenizers.pre_tokenizers.ByteLevel.alphabet(),
    )
    raw.train_from_iterator([TEXT], trainer)
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=raw, pad_token="<pad>", bos_token="<s>", eos_token="</s>", model_max_length=512
    )


def _wordpiece_tokenizer() -> Any:
    import tokenizers
    import transformers

    raw = tokenizers.Tokenizer(tokenizers.models.WordPiece(unk_token="[UNK]"))
    raw.normalizer = tokenizers.normalizers.BertNormalizer(lowercase=True)
    raw.pre_tokenizer = tokenizers.pre_tokenizers.BertPreTokenizer()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    trainer = tokenizers.trainers.WordPieceTrainer(
        vocab_size=WORDS, special_tokens=special, show_progress=False
    )
    raw.train_from_iterator([TEXT], trainer)
    raw.post_processor = tokenizers.processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", raw.token_to_id("[CLS]")), ("[SEP]", raw.token_to_id("[SEP]"))],
    )
    raw.decoder = tokenizers.decoders.WordPiece()
    return transformers.BertTokenizerFast(
        tokenizer_object=raw,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
        model_max_length=128,
    )


def change_config(folder: Path, **fields: object) -> None:
    """Rewrites fields of a saved model's config.json."""
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))
