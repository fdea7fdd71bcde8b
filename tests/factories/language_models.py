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


def make_gguf(model: Path, folder: Path, *, chat_template: str | None = None) -> Path:
    """The GGUF form (float32) of a model that ``make_causal`` made, as converters of llama.cpp write it."""
    import gguf
    import transformers

    loaded = transformers.AutoModelForCausalLM.from_pretrained(model)
    tokenizer = transformers.AutoTokenizer.from_pretrained(model)
    config = loaded.config
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "tiny.F32.gguf"
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_freq_base(10_000.0)
    writer.add_vocab_size(config.vocab_size)
    writer.add_rope_dimension_count(config.hidden_size // config.num_attention_heads)
    _write_vocabulary(writer, tokenizer, chat_template)
    for name, tensor in loaded.state_dict().items():
        if name != "lm_head.weight":
            writer.add_tensor(_gguf_name(name), _gguf_values(name, tensor, config))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return folder


def _write_vocabulary(writer: Any, tokenizer: Any, chat_template: str | None) -> None:
    document = json.loads(tokenizer.backend_tokenizer.to_str())["model"]
    merges = [merge if isinstance(merge, str) else " ".join(merge) for merge in document["merges"]]
    tokens = sorted(document["vocab"], key=document["vocab"].get)
    special = set(tokenizer.all_special_tokens)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("default")
    writer.add_token_list(tokens)
    writer.add_token_types([3 if token in special else 1 for token in tokens])
    writer.add_token_merges(merges)
    writer.add_bos_token_id(tokenizer.bos_token_id)
    writer.add_eos_token_id(tokenizer.eos_token_id)
    writer.add_pad_token_id(tokenizer.pad_token_id)
    writer.add_add_bos_token(False)
    if chat_template is not None:
        writer.add_chat_template(chat_template)


GGUF_NAMES = {
    "model.embed_tokens": "token_embd", "model.norm": "output_norm", "model.layers.": "blk.",
    "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
    "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm",
}  # fmt: skip


def _gguf_name(name: str) -> str:
    for ours, theirs in GGUF_NAMES.items():
        name = name.replace(ours, theirs)
    return name


def _gguf_values(name: str, tensor: Any, config: Any) -> Any:
    """llama.cpp keeps the halves of rotary pairs side by side, where transformers keeps them apart."""
    values = tensor.float().numpy()
    heads = {"q_proj": config.num_attention_heads, "k_proj": config.num_key_value_heads}
    for part, count in heads.items():
        if part in name:
            return values.reshape(count, 2, -1, values.shape[1]).swapaxes(1, 2).reshape(values.shape).copy()
    return values


def change_config(folder: Path, **fields: object) -> None:
    """Rewrites fields of a saved model's config.json."""
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))
