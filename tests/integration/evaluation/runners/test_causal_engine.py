"""The causal engine gives the harness's answers, on real architectures with random weights.

Weights are scaled up so that the models have opinions: with tiny weights every answer would be nearly uniform and a
wrong mask would hardly move it.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from typing import Any

import pytest

pytestmark = [pytest.mark.engine, pytest.mark.filterwarnings("ignore")]

torch = pytest.importorskip("torch")

SHAPE = {"hidden_size": 48, "intermediate_size": 96, "num_hidden_layers": 2, "num_attention_heads": 4}
WORDS = re.findall(
    r"\w+", "the cat that sat near some old mats has seen a dog and ran away from it before noon"
)


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    base = Tokenizer(models.BPE())
    base.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    base.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    special = ["<s>", "</s>", "<pad>"]
    trainer = trainers.BpeTrainer(vocab_size=320, special_tokens=special, initial_alphabet=alphabet)
    base.train_from_iterator([" ".join(WORDS)], trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=base, bos_token="<s>", eos_token="</s>", pad_token="<pad>"
    )


def build(kind: str, vocabulary: int) -> Any:
    import transformers as hf

    grouped = {"num_key_value_heads": 2, "max_position_embeddings": 256, "vocab_size": vocabulary}
    ends = {"bos_token_id": 0, "eos_token_id": 1}
    gpt2 = {"n_embd": 48, "n_layer": 2, "n_head": 4, "n_positions": 256, "vocab_size": vocabulary, **ends}
    builders = {
        "llama": lambda: hf.LlamaForCausalLM(hf.LlamaConfig(**SHAPE, **grouped)),
        "qwen2": lambda: hf.Qwen2ForCausalLM(hf.Qwen2Config(**SHAPE, **grouped)),
        "gpt2": lambda: hf.GPT2LMHeadModel(hf.GPT2Config(**gpt2)),
        "gpt_neox": lambda: hf.GPTNeoXForCausalLM(
            hf.GPTNeoXConfig(**SHAPE, max_position_embeddings=256, vocab_size=vocabulary, **ends)
        ),
        "gemma2 (soft caps)": lambda: hf.Gemma2ForCausalLM(hf.Gemma2Config(**SHAPE, **grouped, head_dim=12)),
        "bloom (ALiBi)": lambda: hf.BloomForCausalLM(
            hf.BloomConfig(vocab_size=vocabulary, hidden_size=48, n_layer=2, n_head=4)
        ),
        "mamba (state space)": lambda: hf.MambaForCausalLM(
            hf.MambaConfig(vocab_size=vocabulary, hidden_size=48, num_hidden_layers=2, state_size=8, **ends)
        ),
        "mistral (window)": lambda: hf.MistralForCausalLM(
            hf.MistralConfig(**SHAPE, **grouped, sliding_window=32)
        ),
    }
    torch.manual_seed(0)
    model = builders[kind]().eval()
    for parameter in model.parameters():
        if parameter.dim() > 1:
            torch.nn.init.normal_(parameter, std=0.2)
    return model


def pair(kind: str, tokenizer: Any) -> tuple[Any, Any]:
    from lm_eval.models.huggingface import HFLM

    from evaluation.runners.models.causal import CausalLM

    torch.set_num_threads(1)
    model = build(kind, len(tokenizer))
    settings = {"pretrained": model, "tokenizer": tokenizer, "batch_size": 4, "softmax_dtype": "float32"}
    return HFLM(**settings), CausalLM(**settings)


def instance(kind: str, *args: Any) -> Any:
    from lm_eval.api.instance import Instance

    return Instance(kind, {}, args, 0)


def shapes() -> Iterator[Any]:
    """Four shapes of task: few-shot with text answers, lettered, minimal pairs, and a trailing space."""
    dice = random.Random(5)

    def some(count: int) -> str:
        return " ".join(dice.choices(WORDS, k=count))

    shots = some(30)
    for _ in range(6):
        question = f"{shots}\n{some(5)}"
        yield from (instance("loglikelihood", question, f" {some(3)}") for _ in range(4))
        yield from (
            instance("loglikelihood", f"{question}\nAnswer:", letter) for letter in (" A", " B", " C")
        )
        yield from (instance("loglikelihood", "", some(7)) for _ in range(2))
        yield instance("loglikelihood", f"{some(4)} ", "cat")


KINDS = [
    pytest.param("llama", "token trie", id="llama"),
    pytest.param("qwen2", "token trie", id="qwen2"),
    pytest.param("gpt2", "token trie", id="gpt2"),
    pytest.param("gpt_neox", "token trie", id="gpt_neox"),
    pytest.param("gemma2 (soft caps)", "token trie", id="gemma2"),
    pytest.param("bloom (ALiBi)", "plain batches", id="bloom"),
    pytest.param("mamba (state space)", "plain batches", id="mamba"),
    pytest.param("mistral (window)", "sliding window", id="mistral"),
]


@pytest.mark.parametrize(("kind", "served"), KINDS)
def test_log_likelihoods_and_texts_are_the_harness_s(kind: str, served: str, tokenizer: Any) -> None:
    harness, ours = pair(kind, tokenizer)
    asked = list(shapes())
    expected = harness.loglikelihood(asked, disable_tqdm=True)
    found = ours.loglikelihood(asked, disable_tqdm=True)
    assert served in ours.served_by
    assert ours.decodes_rows is (served != "plain batches")
    assert max(abs(a[0] - b[0]) for a, b in zip(expected, found, strict=True)) < 1e-3
    assert [a[1] for a in expected] == [b[1] for b in found]

    settings = {"until": ["\n\n", "dog"], "max_gen_toks": 12}
    prompts = [instance("generate_until", request.args[0], settings) for request in asked if request.args[0]][
        :12
    ]
    expected_texts = harness.generate_until(prompts, disable_tqdm=True)
    assert ours.generate_until(prompts, disable_tqdm=True) == expected_texts
    assert any(expected_texts)


@pytest.mark.parametrize(
    ("wrong", "mode", "reason"),
    [
        (("_serve_trie",), "plain batches", "token trie differs from the plain forward pass by 0.5"),
        (("_serve_trie", "_serve_rows"), "the harness's own loop", "head on the needed rows differs from"),
    ],
)
def test_an_arrangement_that_fails_the_self_test_is_not_used(
    wrong: tuple[str, ...], mode: str, reason: str, tokenizer: Any
) -> None:
    from evaluation.runners.models.causal import Answer, CausalLM, Request, Serve

    class Inaccurate(CausalLM):  # type: ignore[misc]
        """Off by half a nat wherever a model breaks one of the arrangements."""

        def _self_test(self, serve: Serve) -> float:
            def shifted(asked: list[Request], answered: Any, known: Any) -> None:
                def off(index: int, answer: Answer) -> None:
                    answered(index, (answer[0] + 0.5, answer[1]))

                serve(asked, off if serve.__name__ in wrong else answered, known)  # type: ignore[attr-defined]

            return super()._self_test(shifted)

    harness, _ = pair("llama", tokenizer)
    ours = Inaccurate(pretrained=harness.model, tokenizer=tokenizer, batch_size=4, softmax_dtype="float32")
    assert mode in ours.served_by.partition(":")[0]
    assert reason in ours.served_by.partition(":")[2]
    asked = list(shapes())[:9]
    expected = harness.loglikelihood(asked, disable_tqdm=True)
    found = ours.loglikelihood(asked, disable_tqdm=True)
    assert [a[0] for a in found] == pytest.approx([a[0] for a in expected], abs=1e-3)


def test_rolling_log_likelihoods_are_the_harness_s(tokenizer: Any) -> None:
    harness, ours = pair("llama", tokenizer)
    texts = [instance("loglikelihood_rolling", " ".join(WORDS * count)) for count in (1, 9, 30)]
    expected = harness.loglikelihood_rolling(texts, disable_tqdm=True)
    assert ours.loglikelihood_rolling(texts, disable_tqdm=True) == pytest.approx(expected, abs=5e-3)


def test_a_context_that_is_too_long_is_cut_as_the_harness_cuts_it(tokenizer: Any) -> None:
    harness, ours = pair("llama", tokenizer)
    asked = [instance("loglikelihood", " ".join(WORDS * 25), f" {word}") for word in ("cat", "dog")]
    expected = harness.loglikelihood(asked, disable_tqdm=True)
    found = ours.loglikelihood(asked, disable_tqdm=True)
    assert [a[0] for a in found] == pytest.approx([a[0] for a in expected], abs=1e-3)


def test_in_bf16_it_is_no_farther_from_fp32_than_the_harness_is(tokenizer: Any) -> None:
    from lm_eval.models.huggingface import HFLM

    from evaluation.runners.models.causal import CausalLM

    exact, _ = pair("llama", tokenizer)
    model = build("llama", len(tokenizer)).to(torch.bfloat16)
    settings = {"pretrained": model, "tokenizer": tokenizer, "batch_size": 4, "softmax_dtype": "float32"}
    asked = list(shapes())
    truth = [answer[0] for answer in exact.loglikelihood(asked, disable_tqdm=True)]

    def distance(lm: Any) -> float:
        found = lm.loglikelihood(asked, disable_tqdm=True)
        return sum(abs(a[0] - b) for a, b in zip(found, truth, strict=True)) / len(truth)

    assert distance(CausalLM(**settings)) <= distance(HFLM(**settings)) * 1.1


def test_each_unique_token_is_run_once_and_the_head_only_where_it_is_needed(tokenizer: Any) -> None:
    _, ours = pair("llama", tokenizer)
    shots = " ".join(WORDS * 2)
    asked = [instance("loglikelihood", shots, f" {word}") for word in WORDS]
    ours.loglikelihood(asked, disable_tqdm=True)
    shared = len(tokenizer(shots)["input_ids"])
    tails = sum(len(tokenizer(f" {word}")["input_ids"]) - 1 for word in set(WORDS))
    assert ours.tokens_run <= shared + tails + 1
    assert ours.head_rows_run <= tails + 2


def test_out_of_memory_halves_the_budget_and_goes_on_with_what_is_left(tokenizer: Any) -> None:
    harness, ours = pair("llama", tokenizer)
    body = ours._body

    def short_of_memory(ids: Any, *args: Any) -> Any:
        if ids.numel() > 70:
            raise torch.OutOfMemoryError("no room")
        return body(ids, *args)

    ours._body = short_of_memory
    asked = list(shapes())
    found = ours.loglikelihood(asked, disable_tqdm=True)
    assert ours.budget <= 70
    expected = harness.loglikelihood(asked, disable_tqdm=True)
    assert max(abs(a[0] - b[0]) for a, b in zip(expected, found, strict=True)) < 1e-3


def one_at_a_time(tokenizer: Any, prompts: list[Any]) -> tuple[Any, list[str]]:
    """An engine, and what the harness writes at batch size 1: no other row has a say in its texts."""
    harness, ours = pair("llama", tokenizer)
    harness.batch_size_per_gpu = 1
    return ours, harness.generate_until(prompts, disable_tqdm=True)


@pytest.mark.parametrize("shots", ["", " ".join(WORDS * 2)], ids=["nothing shared", "shared examples"])
def test_long_answers_of_many_rows_are_the_harness_s(
    shots: str, tokenizer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With caches that are enlarged, rows that leave at different times, and guesses that are right and wrong."""
    from evaluation.runners.models import rows

    monkeypatch.setattr(rows, "ROOM", 8)
    settings = {"until": ["dog", "ran"], "max_gen_toks": 60}
    prompts = [instance("generate_until", f"{shots} {word} a", settings) for word in WORDS]
    ours, expected = one_at_a_time(tokenizer, prompts)
    ours.budget = 40  # So that prompts are run in pieces.
    ours.tokens_run = 0
    assert ours.generate_until(prompts, disable_tqdm=True) == expected
    lengths = [len(tokenizer(text)["input_ids"]) for text in expected]
    assert max(lengths) > 16
    assert len(set(lengths)) > 1, "rows are to leave the batch at different times"
    assert 0 < ours.tokens_in_vain < ours.tokens_run


def test_what_is_guessed_saves_passes_and_changes_no_text(
    tokenizer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from evaluation.runners.models import generation

    settings = {"until": [], "max_gen_toks": 80}
    prompts = [instance("generate_until", "the cat sat near the cat", settings)]
    harness, ours = pair("llama", tokenizer)
    for name, parameter in harness.model.named_parameters():
        if "o_proj" in name or "down_proj" in name:
            # Each token then follows from the one before it alone, so that the text soon goes round in a circle.
            parameter.data.zero_()
    expected = harness.generate_until(prompts, disable_tqdm=True)
    body, passes = ours._body, []

    def counted(*args: Any) -> Any:
        passes.append(len(args))
        return body(*args)

    ours._body = counted
    assert ours.generate_until(prompts, disable_tqdm=True) == expected
    guessing = len(passes)
    monkeypatch.setattr(generation, "STEP_TOKENS", 1)
    assert ours.generate_until(prompts, disable_tqdm=True) == expected
    assert guessing < (len(passes) - guessing) / 2


def test_out_of_memory_halves_the_rows_and_goes_on(tokenizer: Any) -> None:
    settings = {"until": ["dog"], "max_gen_toks": 8}
    prompts = [instance("generate_until", f"{word} a", settings) for word in WORDS]
    ours, expected = one_at_a_time(tokenizer, prompts)
    body, most = ours._body, []

    def short_of_memory(ids: Any, mask: Any = None, positions: Any = None, cache: Any = None) -> Any:
        rows = len(cache.layers[0].feed.grid)
        if rows > 5:
            raise torch.OutOfMemoryError("no room")
        most.append(rows)
        return body(ids, mask, positions, cache)

    ours._body = short_of_memory
    assert ours.generate_until(prompts, disable_tqdm=True) == expected
    assert max(most) <= 5


def test_sampling_is_left_to_the_harness(tokenizer: Any) -> None:
    from evaluation.runners.models.generation import GreedyBatches

    _, ours = pair("llama", tokenizer)
    batches = GreedyBatches(ours, extend=ours._extend)
    assert batches.fits([instance("generate_until", "a", {"until": ["."], "max_gen_toks": 5})])
    assert not batches.fits([instance("generate_until", "a", {"do_sample": True, "temperature": 0.6})])
    ours.model.generation_config.repetition_penalty = 1.2
    assert not batches.fits([instance("generate_until", "a", {"until": ["."]})])
