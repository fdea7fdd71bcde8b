"""What both models cost on this machine: alternating rounds after a warm-up, so that drift hits both alike."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from evaluation.runners.measures import energy
from evaluation.runners.measures.loading import Loaded
from evaluation.runners.routing import Family
from evaluation.scoring.efficiency import Efficiency, Footprint, Timing, efficiency
from evaluation.scoring.retention import Options

ROUNDS = 7
LATENCY_ROUNDS = 15
WARM_UP = 2
PROMPT = 64
"""Tokens of a prompt, in throughput and latency alike."""
NEW = 16
"""Tokens that one answer generates."""
FLOPS_LENGTH = 64
ENERGY_SECONDS = 2.0
"""How long each model works for its energy to be read off: counters move in steps of a millisecond and more."""


def measure(student: Loaded, teacher: Loaded, *, batch_size: int, seed: int) -> Efficiency:
    """Sizes, compute and the three timings. Decoding is for models that write: causal and encoder-decoders."""
    writes = student.family is not Family.MASKED  # What writes.
    prompt = min(PROMPT, student.max_tokens // 2, teacher.max_tokens // 2)
    ids = torch.randint(
        0, _words(student, teacher), (batch_size, prompt), generator=torch.Generator().manual_seed(seed)
    )

    def prefill(side: Loaded) -> None:
        _forward(side, ids)

    def decode(side: Loaded) -> None:
        _generate(side, ids)

    def answer(side: Loaded) -> None:
        _generate(side, ids[:1]) if writes else _forward(side, ids[:1])

    work, units = (decode, batch_size * NEW) if writes else (prefill, ids.numel())
    return efficiency(
        _footprint(student, prompt, _joules_per_unit(student, work, units)),
        _footprint(teacher, prompt, _joules_per_unit(teacher, work, units)),
        Options(seed=seed, name="efficiency"),
        latency=_alternate(student, teacher, answer, LATENCY_ROUNDS, 1),
        prefill=_alternate(student, teacher, prefill, ROUNDS, ids.numel()),
        decode=_alternate(student, teacher, decode, ROUNDS, batch_size * NEW) if writes else None,
    )


def cost_ratio(found: Efficiency) -> float | None:
    """Time of a student step over a teacher step, from answers one at a time."""
    return None if found.latency is None else found.latency.student.p50 / found.latency.teacher.p50


def _words(student: Loaded, teacher: Loaded) -> int:
    return int(min(student.model.config.vocab_size, teacher.model.config.vocab_size))


def _alternate(
    student: Loaded, teacher: Loaded, work: Callable[[Loaded], None], rounds: int, units: float
) -> Timing:
    for side in (student, teacher) * WARM_UP:
        work(side)
    seconds: dict[int, list[float]] = {id(student): [], id(teacher): []}
    for number in range(rounds):
        order = (student, teacher) if number % 2 == 0 else (teacher, student)
        for side in order:
            _wait(side)
            start = time.perf_counter()
            work(side)
            _wait(side)
            seconds[id(side)].append(time.perf_counter() - start)
    return Timing.of(seconds[id(student)], seconds[id(teacher)], units)


def _wait(loaded: Loaded) -> None:
    if loaded.device.type == "cuda":
        torch.cuda.synchronize(loaded.device)


@torch.inference_mode()
def _forward(loaded: Loaded, ids: torch.Tensor) -> None:
    batch = ids.to(loaded.device)
    # An encoder-decoder reads the text and makes one step of its answer.
    more = {"decoder_input_ids": batch[:, :1]} if loaded.family is Family.SEQ2SEQ else {}
    loaded.model(batch, **more)


@torch.inference_mode()
def _generate(loaded: Loaded, ids: torch.Tensor) -> None:
    batch = ids.to(loaded.device)
    settings: dict[str, Any] = {"do_sample": False, "max_new_tokens": NEW, "min_new_tokens": NEW}
    padding = loaded.tokenizer.pad_token_id or 0
    loaded.model.generate(batch, attention_mask=torch.ones_like(batch), pad_token_id=padding, **settings)


def _joules_per_unit(loaded: Loaded, work: Callable[[Loaded], None], units: int) -> float | None:
    """Joules per token of some work, where the machine counts energy; None where it does not."""
    counter = energy.meter(loaded.device)
    if counter is None:
        return None
    work(loaded)
    rounds, begun, before = 0, time.perf_counter(), counter.joules()
    while time.perf_counter() - begun < ENERGY_SECONDS:
        work(loaded)
        _wait(loaded)
        rounds += 1
    return (counter.joules() - before) / (rounds * units) or None


def _footprint(loaded: Loaded, length: int, joules: float | None) -> Footprint:
    """Parameters, bytes of the files, FLOPs of a forward pass by torch's counter, energy where it was counted.

    Peak memory is told apart on CUDA alone: on a CPU both models share one process.
    """
    ids = torch.zeros(1, min(FLOPS_LENGTH, length), dtype=torch.long)
    with FlopCounterMode(display=False) as counter:
        _forward(loaded, ids)
    return Footprint(
        parameters=loaded.parameters,
        weight_bytes=loaded.weight_bytes,
        peak_memory_bytes=_peak_memory(loaded, ids),
        flops_per_token=counter.get_total_flops() / ids.numel(),
        joules_per_token=joules,
    )


def _peak_memory(loaded: Loaded, ids: torch.Tensor) -> int | None:
    if loaded.device.type != "cuda":
        return None
    torch.cuda.synchronize(loaded.device)
    torch.cuda.reset_peak_memory_stats(loaded.device)
    before = torch.cuda.memory_allocated(loaded.device)
    own = sum(parameter.numel() * parameter.element_size() for parameter in loaded.model.parameters())
    _forward(loaded, ids)
    return int(torch.cuda.max_memory_allocated(loaded.device) - before + own)
