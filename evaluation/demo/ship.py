"""Puts what the recipe made where the product finds it: weights, cards, measurements, digests.

    python -m evaluation.demo.ship DIR

For maintainers, after `evaluation.demo.recipe --out DIR`. Measures what was not measured yet.
"""

import argparse
import shutil
import sys
from pathlib import Path

import torch
from pydantic import TypeAdapter

from evaluation.demo.backwards_ship import ReachedBackwards, backwards_card, measure_backwards
from evaluation.demo.cards import card
from evaluation.demo.measure import Reached, measure_directory
from evaluation.demo.save import Training, saved_outcome
from evaluation.demo.shipped import (
    BACKWARDS_FILE,
    MEASURED_FILE,
    MODELS_DIR,
    OF_SEQUENCES,
    OF_TEXT,
    SHIPPED,
    record_digests,
)

_LIMIT_BYTES = 14_000_000
_MEASURED = TypeAdapter(dict[str, Reached])
_BACKWARDS = TypeAdapter(dict[str, ReachedBackwards])


def recorded_measurements(file: Path = MEASURED_FILE) -> dict[str, Reached]:
    """What the shipped models reached when they were shipped, by model."""
    return _MEASURED.validate_json(file.read_bytes())


def recorded_backwards(file: Path = BACKWARDS_FILE) -> dict[str, ReachedBackwards]:
    """The same for the sequence-to-sequence pair."""
    return _BACKWARDS.validate_json(file.read_bytes())


def measured(out: Path, model: str) -> Reached:
    """Measures a model in the recipe's folder, once: what was measured is kept beside it."""
    name = Path(model).name
    kept = out / f"{name}.measured.json"
    if kept.exists() and kept.stat().st_mtime > (out / name / "model.safetensors").stat().st_mtime:
        return Reached.model_validate_json(kept.read_bytes())
    reached = measure_directory(out / name)
    kept.write_text(reached.model_dump_json(indent=1) + "\n")
    return reached


def _copy(made: Path, directory: Path) -> None:
    if directory.exists():
        shutil.rmtree(directory)
    shutil.copytree(made, directory)
    for path in directory.iterdir():
        path.chmod(0o644)
        if path.stat().st_size > _LIMIT_BYTES:
            raise ValueError(
                f"{path.name} has {path.stat().st_size} bytes; at most {_LIMIT_BYTES} are shipped"
            )


def _trainings(out: Path) -> dict[str, Training]:
    """How each model was trained; ValueError when one is not complete."""
    found = {model: saved_outcome(out / Path(model).name) for model in SHIPPED}
    missing = [model for model, training in found.items() if training is None]
    if missing:
        raise ValueError(f"not trained to the end: {', '.join(missing)}")
    return {model: training for model, training in found.items() if training is not None}


def ship(out: Path) -> None:
    """Copies, measures, writes cards, measurements and digests; ValueError when something is not complete."""
    trainings = _trainings(out)
    reached = {model: measured(out, model) for model in OF_TEXT}
    backwards = {model: measure_backwards(out / Path(model).name) for model in OF_SEQUENCES}
    for model in SHIPPED:
        _copy(out / Path(model).name, MODELS_DIR / model)
    MEASURED_FILE.write_bytes(_MEASURED.dump_json(reached, indent=1) + b"\n")
    BACKWARDS_FILE.write_bytes(_BACKWARDS.dump_json(backwards, indent=1) + b"\n")
    cards = {model: card(model, trainings, reached) for model in OF_TEXT}
    cards |= {model: backwards_card(model, trainings, backwards) for model in OF_SEQUENCES}
    for model, text in cards.items():
        (MODELS_DIR / model / "README.md").write_text(text, encoding="utf-8")
    record_digests()


def main(arguments: list[str] | None = None) -> int:
    """Ships; 0 when done."""
    parser = argparse.ArgumentParser(prog="python -m evaluation.demo.ship", description=__doc__)
    parser.add_argument("made", type=Path, help="the --out of the recipe")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    ship(options.made)
    return 0


if __name__ == "__main__":
    sys.exit(main())
