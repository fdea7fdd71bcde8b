"""Folders with models that must not be loaded, laid out as a mirror is."""

from __future__ import annotations

import json
from pathlib import Path

_LLAMA = {"model_type": "llama", "architectures": ["LlamaForCausalLM"], "hidden_size": 64}
_MINE = {"model_type": "mine", "auto_map": {"AutoModel": "mine.M"}}
PICKLED, REMOTE_CODE = "bad/pickled", "bad/remote-code"
SAYS = {PICKLED: "save_pretrained(safe_serialization=True)", REMOTE_CODE: "auto_map"}
"""By model: what the refusal tells to do."""


def mirror(folder: Path) -> Path:
    """A folder for ``ZOO_MODELS_DIR`` with a pickle-only model and one that wants its own code run."""
    for name, files in (
        (PICKLED, {"config.json": json.dumps(_LLAMA), "pytorch_model.bin": "x"}),
        (REMOTE_CODE, {"config.json": json.dumps(_MINE), "model.safetensors": "x", "mine.py": "import os"}),
    ):
        (folder / name).mkdir(parents=True)
        for file, text in files.items():
            (folder / name / file).write_text(text)
    return folder
