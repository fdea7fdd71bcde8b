"""Where the shipped models lie and whether they are still the ones that were shipped.

Loads nothing heavy: trust by digest is asked before any model is read. The folder is laid out as org/name, so it
can serve as ZOO_MODELS_DIR.
"""

import hashlib
from pathlib import Path
from typing import Final

from pydantic import TypeAdapter

MODELS_DIR: Final = Path(__file__).parent / "models"
DIGESTS_FILE: Final = Path(__file__).parent / "digests.json"
MEASURED_FILE: Final = Path(__file__).parent / "measured.json"
BACKWARDS_FILE: Final = Path(__file__).parent / "measured-backwards.json"

ORGANIZATION: Final = "distill-zoo"
CAUSAL_TEACHER: Final = f"{ORGANIZATION}/tiny-llama-teacher"
CAUSAL_STUDENT: Final = f"{ORGANIZATION}/tiny-llama-student"
CAUSAL_ALONE: Final = f"{ORGANIZATION}/tiny-llama-alone"
MASKED_TEACHER: Final = f"{ORGANIZATION}/tiny-bert-teacher"
MASKED_STUDENT: Final = f"{ORGANIZATION}/tiny-distilbert-student"
SEQUENCE_TEACHER: Final = f"{ORGANIZATION}/tiny-t5-teacher"
SEQUENCE_STUDENT: Final = f"{ORGANIZATION}/tiny-t5-student"
OF_TEXT: Final = (CAUSAL_TEACHER, CAUSAL_STUDENT, CAUSAL_ALONE, MASKED_TEACHER, MASKED_STUDENT)
"""Those that read prose, measured on the data of the suite `demo`."""
OF_SEQUENCES: Final = (SEQUENCE_TEACHER, SEQUENCE_STUDENT)
SHIPPED: Final = (*OF_TEXT, *OF_SEQUENCES)

_Digests = TypeAdapter(dict[str, dict[str, str]])


def model_directory(model: str) -> Path:
    """The directory of a shipped model; KeyError when nothing of that name is shipped."""
    if model not in SHIPPED:
        raise KeyError(model)
    return MODELS_DIR / model


def recorded_digests() -> dict[str, dict[str, str]]:
    """SHA-256 in hex by file name by model, as recorded when the models were shipped."""
    return _Digests.validate_json(DIGESTS_FILE.read_bytes())


def measured_digests(directory: Path) -> dict[str, str]:
    """SHA-256 in hex by path (relative, with slashes) of every file below `directory`."""
    return {
        path.relative_to(directory).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(directory.rglob("*"))
        if path.is_file()
    }


def is_shipped(model: str, directory: Path) -> bool:
    """Whether `directory` holds exactly the files shipped as `model`: none changed, missing or added."""
    recorded = recorded_digests().get(model)
    return recorded is not None and directory.is_dir() and measured_digests(directory) == recorded


def record_digests(models_dir: Path = MODELS_DIR, file: Path = DIGESTS_FILE) -> None:
    """Writes the digests of all shipped models; for the recipe, never for the product."""
    digests = {model: measured_digests(models_dir / model) for model in SHIPPED}
    file.write_bytes(_Digests.dump_json(digests, indent=1) + b"\n")
