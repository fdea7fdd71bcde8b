"""The one byte-level BPE tokenizer of all demonstration models, trained on the training books.

The causal pair reads it with a start token, the masked pair with [CLS] and [SEP]; the vocabulary is the same.
"""

from collections.abc import Iterable

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

VOCABULARY = 6000
PAD, BOS, EOS, CLS, SEP, MASK = range(6)
SPECIAL = ("<pad>", "<s>", "</s>", "[CLS]", "[SEP]", "[MASK]")
MAX_LENGTH = 128


def train(paragraphs: Iterable[str]) -> Tokenizer:
    """Learns the merges. A leading space is added to every text, so that a sentence reads the same with
    and without a space before it (lm-eval puts one before each continuation)."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=list(SPECIAL),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(paragraphs, trainer)
    return tokenizer


def causal(tokenizer: Tokenizer) -> PreTrainedTokenizerFast:
    """The tokenizer as the causal models ship it: a start token is put before every text."""
    own = Tokenizer.from_str(tokenizer.to_str())
    own.post_processor = processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A $B", special_tokens=[("<s>", BOS)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=own,
        bos_token=SPECIAL[BOS],
        eos_token=SPECIAL[EOS],
        pad_token=SPECIAL[PAD],
        model_max_length=MAX_LENGTH,
        clean_up_tokenization_spaces=False,
    )


def masked(tokenizer: Tokenizer) -> PreTrainedTokenizerFast:
    """The tokenizer as the masked models ship it: [CLS] text [SEP]."""
    own = Tokenizer.from_str(tokenizer.to_str())
    own.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", CLS), ("[SEP]", SEP)],
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=own,
        cls_token=SPECIAL[CLS],
        sep_token=SPECIAL[SEP],
        mask_token=SPECIAL[MASK],
        pad_token=SPECIAL[PAD],
        model_max_length=MAX_LENGTH,
        clean_up_tokenization_spaces=False,
    )
