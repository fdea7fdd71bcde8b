"""Greedy decoding for the causal engine: what prompts share is run and read once, and finished rows leave the batch.

A CPU reads all weights for a step of decoding, whatever the number of tokens in it. So the engine takes as many rows as
memory allows, not those of the harness's batch, and when few are left, each runs guesses of its next tokens beside the
last one. A guess that is not the model's choice is thrown away: the texts are those of plain greedy decoding.

Only greedy decoding with nothing but stop sequences and a length is done here; sampling, beams and models whose
generation settings change the logits are the library's business. Stop rules and cutting are the harness's.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from lm_eval.models import huggingface
from lm_eval.models.utils import (
    handle_stop_sequences,
    has_bos_prefix,
    normalize_gen_kwargs,
    postprocess_generated_text,
)

from evaluation.runners.models.drafts import Draft
from evaluation.runners.models.rows import Rows
from evaluation.runners.models.trie import common_prefix

if TYPE_CHECKING:
    from evaluation.runners.models.causal import CausalLM
    from evaluation.runners.models.kv import Kept

MIN_PREFIX = 16
MOST_ROWS = 32
"""Rows decoded together where memory allows; with more, arithmetic and not memory is what a CPU waits for."""
STEP_TOKENS = 32
"""Tokens of a step up to which guesses fill it."""
ROWS_BYTES = 256 << 20
"""Memory that the rows' keys and values may take, or half of what the weights take if that is more."""
PROMPT_GUESSED_FROM = 2048
"""Last tokens of a prompt in which guesses are looked for, so that long prompts do not fill the memory."""
LIKELY_TOKENS = 512
"""Length of an answer that memory is reckoned with where longer ones are allowed: most end sooner."""
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


logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Prompt:
    """One request's tokens, and its place in the list of requests."""

    index: int
    tokens: list[int]


class Row:
    """A prompt and what has been generated behind it."""

    def __init__(self, prompt: Prompt) -> None:
        self.index = prompt.index
        self.generated: list[int] = []
        self.draft = Draft(prompt.tokens[-PROMPT_GUESSED_FROM:])

    def take(self, tokens: Sequence[int]) -> None:
        """More tokens, the model's own choices."""
        self.generated += tokens
        self.draft.extend(tokens)


@dataclass(frozen=True, slots=True)
class Rules:
    """When an answer ends: at a stop sequence, at an end token, at its longest."""

    until: list[str]
    ends: frozenset[int]
    most: int
    window: int
    """Last tokens in which the harness looks for a stop sequence."""


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
        rules = self._rules(settings)
        room = self.lm.max_length - rules.most
        if room <= 0:
            raise ValueError(
                f"{rules.most} tokens to generate leave no room in a model of {self.lm.max_length} tokens"
            )
        prompts = sorted(self._prompts(contexts, room), key=lambda prompt: prompt.tokens)
        start, kept = self._behind(prompts, 0, None)
        size, low = self._size(prompts, start, rules), 0
        while low < len(prompts):
            batch = prompts[low : low + size]
            try:
                if any(prompt.index not in known for prompt in batch):
                    self._batch(batch, *self._behind(batch, start, kept), rules, finished)
                low += len(batch)
            except torch.OutOfMemoryError:
                if size == 1:
                    raise
                size //= 2
                logger.warning("out of memory: going on with %d rows", size)

    def _rules(self, settings: dict[str, Any]) -> Rules:
        kwargs = normalize_gen_kwargs(settings, self.lm.max_gen_toks)
        eos = self.lm.tok_decode(self.lm.eot_token_id, skip_special_tokens=False)
        until = handle_stop_sequences(kwargs.get("until"), eos=eos)
        longest = max(
            (len(self.lm.tokenizer.encode(stop, add_special_tokens=False)) for stop in until), default=0
        )
        return Rules(until, _end_tokens(self.lm), int(kwargs["max_gen_toks"]), longest + STOP_LOOKBACK)

    def _behind(self, prompts: list[Prompt], start: int, kept: Kept | None) -> tuple[int, Kept | None]:
        """How many tokens of the (sorted) prompts are run once for all of them, and their keys and values."""
        shared = _shared([prompt.tokens for prompt in prompts])
        if shared - start < MIN_PREFIX:
            return start, kept
        return shared, self.extend(tuple(prompts[0].tokens[start:shared]), start, kept)

    def _size(self, prompts: list[Prompt], start: int, rules: Rules) -> int:
        """Rows of a batch: at least those of the protocol, and as many more as memory allows."""
        tokens = max(len(prompt.tokens) for prompt in prompts) - start + min(rules.most, LIKELY_TOKENS)
        weights = sum(parameter.nbytes for parameter in self.lm.model.parameters())
        allowed: int = max(ROWS_BYTES, weights // 2) // (tokens * self.lm.bytes_per_token)
        return max(int(self.lm.batch_size), min(MOST_ROWS, allowed))

    def _prompts(self, contexts: dict[int, str], room: int) -> list[Prompt]:
        groups: dict[bool | None, list[int]] = {}
        for index, context in contexts.items():
            starts_with_bos = has_bos_prefix(context, getattr(self.lm.tokenizer, "bos_token", None))
            groups.setdefault(False if starts_with_bos else self.lm.add_bos_token, []).append(index)
        prompts = []
        for flag, indices in groups.items():
            special = {} if flag is None else {"add_special_tokens": flag}
            encoded = self.lm.tokenizer([contexts[index] for index in indices], **special)["input_ids"]
            prompts += [Prompt(index, tokens[-room:]) for index, tokens in zip(indices, encoded, strict=True)]
        return prompts

    def _batch(
        self,
        prompts: list[Prompt],
        start: int,
        kept: Kept | None,
        rules: Rules,
        finished: Callable[[Row, str], None],
    ) -> None:
        """Decodes a batch to its end. Prompts are ``kept`` up to ``start``."""
        state = Rows(kept, start, self.lm.layers, len(prompts), self.lm.device)
        active = [Row(prompt) for prompt in prompts]
        with state.attending(self.lm.model):
            tokens = self._first(state, [prompt.tokens[start:] for prompt in prompts])
            new = [[token] for token in tokens]
            while True:
                for place in reversed(self._over(active, new, rules)):
                    row, last = active[place], active.pop()
                    finished(row, self._text(row, rules))
                    if row is not last:
                        active[place] = last
                        state.move(len(active), place)
                if not active:
                    return
                new = self._step(state, active, rules.most)

    def _first(self, state: Rows, prompts: list[list[int]]) -> list[int]:
        """Runs the prompts, as many together as the budget allows; gives the token that follows each."""
        found: list[int] = []
        while len(found) < len(prompts):
            place = len(found)
            *early, last = _pieces(prompts[place], self.lm.budget)
            for piece in early:
                self._pass(state, place, [piece])
            chunks, count = [last], len(last)
            for prompt in prompts[place + 1 :]:
                count += len(prompt)
                if early or count > self.lm.budget:
                    break
                chunks.append(prompt)
            ends = torch.tensor([len(chunk) for chunk in chunks]).cumsum(0) - 1
            found += self.lm.greedy(self._pass(state, place, chunks)[ends.to(self.lm.device)])
        return found

    def _step(self, state: Rows, active: list[Row], most: int) -> list[list[int]]:
        """Runs the last token of each row with guesses behind it; gives the tokens that the model chooses."""
        guesses = [
            row.draft.guess(min(STEP_TOKENS // len(active), most - len(row.generated)) - 1) for row in active
        ]
        chunks = [[row.generated[-1], *guess] for row, guess in zip(active, guesses, strict=True)]
        choices = iter(self.lm.greedy(self._pass(state, 0, chunks)))
        new = []
        for place, (row, guess) in enumerate(zip(active, guesses, strict=True)):
            chosen = [next(choices) for _ in range(len(guess) + 1)]
            right = common_prefix(guess, chosen)
            row.draft.judge(len(guess), right)
            state.lengths[place] -= len(guess) - right
            self.lm.tokens_in_vain += len(guess) - right
            new.append(chosen[: right + 1])
        return new

    def _pass(self, state: Rows, first: int, chunks: list[list[int]]) -> torch.Tensor:
        """Hidden states [T, d] of new tokens of the rows from ``first`` on."""
        ids, positions = state.feed(first, chunks)
        return self.lm._body(ids, None, positions, state.cache)[0]

    def _over(self, rows: list[Row], new: list[list[int]], rules: Rules) -> list[int]:
        """Gives the rows their new tokens, up to where they end; the places of those that have ended."""
        for row, tokens in zip(rows, new, strict=True):
            row.take(_until_end(tokens, rules.ends))
        looked_at = [
            row.generated[-(rules.window + len(tokens) - 1) :] for row, tokens in zip(rows, new, strict=True)
        ]
        over = []
        for place, tail in enumerate(self.lm.tokenizer.batch_decode(looked_at)):
            row = rows[place]
            if any(stop and stop in tail for stop in rules.until):
                stopped = self._cut_where_it_stops(row, len(new[place]), rules)
            else:
                stopped = False
            if stopped or row.generated[-1] in rules.ends or len(row.generated) >= rules.most:
                over.append(place)
        return over

    def _cut_where_it_stops(self, row: Row, count: int, rules: Rules) -> bool:
        """Takes away what came behind a stop sequence that the last ``count`` tokens brought, if they did."""
        for length in range(max(1, len(row.generated) - count + 1), len(row.generated) + 1):
            tokens = row.generated[:length]
            # The tail may decode differently from the whole where a character spans tokens: both decide.
            texts = self.lm.tokenizer.batch_decode([tokens[-rules.window :], tokens])
            if all(any(stop and stop in text for stop in rules.until) for text in texts):
                row.generated = tokens
                return True
        return False

    def _text(self, row: Row, rules: Rules) -> str:
        tokens, think = row.generated, self.lm.think_end_token
        if tokens and tokens[-1] in rules.ends:
            tokens = tokens[:-1]
        if isinstance(think, int) and think in tokens:
            tokens = tokens[len(tokens) - tokens[::-1].index(think) :]
        text = self.lm.tok_decode(tokens)
        if isinstance(think, int):
            text = text.lstrip()
        return postprocess_generated_text(  # type: ignore[no-any-return]
            generation=text, stop=rules.until, think_end_token=think if isinstance(think, str) else None
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


def _pieces(tokens: list[int], size: int) -> list[list[int]]:
    return [tokens[start : start + size] for start in range(0, len(tokens), size)]


def _until_end(tokens: list[int], ends: frozenset[int]) -> list[int]:
    """The tokens up to the first end token, with it."""
    return next((tokens[: place + 1] for place, token in enumerate(tokens) if token in ends), tokens)


def _end_tokens(lm: CausalLM) -> frozenset[int]:
    ends = lm.model.generation_config.eos_token_id
    if ends is None:
        return frozenset()
    return frozenset([ends] if isinstance(ends, int) else ends)
