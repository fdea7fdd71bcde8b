"""Scores masked language models (BERT and its kin) by pseudo-log-likelihood, as a model class of the harness.

Each token to be scored is masked in a copy of the text, and its log-probability is read at that place: the
pseudo-log-likelihood of Salazar et al. 2020 ("Masked Language Model Scoring"). By default the later pieces
of the same word are masked with it, so that a word of many pieces is not guessed from its own rest: the
within-word left-to-right form of Kauf & Ivanova 2023 ("A Better Way to Do Masked Language Model Scoring"). These are no
log-probabilities: they compare two masked models with each other and with nothing else.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Any, NamedTuple

import torch
import transformers
from lm_eval.api.instance import Instance
from lm_eval.api.model import LM

from evaluation.runners.base import submitter_failure
from evaluation.runners.models.memory import Memory

TOKENS_PER_BATCH_UNIT = 64
"""A batch size of 16 means forward passes of up to 16 * 64 tokens, however they are cut into rows."""
TOLERANCE = 1e-3
logger = logging.getLogger(__name__)


class Metric(StrEnum):
    """What is masked along with the token that is scored."""

    PLL = "pll"
    """Nothing (Salazar et al. 2020)."""
    WORD_L2R = "pll_word_l2r"
    """The later pieces of its word (Kauf & Ivanova 2023)."""
    WHOLE_WORD = "pll_whole_word"
    """All pieces of its word."""


class Copy(NamedTuple):
    """One copy of a text: its tokens with masks, the place that is read, and the token that belongs there."""

    request: int
    tokens: tuple[int, ...]
    types: tuple[int, ...]
    place: int
    target: int


class MaskedLM(LM):  # type: ignore[misc]  # The harness has no types.
    """A masked language model. Takes the arguments of the harness's HFLM as far as they apply to it."""

    def __init__(
        self,
        pretrained: str,
        dtype: str,
        batch_size: int,
        device: str,
        max_length: int | None = None,
        metric: Metric = Metric.WORD_L2R,
        **options: Any,
    ) -> None:
        super().__init__()
        kept = {name: options[name] for name in ("local_files_only", "use_safetensors") if name in options}
        self.tokenizer = transformers.AutoTokenizer.from_pretrained(pretrained, trust_remote_code=False)
        self.model = transformers.AutoModelForMaskedLM.from_pretrained(
            pretrained, dtype=getattr(torch, dtype), trust_remote_code=False, **kept
        )
        self.model.eval().to(device)
        self._device = torch.device(device)
        self.metric = metric
        self.memory = Memory()
        self.batch_size = batch_size
        self._max_length = max_length
        self._check_tokenizer()
        self.head = self._choose_head()

    @property
    def served_by(self) -> str:
        """The class, the metric, and how the vocabulary head is applied."""
        rows = "masked rows" if self.head is not None else "every position"
        return f"MaskedLM ({self.metric}, head on {rows})"

    @property
    def max_length(self) -> int:
        """Tokens that a text may have, special ones included."""
        known = [
            self._max_length,
            self.tokenizer.model_max_length,
            getattr(self.model.config, "max_position_embeddings", None),
        ]
        lengths = [int(length) for length in known if length and length < 1_000_000]
        # RoBERTa counts positions from the padding token's number on.
        offset = self.model.config.pad_token_id + 1 if "roberta" in self.model.config.model_type else 0
        return min(lengths, default=512) - offset

    @property
    def tokenizer_name(self) -> str:
        """Name of the tokenizer."""
        return str(self.tokenizer.name_or_path).replace("/", "__")

    def loglikelihood(self, requests: list[Instance], disable_tqdm: bool = False) -> list[tuple[float, bool]]:
        """Pseudo-log-likelihoods (natural, summed over the continuation's tokens) given context on both sides.

        The flag says that every token is the likeliest one at its masked place; it is not greedy decoding.
        Raises RunFailed (``text_too_long``): cutting a text would change which side is lost.
        """
        copies: list[Copy] = []
        for number, request in enumerate(requests):
            copies.extend(self._copies(number, *request.args))
        sums = [0.0] * len(requests)
        best = [True] * len(requests)
        waiting = Counter(copy.request for copy in copies)
        recalled = [self.memory.recall("loglikelihood", request.args) for request in requests]
        for batch in self._batches(copies):
            if all(recalled[copy.request] is not None for copy in batch):
                continue
            for copy, value, is_best in zip(batch, *self._read(batch), strict=True):
                number = copy.request
                sums[number] += value
                best[number] = best[number] and is_best
                waiting[number] -= 1
                if not waiting[number] and recalled[number] is None:
                    answer = (sums[number], best[number])
                    self.cache_hook.add_partial("loglikelihood", requests[number].args, answer)
                    self.memory.keep("loglikelihood", requests[number].args, answer)
        return [
            (value, flag) if known is None else (float(known[0]), bool(known[1]))
            for known, value, flag in zip(recalled, sums, best, strict=True)
        ]

    def loglikelihood_rolling(self, requests: list[Instance], disable_tqdm: bool = False) -> list[float]:
        """Not defined: raises RunFailed (``task_not_applicable``)."""
        raise not_applicable("whole texts have no log-likelihood under a masked model")

    def generate_until(self, requests: list[Instance], disable_tqdm: bool = False) -> list[str]:
        """Not possible: raises RunFailed (``task_not_applicable``)."""
        raise not_applicable("a masked model does not write")

    def _check_tokenizer(self) -> None:
        """Asserts what the method rests on. Raises RunFailed (``tokenizer_unreadable``)."""
        probe = self.tokenizer("a", return_offsets_mapping=True) if self.tokenizer.is_fast else None
        special = {self.tokenizer.cls_token_id, self.tokenizer.sep_token_id} - {None}
        missing = [] if probe is None else [token for token in special if token not in probe["input_ids"]]
        if probe is None or missing or self.tokenizer.mask_token_id is None:
            raise submitter_failure(
                "tokenizer_unreadable",
                "The tokenizer is not a fast one that adds its special tokens and knows a mask.",
                "Save the model's own tokenizer with save_pretrained (tokenizer.json).",
            )

    def _copies(self, number: int, context: str, continuation: str) -> list[Copy]:
        """The copies of one request: the text is encoded whole, never cut between context and continuation.

        A token belongs to the continuation if it ends after the context, so a word over the boundary counts whole.
        """
        text = context + continuation
        start = len(text) - len(text.lstrip())
        encoded = self.tokenizer(text[start:], return_offsets_mapping=True, return_special_tokens_mask=True)
        tokens = encoded["input_ids"]
        if len(tokens) > self.max_length:
            raise submitter_failure(
                "text_too_long",
                f"A document has {len(tokens)} tokens; the model takes {self.max_length}.",
                "Choose tasks with shorter texts.",
            )
        words = encoded.word_ids()
        types = tuple(encoded.get("token_type_ids") or [0] * len(tokens))
        boundary = len(context) - start
        targets = [
            place
            for place, ((_, end), special) in enumerate(
                zip(encoded["offset_mapping"], encoded["special_tokens_mask"], strict=True)
            )
            if not special and end > boundary
        ]
        return [
            Copy(number, self._masked(tokens, words, place), types, place, tokens[place]) for place in targets
        ]

    def _masked(self, tokens: Sequence[int], words: Sequence[int | None], place: int) -> tuple[int, ...]:
        """The tokens with the one at ``place`` masked, and those of its word that the metric masks too."""
        hidden = {place}
        if self.metric is not Metric.PLL:
            hidden |= {
                other
                for other, word in enumerate(words)
                if word is not None
                and word == words[place]
                and (other > place or self.metric is Metric.WHOLE_WORD)
            }
        mask = self.tokenizer.mask_token_id
        return tuple(mask if other in hidden else token for other, token in enumerate(tokens))

    def _batches(self, copies: Sequence[Copy]) -> list[list[Copy]]:
        """Copies of like length together, longest first, as many as the budget of tokens allows."""
        budget = self.batch_size * TOKENS_PER_BATCH_UNIT
        ordered = sorted(copies, key=lambda copy: (-len(copy.tokens), copy.tokens, copy.place, copy.request))
        batches: list[list[Copy]] = []
        for copy in ordered:
            if not batches or (len(batches[-1]) + 1) * len(batches[-1][0].tokens) > budget:
                batches.append([])
            batches[-1].append(copy)
        return batches

    def _read(self, batch: Sequence[Copy]) -> tuple[list[float], list[bool]]:
        """Log-probability of each copy's token at its place, in fp32, and whether no token is likelier."""
        length = max(len(copy.tokens) for copy in batch)
        padding = [length - len(copy.tokens) for copy in batch]
        pad = self.tokenizer.pad_token_id or 0
        tokens = self._tensor([[*c.tokens, *[pad] * more] for c, more in zip(batch, padding, strict=True)])
        types = self._tensor([[*c.types, *[0] * more] for c, more in zip(batch, padding, strict=True)])
        seen = self._tensor(
            [[1] * len(c.tokens) + [0] * more for c, more in zip(batch, padding, strict=True)]
        )
        places = torch.tensor([copy.place for copy in batch], device=self._device)
        targets = torch.tensor([copy.target for copy in batch], device=self._device)
        logits = self._logits(tokens, types, seen, places).float()
        chosen = torch.log_softmax(logits, dim=-1).gather(1, targets[:, None]).squeeze(1)
        best = logits.argmax(dim=-1) == targets
        return chosen.tolist(), best.tolist()

    def _tensor(self, rows: list[list[int]]) -> torch.Tensor:
        return torch.tensor(rows, dtype=torch.long, device=self._device)

    def _logits(
        self, tokens: torch.Tensor, types: torch.Tensor, seen: torch.Tensor, places: torch.Tensor
    ) -> torch.Tensor:
        """Logits [rows, vocabulary] at one place of each row."""
        inputs = {"input_ids": tokens, "attention_mask": seen}
        if "token_type_ids" in self.tokenizer.model_input_names:
            inputs["token_type_ids"] = types
        rows = torch.arange(len(places), device=self._device)
        with torch.inference_mode():
            if self.head is None:
                logits: torch.Tensor = self.model(**inputs).logits[rows, places]
                return logits
            return self.head(self.model.base_model(**inputs)[0][rows, places])

    def _choose_head(self) -> Callable[[torch.Tensor], torch.Tensor] | None:
        """The head for single rows, if the architecture's parts are known and agree with the whole model."""
        candidate = head_of(self.model)
        if candidate is None:
            return None
        probe = self.tokenizer("The quick brown fox.", return_tensors="pt")["input_ids"].to(self._device)
        places = torch.tensor([1], device=self._device)
        seen, types = torch.ones_like(probe), torch.zeros_like(probe)
        self.head = None
        whole = self._logits(probe, types, seen, places)
        self.head = candidate
        try:
            difference = (self._logits(probe, types, seen, places) - whole).abs().max().item()
        except (RuntimeError, AttributeError, TypeError, IndexError) as error:
            logger.warning("the head cannot be applied to single rows: %s", error)
            return None
        bound = TOLERANCE if self.model.dtype == torch.float32 else 0.1
        return candidate if difference <= bound * max(1.0, whole.abs().max().item()) else None


def head_of(model: Any) -> Callable[[torch.Tensor], torch.Tensor] | None:
    """The part of a masked model that turns hidden states into logits; None for unknown architectures."""
    if hasattr(model, "vocab_transform"):
        return lambda hidden: model.vocab_projector(
            model.vocab_layer_norm(model.activation(model.vocab_transform(hidden)))
        )
    if hasattr(model, "generator_predictions"):
        return lambda hidden: model.generator_lm_head(model.generator_predictions(hidden))
    if hasattr(model, "decoder") and hasattr(model, "head"):
        return lambda hidden: model.decoder(model.head(hidden))
    for name in ("cls", "lm_head", "predictions"):
        if hasattr(model, name):
            part: Callable[[torch.Tensor], torch.Tensor] = getattr(model, name)
            return part
    return None


def not_applicable(reason: str) -> Exception:
    """The failure of a task that cannot be put to a masked model."""
    return submitter_failure(
        "task_not_applicable", f"A task does not apply: {reason}.", "Choose multiple-choice tasks."
    )
