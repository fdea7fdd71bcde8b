"""A language model that remembers: answers come from the journal where it has them, else from the model behind it.

Requests go to the model in blocks that depend on the requests alone. A block that was cut short is asked
again as a whole, so a run that was killed and resumed forms the same batches, and gives the same numbers to
the last bit, as one that was not. Non-finite log-likelihoods end the run here.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from lm_eval.api.instance import Instance
from lm_eval.api.model import LM

from evaluation.contract import canonical_json
from evaluation.runners.base import submitter_failure
from evaluation.runners.journal import Journal, request_key
from evaluation.runners.models.memory import Memory
from evaluation.runners.progress import Tracker

Answer = Any
"""``(log-likelihood, is greedy)``, a log-likelihood, or a text: what the harness expects for the method."""


class Generation(NamedTuple):
    """One generated answer. ``truncated``: it was cut off at the longest length, not ended by the model."""

    text: str
    tokens: int
    truncated: bool


class Block(NamedTuple):
    """Requests that go to the model together, by their places in the harness's list.

    ``whole``: the answers depend on which requests go together, so a part of it is never asked alone.
    """

    places: Sequence[int]
    whole: bool


BlockPlan = Callable[[str, Sequence[Instance]], list[Block]]


class CountingHook:
    """Stands where the harness's cache would, and counts the answers as the model gives them."""

    def __init__(self, count: Callable[[], None]) -> None:
        self._count = count

    def add_partial(self, method: str, arguments: Any, answer: Answer) -> None:
        """Takes note of one answer."""
        self._count()


class JournaledLM(LM):  # type: ignore[misc]  # The harness has no types.
    """The model that the harness talks to. It forwards everything else to the model behind it."""

    def __init__(self, model: LM, journal: Journal, plan: BlockPlan, seed: int) -> None:
        super().__init__()
        self.model = model
        self._journal = journal
        self._plan = plan
        self._seed = seed
        self._tracker: Tracker | None = None
        self._in_block = 0
        self._conversations: dict[str, str] = {}
        self._generations: dict[str, Generation] = {}
        self._draw = 0
        self._draws = 1
        self.cut_prompts = 0
        """Requests, since the last draw began, that are longer than the model's context and lose their beginning."""
        self._rows = RowRecorder.attach(model)
        model.set_cache_hook(CountingHook(self._answered))
        if isinstance(getattr(model, "memory", None), Memory):
            model.memory = JournalMemory(journal, model)

    def watch(self, tracker: Tracker) -> None:
        """Where to count answers from now on."""
        self._tracker = tracker

    def begin_draw(self, draw: int, of: int) -> None:
        """What is generated from now on is this draw, counted from 0, of so many."""
        self._draw = draw
        self._draws = of
        self.cut_prompts = 0
        self._generations.clear()

    def generation(self, prompt: str) -> Generation | None:
        """What was generated for a prompt in this draw, with its length; None where nothing was."""
        return self._generations.get(prompt)

    def loglikelihood(self, requests: list[Instance], disable_tqdm: bool = False) -> list[tuple[float, bool]]:
        """Log-likelihoods (natural, summed over tokens) and whether each continuation is the greedy one."""
        answers = self._serve("loglikelihood", requests)
        return [(float(value), bool(greedy)) for value, greedy in answers]

    def loglikelihood_rolling(self, requests: list[Instance], disable_tqdm: bool = False) -> list[float]:
        """Log-likelihoods (natural, summed) of whole texts."""
        return [float(value) for value in self._serve("loglikelihood_rolling", requests)]

    def generate_until(self, requests: list[Instance], disable_tqdm: bool = False) -> list[str]:
        """Generated texts, cut at the stop strings."""
        generations = [Generation(**answer) for answer in self._serve("generate_until", requests)]
        for request, generation in zip(requests, generations, strict=True):
            self._generations.setdefault(request.args[0], generation)
        return [generation.text for generation in generations]

    def apply_chat_template(
        self, chat_history: list[dict[str, str]], add_generation_prompt: bool = True
    ) -> str:
        """The conversation as this model's template writes it. The conversation itself is remembered."""
        prompt = str(
            self.model.apply_chat_template(chat_history, add_generation_prompt=add_generation_prompt)
        )
        self._conversations[prompt] = hashlib.sha256(canonical_json(chat_history)).hexdigest()
        return prompt

    def conversation(self, prompt: str) -> str | None:
        """Digest of the conversation that a templated prompt was written from; None for other prompts."""
        return self._conversations.get(prompt)

    @property
    def tokenizer_name(self) -> str:
        """Name of the tokenizer; the harness puts it into cache keys, which are not used here."""
        return str(self.model.tokenizer_name)

    def chat_template(self, chat_template: bool | str = False) -> str | None:
        """The model's template as text."""
        template = self.model.chat_template(chat_template)
        return None if template is None else str(template)

    def _serve(self, method: str, requests: list[Instance]) -> list[Answer]:
        keys = self._keys(method, requests)
        self.cut_prompts += sum(self._is_cut(method, request) for request in requests)
        if self._tracker is not None:
            self._tracker.expect(len(requests) * self._draws)
        self._work_off(method, requests, keys)
        return [self._journal.answer(key) for key in keys]

    def answer_ahead(self, requests: list[Instance]) -> None:
        """Has log-likelihoods answered and journaled that will be asked for later, in other lists."""
        self._work_off("loglikelihood", requests, self._keys("loglikelihood", requests))

    def _work_off(self, method: str, requests: list[Instance], keys: list[str]) -> None:
        for block in self._plan(method, requests):
            missing = [place for place in block.places if self._journal.answer(keys[place]) is None]
            self._count(len(block.places) - len(missing))
            if missing:
                self._ask(method, requests, keys, block.places if block.whole else missing, len(missing))

    def _is_cut(self, method: str, request: Instance) -> bool:
        """Whether the harness will cut the request from the left. A token is a byte at least, so most fit."""
        longest = getattr(self.model, "max_length", None)
        encode = getattr(self.model, "tok_encode", None)
        if longest is None or encode is None or method == "loglikelihood_rolling":
            return False
        generated = _longest(self.model, request.args[1]) if method == "generate_until" else -1
        text = request.args[0] if method == "generate_until" else request.args[0] + request.args[1]
        room = int(longest) - generated
        return len(text.encode()) > room and len(encode(text)) > room

    def _ask(
        self, method: str, requests: list[Instance], keys: list[str], places: Sequence[int], count: int
    ) -> None:
        """Asks the model and journals what it says. ``count`` answers of the block are new to the tracker."""
        self._in_block = count
        self._seed_for(keys[places[0]])
        asked = [requests[place] for place in places]
        self._rows.clear()
        answers = getattr(self.model, method)(asked, disable_tqdm=True)
        if method == "generate_until":
            answers = [
                generation._asdict() for generation in self._rows.generations(self.model, asked, answers)
            ]
        _refuse_non_finite(method, answers)
        self._journal.record_answers(
            (keys[place], answer)
            for place, answer in zip(places, answers, strict=True)
            if self._journal.answer(keys[place]) is None
        )
        self._count(self._in_block)
        self._in_block = 0

    def _answered(self) -> None:
        if self._in_block > 0:
            self._in_block -= 1
            self._count(1)

    def _count(self, number: int) -> None:
        if self._tracker is not None and number:
            self._tracker.add(number)

    def _keys(self, method: str, requests: list[Instance]) -> list[str]:
        """A key for each request; equal requests share one, but for the draws of a sampled answer."""
        seen: Counter[str] = Counter()
        keys = []
        for request in requests:
            key = request_key(method, request.args)
            if method == "generate_until" and request.args[1].get("do_sample"):
                seen[key] += 1
                key = f"{key}.{self._draw}.{seen[key]}"
            keys.append(key)
        return keys

    def _seed_for(self, key: str) -> None:
        """Seeds the draws of a block by its first request, so that they do not depend on what ran before."""
        import torch

        torch.manual_seed(int.from_bytes(hashlib.sha256(f"{self._seed} {key}".encode()).digest()[:6], "big"))


class JournalMemory(Memory):
    """Hands an engine what the journal holds, and writes every answer down as soon as it is there."""

    def __init__(self, journal: Journal, model: Any) -> None:
        self._journal = journal
        self._model = model

    def recall(self, method: str, arguments: Sequence[Any]) -> Answer | None:
        """The answer in the journal, or None. Of a generation, its text."""
        answer = self._journal.answer(request_key(method, arguments))
        return answer["text"] if answer is not None and method == "generate_until" else answer

    def keep(
        self, method: str, arguments: Sequence[Any], answer: Answer, tokens: Sequence[int] | None = None
    ) -> None:
        """Journals one answer. Raises RunFailed (``non_finite_outputs``)."""
        key = request_key(method, arguments)
        if self._journal.answer(key) is not None:
            return
        _refuse_non_finite(method, [answer])
        if method == "generate_until":
            row = list(tokens or ())
            answer = _from_row(self._model, arguments[1], str(answer), row)._asdict()
        self._journal.record_answers([(key, answer)])


class RowRecorder:
    """Sees how long each generated answer was, by listening to the harness's HFLM as it generates a batch.

    For models that generate in another way, lengths are counted again from the texts.
    """

    def __init__(self) -> None:
        self._rows: list[list[int]] = []

    @classmethod
    def attach(cls, model: Any) -> RowRecorder:
        """A recorder for the model, put between it and its generation where it has the harness's."""
        recorder = cls()
        original = getattr(model, "_model_generate", None)
        if original is not None and getattr(model, "backend", "") in ("causal", "seq2seq"):

            def generate(context: Any, *arguments: Any, **options: Any) -> Any:
                made = original(context, *arguments, **options)
                start = context.shape[1] if model.backend == "causal" else 1
                recorder._rows += [row[start:] for row in made.tolist()]
                return made

            model._model_generate = generate
        return recorder

    def clear(self) -> None:
        """Forgets the rows of an earlier batch."""
        self._rows.clear()

    def generations(self, model: Any, requests: Sequence[Instance], texts: Sequence[str]) -> list[Generation]:
        """The texts of one batch with their lengths, in the order of the requests."""
        if len(self._rows) != len(texts):
            return [_counted(model, request, text) for request, text in zip(requests, texts, strict=True)]
        return [
            _from_row(model, request.args[1], text, row)
            for request, text, row in zip(requests, texts, self._rows, strict=True)
        ]


def _from_row(model: Any, settings: dict[str, Any], text: str, row: list[int]) -> Generation:
    """Length and end of an answer from its tokens: an end token or a stop string ended it, or nothing did."""
    end = model.tokenizer.eos_token_id
    if end in row:
        return Generation(text, row.index(end) + 1, False)
    until = settings.get("until") or []
    whole = model.tok_decode(row)
    stopped = any(stop and stop in whole for stop in ([until] if isinstance(until, str) else until))
    if stopped:
        return Generation(text, len(model.tok_encode(text, add_special_tokens=False)), False)
    return Generation(text, len(row), len(row) >= _longest(model, settings))


def _counted(model: Any, request: Instance, text: str) -> Generation:
    tokens = len(model.tok_encode(text, add_special_tokens=False))
    return Generation(text, tokens, tokens >= _longest(model, request.args[1]))


def _longest(model: Any, settings: dict[str, Any]) -> int:
    stated = settings.get("max_gen_toks") or settings.get("max_new_tokens") or settings.get("max_tokens")
    longest: Any = stated or getattr(model, "max_gen_toks", 256)
    return int(longest)


def _refuse_non_finite(method: str, answers: Sequence[Answer]) -> None:
    if method == "generate_until":
        return
    values = [float(answer[0] if isinstance(answer, tuple) else answer) for answer in answers]
    bad = sum(not math.isfinite(value) for value in values)
    if bad:
        raise submitter_failure(
            "non_finite_outputs",
            f"{bad} of {len(values)} log-likelihoods of a block are not finite numbers.",
            "The weights may be broken, or overflow in this dtype: try float32 or bfloat16.",
        )


def in_order(size: int, *, whole: bool) -> BlockPlan:
    """Blocks of so many requests, in the order in which they come."""

    def plan(method: str, requests: Sequence[Instance]) -> list[Block]:
        places = range(len(requests))
        return [Block(places[start : start + size], whole) for start in range(0, len(requests), size)]

    return plan


def all_at_once(model: Any) -> BlockPlan:
    """One block of everything that the causal engine plans by itself, for the widest sharing; the rest as ever.

    The block is cut short at no cost: the engine's memory keeps each answer as it comes.
    """
    plain = as_the_harness(model)

    def plan(method: str, requests: Sequence[Instance]) -> list[Block]:
        if model.plans(method, requests):
            return [Block(range(len(requests)), True)]
        return plain(method, requests)

    return plan


def as_the_harness(model: Any) -> BlockPlan:
    """The very batches that the harness's HFLM forms from a list: each block is one forward pass of it.

    Asking for one such block alone makes HFLM form that batch and no other.
    """
    size = int(model.batch_size)
    plain = in_order(size, whole=True)

    def plan(method: str, requests: Sequence[Instance]) -> list[Block]:
        if method == "loglikelihood":
            return _loglikelihood_batches(model, requests, size)
        if method == "generate_until":
            return _generation_batches(model, requests, size)
        return plain(method, requests)

    return plan


def _loglikelihood_batches(model: Any, requests: Sequence[Instance], size: int) -> list[Block]:
    """Longest first, ties by tokens; requests that differ in their last token alone share a forward pass."""
    groups: dict[tuple[int, ...], list[int]] = {}
    heads: dict[tuple[int, ...], tuple[int, tuple[int, ...]]] = {}
    shares = model.backend == "causal" and model.logits_cache
    for place, request in enumerate(requests):
        context, continuation = _encoded(model, *request.args)
        tokens = tuple(context + continuation)
        group = tokens[:-1] if shares else (place,)
        groups.setdefault(group, []).append(place)
        # HFLM runs the member with the longest continuation, the first of them where several are longest.
        if group not in heads or len(continuation) > heads[group][0]:
            heads[group] = (len(continuation), tokens)
    ordered = sorted(groups, key=lambda group: (-len(heads[group][1]), heads[group][1]))
    return [
        Block([place for group in ordered[start : start + size] for place in groups[group]], True)
        for start in range(0, len(ordered), size)
    ]


def _encoded(model: Any, context: str, continuation: str) -> tuple[list[int], list[int]]:
    """The tokens of a request, split as the harness splits them."""
    if context:
        first, second = model._encode_pair(context, continuation)
        return list(first), list(second)
    tokens = list(model.tok_encode(continuation, add_special_tokens=False))
    prefix = model.prefix_token_id
    return ([prefix], tokens) if tokens[:1] != [prefix] else (tokens[:1], tokens[1:])


def _generation_batches(model: Any, requests: Sequence[Instance], size: int) -> list[Block]:
    """Requests with the same settings together, longest prompt first."""
    settings: dict[bytes, list[int]] = {}
    for place, request in enumerate(requests):
        settings.setdefault(canonical_json(request.args[1]), []).append(place)
    blocks = []
    for places in settings.values():
        keyed = sorted(
            places,
            key=lambda place: (-len(model.tok_encode(requests[place].args[0])), requests[place].args[0]),
        )
        blocks += [Block(keyed[start : start + size], True) for start in range(0, len(keyed), size)]
    return blocks
