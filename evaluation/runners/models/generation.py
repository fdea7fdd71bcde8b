"""Greedy decoding for the causal engine: what the prompts share is run once, and finished rows leave the batch.

Only greedy decoding with nothing but stop sequences and a length is done here; sampling, beams and models whose
generation settings change the logits are the library's business. Stop rules and cutting are the harness's.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from lm_eval.models import huggingface
from lm_eval.models.utils import (
    handle_stop_sequences,
    has_bos_prefix,
    normalize_gen_kwargs,
    postprocess_generated_text,
)

from evaluation.runners.models import kv
from evaluation.runners.models.trie import common_prefix

if TYPE_CHECKING:
    from evaluation.runners.models.causal import CausalLM
    from evaluation.runners.models.kv import Kept

MIN_PREFIX = 16
STOP_LOOKBACK = 2
"""Tokens looked at beyond a stop sequence's own count, as in the harness's criterion."""
NEUTRAL: dict[str, tuple[Any, ...]] = {
    "repetition_penalty": (None, 1.0),
    "no_repeat_ngram_size": (None, 0),
    "encoder_no_repeat_ngram_size": (None, 0),
    "bad_words_ids": (None,),
    "min_length": (None, 0),
    "min_new_tokens": (None, 0),
    "forced_bos_token_id": (None,),
    "forced_eos_token_id": (None,),
    "suppress_tokens": (None,),
    "begin_suppress_tokens": (None,),
    "sequence_bias": (None,),
    "guidance_scale": (None, 1.0),
    "num_beams": (None, 1),
}
"""Generation settings of a model, with the values under which they do nothing to greedy decoding."""


@dataclass(slots=True)
class Row:
    """One prompt and what has been generated behind it."""

    index: int
    prompt: list[int]
    generated: list[int] = field(default_factory=list)


class GreedyBatches:
    """Decodes requests of a ``CausalLM``; ``extend`` runs a prefix and returns its keys and values."""

    def __init__(self, lm: CausalLM, *, extend: Callable[[tuple[int, ...], int, Kept | None], Kept]) -> None:
        self.lm = lm
        self.extend = extend

    def fits(self, requests: Sequence[Any]) -> bool:
        """Whether plain greedy decoding is what these requests and this model's settings mean."""
        settings = self.lm.model.generation_config
        if self.lm.window is not None and self.lm.max_length > self.lm.window:
            return False
        neutral = all(getattr(settings, name, None) in values for name, values in NEUTRAL.items())
        return (
            neutral and isinstance(self.lm.batch_size, int) and all(_is_greedy(r.args[1]) for r in requests)
        )

    def run(self, requests: Sequence[Any], *, disable_tqdm: bool) -> list[str]:
        """The texts, in the order of the requests, cut at the first stop sequence."""
        texts = self._recalled(requests)
        bar = huggingface.tqdm(
            total=len(requests), disable=disable_tqdm, desc="Running generate_until requests"
        )
        groups: dict[str, list[int]] = {}
        for index, request in enumerate(requests):
            groups.setdefault(json.dumps(request.args[1], sort_keys=True), []).append(index)
        for indices in groups.values():
            contexts = {index: requests[index].args[0] for index in indices}
            settings = requests[indices[0]].args[1]

            def finished(row: Row, text: str) -> None:
                if row.index in texts:
                    return
                texts[row.index] = text
                arguments = requests[row.index].args
                self.lm.cache_hook.add_partial("generate_until", arguments, text)
                self.lm.memory.keep("generate_until", arguments, text, row.generated)
                bar.update(1)

            self._group(contexts, settings, finished, texts)
        bar.close()
        return [texts[index] for index in range(len(requests))]

    def _recalled(self, requests: Sequence[Any]) -> dict[int, str]:
        """The texts that were generated before, by the places of their requests."""
        recalled = (
            (index, self.lm.memory.recall("generate_until", r.args)) for index, r in enumerate(requests)
        )
        return {index: str(text) for index, text in recalled if text is not None}

    def _group(
        self,
        contexts: dict[int, str],
        settings: dict[str, Any],
        finished: Callable[[Row, str], None],
        known: Container[int],
    ) -> None:
        """Decodes requests of the same settings. Batches are formed of all, and run where any is not known."""
        if all(index in known for index in contexts):
            return
        kwargs = normalize_gen_kwargs(settings, self.lm.max_gen_toks)
        eos = self.lm.tok_decode(self.lm.eot_token_id, skip_special_tokens=False)
        until = handle_stop_sequences(kwargs.get("until"), eos=eos)
        most = int(kwargs["max_gen_toks"])
        room = self.lm.max_length - most
        if room <= 0:
            raise ValueError(
                f"{most} tokens to generate leave no room in a model of {self.lm.max_length} tokens"
            )
        rows = sorted(self._rows(contexts, room), key=lambda row: row.prompt)
        shared = _shared([row.prompt for row in rows])
        kept = self.extend(tuple(rows[0].prompt[:shared]), 0, None) if shared >= MIN_PREFIX else None
        start = shared if kept is not None else 0
        size = int(self.lm.batch_size)
        for low in range(0, len(rows), size):
            batch = rows[low : low + size]
            if all(row.index in known for row in batch):
                continue
            self._batch(batch, start, kept, until, most)
            for row in batch:
                finished(row, self._text(row, until))

    def _rows(self, contexts: dict[int, str], room: int) -> list[Row]:
        groups: dict[bool | None, list[int]] = {}
        for index, context in contexts.items():
            starts_with_bos = has_bos_prefix(context, getattr(self.lm.tokenizer, "bos_token", None))
            groups.setdefault(False if starts_with_bos else self.lm.add_bos_token, []).append(index)
        rows = []
        for flag, indices in groups.items():
            special = {} if flag is None else {"add_special_tokens": flag}
            encoded = self.lm.tokenizer([contexts[index] for index in indices], **special)["input_ids"]
            rows += [Row(index, tokens[-room:]) for index, tokens in zip(indices, encoded, strict=True)]
        return rows

    def _batch(self, rows: list[Row], start: int, kept: Kept | None, until: list[str], most: int) -> None:
        """Decodes a batch to its end. Prompts are ``kept`` up to ``start``; the rest is padded on the left."""
        shared = _shared([row.prompt for row in rows])
        if shared - start >= MIN_PREFIX:
            kept = self.extend(tuple(rows[0].prompt[start:shared]), start, kept)
            start = shared
        device = self.lm.device
        width = max(len(row.prompt) for row in rows) - start
        ids = torch.zeros(len(rows), width, dtype=torch.long)
        mask = torch.zeros(len(rows), start + width, dtype=torch.long)
        mask[:, :start] = 1
        for place, row in enumerate(rows):
            rest = row.prompt[start:]
            ids[place, width - len(rest) :] = torch.tensor(rest)
            mask[place, start + width - len(rest) :] = 1
        positions = (mask.cumsum(-1) - 1).clamp(min=0)[:, start:]
        cache = kv.decoding(kept, count=len(rows))
        active, ids, mask, positions = list(rows), ids.to(device), mask.to(device), positions.to(device)
        for _ in range(most):
            hidden = self.lm._body(ids, mask, positions, cache)[:, -1]
            tokens = self.lm.logits(hidden).argmax(-1)
            for row, token in zip(active, tokens.tolist(), strict=True):
                row.generated.append(token)
            going = [place for place, over in enumerate(self._over(active, until)) if not over]
            if not going:
                return
            ids, positions = tokens[:, None], positions[:, -1:] + 1
            mask = torch.cat([mask, mask.new_ones(len(mask), 1)], -1)
            if len(going) < len(active):
                active = [active[place] for place in going]
                index = torch.tensor(going, device=device)
                ids, positions, mask = ids[index], positions[index], mask[index]
                kv.select(cache, index)

    def _over(self, rows: list[Row], until: list[str]) -> list[bool]:
        """Which rows have ended: with an end token, or with a stop sequence in their text."""
        ends = _end_tokens(self.lm)
        lookback = max(
            (len(self.lm.tokenizer.encode(stop, add_special_tokens=False)) for stop in until), default=0
        )
        tails = self.lm.tokenizer.batch_decode([row.generated[-(lookback + STOP_LOOKBACK) :] for row in rows])
        over = []
        for row, tail in zip(rows, tails, strict=True):
            hit = any(stop and stop in tail for stop in until)
            over.append(row.generated[-1] in ends or (hit and self._stops(row, until)))
        return over

    def _stops(self, row: Row, until: list[str]) -> bool:
        # The tail may decode differently from the whole where a character spans tokens: the whole decides.
        whole = self.lm.tokenizer.decode(row.generated)
        return any(stop and stop in whole for stop in until)

    def _text(self, row: Row, until: list[str]) -> str:
        tokens, think = row.generated, self.lm.think_end_token
        ends = _end_tokens(self.lm)
        if tokens and tokens[-1] in ends:
            tokens = tokens[:-1]
        if isinstance(think, int) and think in tokens:
            tokens = tokens[len(tokens) - tokens[::-1].index(think) :]
        text = self.lm.tok_decode(tokens)
        if isinstance(think, int):
            text = text.lstrip()
        return postprocess_generated_text(  # type: ignore[no-any-return]
            generation=text, stop=until, think_end_token=think if isinstance(think, str) else None
        )


def _is_greedy(settings: dict[str, Any]) -> bool:
    known = {
        "until",
        "do_sample",
        "temperature",
        "max_gen_toks",
        "max_new_tokens",
        "max_tokens",
        "top_p",
        "top_k",
    }
    return set(settings) <= known and not settings.get("do_sample") and not settings.get("temperature")


def _shared(prompts: list[list[int]]) -> int:
    """Leading tokens that all the (sorted) prompts share, leaving each at least one to run."""
    return min(common_prefix(prompts[0], prompts[-1]), min(map(len, prompts)) - 1)


def _end_tokens(lm: CausalLM) -> frozenset[int]:
    ends = lm.model.generation_config.eos_token_id
    if ends is None:
        return frozenset()
    return frozenset([ends] if isinstance(ends, int) else ends)
