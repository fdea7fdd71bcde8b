"""What is said to and by intake, the process that fetches and checks a model: a request goes out, a report comes back.

Here and not with intake itself, so that whoever starts that process needs none of its code.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from evaluation.contract import Failure, Message, ModelSource, Sha256
from evaluation.formats.files import MAX_TOTAL
from evaluation.formats.manifest import Manifest

VERSION: Literal[1] = 1
REPORT_NAME = "intake.json"


class IntakeSpec(Message):
    """Which model to let in, and where to keep it. Paths are those of the machine that fetches."""

    version: Literal[1] = VERSION
    source: ModelSource
    cache_dir: str
    """The folder that keeps models by digest; made when missing."""
    models_dir: str | None = None
    """A mirror laid out ``org/name``, looked up before the hub."""
    in_place: bool = False
    """Whether a local folder may be used where it lies instead of being copied. For folders that nobody changes."""
    offline: bool = False
    max_bytes: int = Field(default=MAX_TOTAL, ge=1)
    probe: bool = True
    """Whether to try tokenizer and chat template under limits."""


class IntakeFacts(Message):
    """What the files say of the model. Claims, but for the counts and digests."""

    architecture: str
    model_type: str
    parameters: int = Field(ge=0)
    elements_by_dtype: dict[str, int] = Field(default_factory=dict)
    weights_bytes: int = Field(ge=0)
    layers: int | None = None
    hidden_size: int | None = None
    vocabulary: int | None = None
    context_length: int | None = None
    quantization: str | None = None
    tokenizer_digest: Sha256 | None = None
    has_chat_template: bool = False
    license: str | None = None
    base_models: tuple[str, ...] = ()


class IntakeReport(Message):
    """The outcome: a source with its digest and a folder, or a failure."""

    version: Literal[1] = VERSION
    source: ModelSource
    """The source asked for; on success with commit or digest, format and the folder to give to the runner."""
    manifest: Manifest | None = None
    facts: IntakeFacts | None = None
    notes: tuple[str, ...] = ()
    seconds: float = Field(default=0.0, ge=0)
    failure: Failure | None = None

    @model_validator(mode="after")
    def _manifest_or_failure(self) -> IntakeReport:
        if (self.failure is None) != (self.manifest is not None):
            raise ValueError("an intake report has a manifest or a failure, not both and not neither")
        return self
