"""Scores causal models from a token trie: every unique token once, the vocabulary head only where it is needed.

A subclass of the harness's own HFLM: loading, truncation, the boundary between context and
continuation, and the meaning of every answer are the harness's. Only the arithmetic is arranged
differently. A model that the arrangement does not fit is found by a self-test and served by plain
batches with the head on the needed rows, or by the harness itself; ``served_by`` says which.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Container, Iterable, Sequence
from enum import StrEnum
from functools import cached_property
from typing import Any

import torch
from lm_eval.models import huggingface
from lm_eval.models.utils import has_bos_prefix
from transformers.cache_utils import Cache

from evaluation.runners.models import kv, trial
from evaluation.runners.models.generation import GreedyBatches
from evaluation.runners.models.heads import causal_logits
from evaluation.runners.models.kv import Kept
from evaluation.runners.models.memory import Memory
from evaluation.runners.models.trie import Pack, Plan, Request

Answer = tuple[float, bool]
TokenRequest = tuple[tuple[str, str] | None, list[int], list[int]]

Serve = Callable[[list[Request], Callable[[int, Answer], None], Container[int]], None]

HEAD_ROWS = 256
"""Rows of logits computed at a time: 256 rows of a vocabulary of 152,064 in fp32 are 156 MB."""
MIN_BUDGET = 32
logger = logging.getLogger(__name__)


class Mode(StrEnum):
    """How log-likelihoods are served, best first."""

    TRIE = "token trie"
    ROWS = "plain batches, head on the needed rows"
    STOCK = "the harness's own loop"


class CausalLM(huggingface.HFLM):  # type: ignore[misc]
    """The harness's HFLM with the token trie. ``budget`` bounds the unique tokens of one forward pass.

    Source of the arrangement: tree attention as in speculative decoding (Miao et al. 2023, SpecInfer).
    """

    def __init__(self, *args: Any, budget: int | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.budget = budget or default_budget(self.model, self.device)
        self.window = sliding_window(self.model.config)
        self.memory = Memory()
        self.tokens_run = 0
        self.tokens_in_vain = 0
        """Of the tokens run, those that were guessed and not chosen."""
        self.head_rows_run = 0
        self.mode, self.reason = self._choose_mode()
        self.decodes_rows = self.mode is Mode.TRIE and self._rows_fit()

    @property
    def layers(self) -> int:
        """Layers that have keys and values."""
        return int(self.model.config.get_text_config().num_hidden_layers)

    @property
    def bytes_per_token(self) -> int:
        """Of keys and values in fp32, over all layers, as the configuration says."""
        config = self.model.config.get_text_config()
        heads = int(config.num_attention_heads)
        width = getattr(config, "head_dim", None) or config.hidden_size // heads
        return 8 * self.layers * int(getattr(config, "num_key_value_heads", None) or heads) * int(width)

    @property
    def served_by(self) -> str:
        """Which arrangement answers, and why if it is not the first choice."""
        return f"CausalLM ({self.mode})" + (f": {self.reason}" if self.reason else "")

    # --- tokenizing -------------------------------------------------------------------------------

    def loglikelihood(self, requests: list[Any], disable_tqdm: bool = False) -> list[Answer]:
        """Log-likelihoods (natural, summed over the continuation's tokens) and whether each is greedy.

        Encodes every distinct string once, in batches, by the harness's rule: trailing spaces of the context go to
        the continuation; the continuation's tokens are those of the whole beyond the context's count.
        """
        if self.backend != "causal":
            return super().loglikelihood(requests, disable_tqdm)  # type: ignore[no-any-return]
        pairs = [request.args for request in requests]
        moved = {pair: move_trailing_spaces(*pair) for pair in pairs if pair[0]}
        bare = self._encode({continuation for context, continuation in pairs if not context}, special=False)
        encoded = self._encode(
            {text for context, rest in moved.values() for text in (context, context + rest)}, special=None
        )
        tokens: list[TokenRequest] = []
        for pair in pairs:
            if pair in moved:
                context, rest = moved[pair]
                before, whole = encoded[context], encoded[context + rest]
                tokens.append((pair, before, whole[len(before) :]))
            else:
                tokens.append((pair, *self._behind_prefix_token(bare[pair[1]])))
        return self._loglikelihood_tokens(tokens, disable_tqdm=disable_tqdm)

    def _behind_prefix_token(self, continuation: list[int]) -> tuple[list[int], list[int]]:
        if continuation and continuation[0] == self.prefix_token_id:
            return continuation[:1], continuation[1:]
        return [self.prefix_token_id], continuation

    def _encode(self, texts: Iterable[str], *, special: bool | None) -> dict[str, list[int]]:
        """Tokens of each distinct text, with the special tokens that HFLM's own ``tok_encode`` would add."""
        prefix = self.tokenizer.decode(self.prefix_token_id)
        groups: dict[bool | None, list[str]] = {}
        for text in texts:
            flag = special if special is not None else self.add_bos_token
            if special is None and has_bos_prefix(text, prefix):
                flag = False
            groups.setdefault(flag, []).append(text)
        encoded: dict[str, list[int]] = {}
        for flag, group in groups.items():
            kwargs = {} if flag is None else {"add_special_tokens": flag}
            encoded.update(zip(group, self.tokenizer(group, **kwargs)["input_ids"], strict=True))
        return encoded

    # --- scoring ----------------------------------------------------------------------------------

    @torch.inference_mode()
    def _loglikelihood_tokens(
        self, requests: Sequence[TokenRequest], disable_tqdm: bool = False, override_bs: int | None = None
    ) -> list[Answer]:
        mode = self._mode_for(requests)
        if mode is Mode.STOCK:
            return super()._loglikelihood_tokens(  # type: ignore[no-any-return]
                requests, disable_tqdm=disable_tqdm, override_bs=override_bs
            )
        answers: dict[int, Answer] = {}
        for index, (pair, _, _) in enumerate(requests):
            recalled = None if pair is None else self.memory.recall("loglikelihood", pair)
            if recalled is not None:
                answers[index] = (float(recalled[0]), bool(recalled[1]))
        bar = huggingface.tqdm(
            total=len(requests), disable=disable_tqdm, desc="Running loglikelihood requests"
        )

        def answered(index: int, answer: Answer) -> None:
            if index in answers:
                return
            answers[index] = answer
            if (pair := requests[index][0]) is not None:
                self.cache_hook.add_partial("loglikelihood", pair, answer)
                self.memory.keep("loglikelihood", pair, answer)
            bar.update(1)

        serve = self._serve_trie if mode is Mode.TRIE else self._serve_rows
        asked = [self._request(index, request) for index, request in enumerate(requests)]
        while len(answers) < len(asked):
            try:
                serve(asked, answered, answers)
            except torch.OutOfMemoryError:
                self._halve_budget()
        bar.close()
        return [answers[index] for index in range(len(requests))]

    def _request(self, index: int, request: TokenRequest) -> Request:
        _, context, continuation = request
        if not context or not continuation or len(continuation) > self.max_length:
            raise ValueError("a request needs a context, and a continuation that fits the model")
        tokens = tuple((context + continuation)[-(self.max_length + 1) :][:-1])
        return Request(index, tokens, tuple(continuation))

    def _serve_trie(
        self, requests: list[Request], answered: Callable[[int, Answer], None], known: Container[int]
    ) -> None:
        def score(pack: Pack, kept: Kept | None) -> None:
            self._answer(pack, self._pack_hidden(pack, kept), answered)

        Plan(requests, budget=self.budget).walk(extend=self._extend, score=score, known=known)

    def _serve_rows(
        self, requests: list[Request], answered: Callable[[int, Answer], None], known: Container[int]
    ) -> None:
        """Batches of whole sequences, longest first, padded on the right, with the head on the needed rows."""
        plan = Plan(requests, budget=1)
        sequences = sorted(plan.sequences, key=len, reverse=True)
        while sequences:
            count = max(1, self.budget // len(sequences[0]))
            batch, sequences = sequences[:count], sequences[count:]
            if all(request.number in known for tokens in batch for request in plan.requests[tokens]):
                continue
            width = len(batch[0])
            ids = torch.zeros(len(batch), width, dtype=torch.long)
            for row, tokens in enumerate(batch):
                ids[row, : len(tokens)] = torch.tensor(tokens)
            hidden = self._body(ids.to(self.device))
            for row, tokens in enumerate(batch):
                pack = Plan(plan.requests[tokens], budget=width)._pack(range(1), 0)
                self._answer(pack, hidden[row], answered)

    def _pack_hidden(self, pack: Pack, kept: Kept | None) -> torch.Tensor:
        """Hidden states [N, d] of a pack. A chain takes the plain causal path, which needs no mask."""
        ids = torch.tensor([pack.tokens], device=self.device)
        cache = kv.shared(kept) if kept is not None else None
        if pack.is_chain and kept is None:
            return self._body(ids)[0]
        dtype = self.model.dtype
        mask = torch.zeros(pack.visible().shape, dtype=dtype)
        mask.masked_fill_(~torch.from_numpy(pack.visible()), torch.finfo(dtype).min)
        positions = torch.tensor([pack.positions], device=self.device)
        return self._body(ids, mask[None, None].to(self.device), positions, cache)[0]

    def _extend(self, tokens: tuple[int, ...], position: int, kept: Kept | None) -> Kept:
        """Runs a shared prefix behind what is kept; returns the keys and values of both, per layer."""
        cache = kv.growing(kept)
        ids = torch.tensor([tokens], device=self.device)
        positions = torch.arange(position, position + len(tokens), device=self.device)[None]
        self._body(ids, None, positions, cache)
        return kv.contents(cache)

    def _body(
        self,
        ids: torch.Tensor,
        mask: torch.Tensor | None = None,
        positions: torch.Tensor | None = None,
        cache: Cache | None = None,
    ) -> torch.Tensor:
        """Last hidden states [B, N, d] of the model without its vocabulary head."""
        self.tokens_run += ids.numel()
        output = self.model.base_model(
            ids,
            attention_mask=mask,
            position_ids=positions,
            past_key_values=cache,
            use_cache=cache is not None,
        )
        return output.last_hidden_state  # type: ignore[no-any-return]

    def _answer(self, pack: Pack, hidden: torch.Tensor, answered: Callable[[int, Answer], None]) -> None:
        rows, targets = torch.tensor(pack.rows), torch.tensor(pack.targets)
        scored = torch.tensor(pack.scored, device=hidden.device)
        logprobs, greedy = self._head(hidden[scored], rows, targets)
        sums = torch.cat([torch.zeros(1, dtype=torch.float64), logprobs.double().cumsum(0)])
        for index, start, stop in pack.spans:
            answered(index, (float(sums[stop] - sums[start]), bool(greedy[start:stop].all())))

    def _head(
        self, hidden: torch.Tensor, rows: torch.Tensor, targets: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Log-probability of each target at its row of ``hidden`` [M, d], and whether it is the row's argmax.

        In fp32 and in blocks; (logit - max) - log(sum of exponentials), never logit - logsumexp, whose two large terms
        cancel.
        """
        self.head_rows_run += len(hidden)
        order = torch.argsort(rows, stable=True)
        ordered = rows[order]
        logprobs = torch.empty(len(rows))
        greedy = torch.empty(len(rows), dtype=torch.bool)
        for start in range(0, len(hidden), HEAD_ROWS):
            logits = self.logits(hidden[start : start + HEAD_ROWS])
            bounds = torch.tensor([start, start + len(logits)])
            low, high = torch.searchsorted(ordered, bounds).tolist()
            places = order[low:high]
            local, wanted = (rows[places] - start).to(logits.device), targets[places].to(logits.device)
            top, argmax = logits.max(-1)
            logits -= top[:, None]
            chosen = logits[local, wanted]
            normalizer = logits.exp_().sum(-1).log_()
            logprobs[places] = (chosen - normalizer[local]).cpu()
            greedy[places] = (argmax[local] == wanted).cpu()
        return logprobs, greedy

    def logits(self, hidden: torch.Tensor) -> torch.Tensor:
        """Logits [M, vocabulary] in fp32 of hidden states [M, d]."""
        return causal_logits(self.model, hidden)

    def greedy(self, hidden: torch.Tensor) -> list[int]:
        """The likeliest token behind each hidden state [M, d]."""
        self.head_rows_run += len(hidden)
        blocks = torch.split(hidden, HEAD_ROWS)
        return torch.cat([self.logits(block).argmax(-1) for block in blocks]).tolist()

    def _halve_budget(self) -> None:
        if self.budget <= MIN_BUDGET:
            raise torch.OutOfMemoryError(f"out of memory at the smallest budget, {self.budget} tokens")
        self.budget //= 2
        logger.warning("out of memory: going on with %d tokens a pass", self.budget)
        if self.device.type == "cuda":
            torch.cuda.empty_cache()

    # --- generating -------------------------------------------------------------------------------

    def generate_until(self, requests: list[Any], disable_tqdm: bool = False) -> list[str]:
        """Greedy texts with the shared prefix computed once and finished rows dropped; the rest by the harness."""
        if not self._decodes(requests):
            return super().generate_until(requests, disable_tqdm)  # type: ignore[no-any-return]
        with torch.inference_mode():
            return GreedyBatches(self, extend=self._extend).run(requests, disable_tqdm=disable_tqdm)

    def _decodes(self, requests: Sequence[Any]) -> bool:
        """Whether these generations are done here; else they are the harness's."""
        return self.decodes_rows and GreedyBatches(self, extend=self._extend).fits(requests)

    def plans(self, method: str, requests: Sequence[Any]) -> bool:
        """Whether batches for these requests are formed here, from all of them, rather than in the harness's loop."""
        if method == "generate_until":
            return self._decodes(requests)
        return method == "loglikelihood" and self.mode is not Mode.STOCK

    # --- choosing ---------------------------------------------------------------------------------

    def _mode_for(self, requests: Sequence[TokenRequest]) -> Mode:
        if self.mode is Mode.TRIE and self.window is not None:
            longest = max(
                (len(context) + len(continuation) for _, context, continuation in requests), default=0
            )
            if min(longest, self.max_length) > self.window:
                self.reason = (
                    f"sequences of {longest} tokens are longer than the sliding window of {self.window}"
                )
                return Mode.ROWS
        return self.mode

    def _choose_mode(self) -> tuple[Mode, str]:
        """Tries each arrangement against the model's own plain forward pass, on a small tree of tokens."""
        if self.backend != "causal" or self.model.get_output_embeddings() is None:
            return Mode.STOCK, "not a causal decoder with a vocabulary head"
        reasons = []
        for mode, serve in ((Mode.TRIE, self._serve_trie), (Mode.ROWS, self._serve_rows)):
            try:
                difference = self._self_test(serve)
            except (TypeError, ValueError, AttributeError, RuntimeError, IndexError) as error:
                reasons.append(f"{mode} does not run: {type(error).__name__}")
                continue
            if difference <= self._tolerance():
                return mode, "; ".join(reasons)
            reasons.append(f"{mode} differs from the plain forward pass by {difference:.2g}")
        return Mode.STOCK, "; ".join(reasons)

    def _tolerance(self) -> float:
        return 1e-3 if self.model.dtype == torch.float32 else 0.5

    @torch.inference_mode()
    def _self_test(self, serve: Serve) -> float:
        """Largest absolute difference of a summed log-likelihood to the plain forward pass."""
        found: dict[int, Answer] = {}
        # Small enough that the prefix is kept and the tree is cut.
        budget, self.budget = self.budget, trial.PREFIX
        try:
            serve(trial.requests(self.vocab_size), found.__setitem__, ())
        finally:
            self.budget = budget
        self.tokens_run = self.head_rows_run = 0
        return max(abs(found[number][0] - plain) for number, plain in enumerate(self._plain_answers))

    def _rows_fit(self) -> bool:
        """Tries rows behind a shared prefix in the same way; what speaks against them goes to ``reason``."""
        try:
            difference = trial.rows_difference(self, self._plain_answers)
            trouble = f"differ from the plain forward pass by {difference:.2g}"
            if difference <= self._tolerance():
                return True
        except (TypeError, ValueError, AttributeError, RuntimeError, LookupError) as error:
            trouble = f"do not run: {type(error).__name__}"
        self.reason += (
            f"{'; ' if self.reason else ''}texts by the harness's own loop, as rows behind a prefix {trouble}"
        )
        return False

    @cached_property
    def _plain_answers(self) -> list[float]:
        return trial.plain_answers(self)


def move_trailing_spaces(context: str, continuation: str) -> tuple[str, str]:
    """The pair with the context's trailing whitespace at the start of the continuation, as the harness does."""
    stripped = context.rstrip()
    return stripped, context[len(stripped) :] + continuation


def default_budget(model: Any, device: torch.device) -> int:
    """Tokens of a pack. On a CPU the masked attention grows with the square, so packs are small."""
    if device.type != "cpu":
        return 4096
    return 256 if getattr(model.config, "hidden_size", 0) >= 512 else 512


def sliding_window(config: Any) -> int | None:
    """The window of the layers that have one, or None when all attend to everything."""
    if getattr(config, "use_sliding_window", True) is False:
        return None
    window = getattr(config, "sliding_window", None) or getattr(config, "attention_window", None)
    kinds = getattr(config, "layer_types", None)
    if kinds is not None and not any(kind.startswith("sliding") for kind in kinds):
        return None
    return int(window) if isinstance(window, int) else None
