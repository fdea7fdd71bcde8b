"""What the zoo and the evaluation side say to each other: a spec goes out, a report comes back.

Every message is a frozen, validated, versioned document. Nothing here knows Django, Celery, torch or
the harness, and nothing here may import another module of ours. A message of an unknown version or
with an unknown field is refused, never guessed at.
"""

from __future__ import annotations

import hashlib
import json
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

CONTRACT_VERSION: Literal[1] = 1

HARNESS_ENGINE_VERSION = "1"
"""Of the code that drives lm-eval; a run by a measure of its own (``pll_word_l2r-1``) puts that in front."""
FINETUNE_ENGINE_VERSION = "finetune-1"
SCRIPTED_ENGINE_VERSION = "1"

MAX_FEWSHOT = 64
MAX_BATCH_SIZE = 1024
MAX_TASKS = 200

MODEL_ID_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,95}/[A-Za-z0-9][A-Za-z0-9._-]{0,95}$"
TASK_NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_.\-]{0,127}$"

ModelId = Annotated[str, StringConstraints(pattern=MODEL_ID_PATTERN)]
TaskName = Annotated[str, StringConstraints(pattern=TASK_NAME_PATTERN)]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class Message(BaseModel):
    """Base of every message: immutable, strict about unknown fields, no NaN or Infinity."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Engine(StrEnum):
    """How a model is scored. ``harness`` is lm-eval's own back end, unmodified."""

    AUTO = "auto"
    HARNESS = "harness"
    CAUSAL = "causal"
    MASKED = "masked"
    VLLM = "vllm"
    SGLANG = "sglang"
    SCRIPTED = "scripted"


class Dtype(StrEnum):
    """The number format of weights and activations. Scores depend on it, so a pair shares one."""

    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"
    FLOAT16 = "float16"


class WeightsFormat(StrEnum):
    """Formats that hold numbers and nothing that can be executed."""

    SAFETENSORS = "safetensors"
    GGUF = "gguf"


class ModelSource(Message):
    """One immutable model: where to fetch it and the digest it must have."""

    name: ModelId
    revision: str = Field(min_length=1, max_length=128)
    """A 40-hex commit of the hub, or the content digest of a local directory."""
    digest: Sha256 | None = None
    """Digest of the manifest (file names and their SHA-256); None until intake has seen the files."""
    weights_format: WeightsFormat = WeightsFormat.SAFETENSORS
    gguf_file: str | None = None
    """The one GGUF file to use when a directory holds several quantizations."""
    directory: str | None = None
    """A local directory, for ``zoo evaluate`` and mirrors. It says where, not what: not in the identity."""


class SuiteRef(Message):
    """A suite by name and version; a result belongs to one version for ever."""

    name: TaskName
    version: str = Field(min_length=1, max_length=32)


class Protocol(Message):
    """Everything beside model and tasks that can move a score. Argument names are lm-eval's."""

    num_fewshot: int | None = Field(default=None, ge=0, le=MAX_FEWSHOT)
    """None: as each task (or the suite) says."""
    limit: int | None = Field(default=None, ge=1)
    """The harness's "first n" documents of each task. Limited results are never ranked."""
    batch_size: int = Field(default=16, ge=1, le=MAX_BATCH_SIZE)
    dtype: Dtype = Dtype.FLOAT32
    softmax_dtype: Literal["float32"] = "float32"
    """Fixed: the harness's own default rounds sums of log-likelihoods to bf16, which makes ties."""
    seed: int = Field(default=1234, ge=0, le=2**31 - 1)
    apply_chat_template: bool = False
    max_length: int | None = Field(default=None, ge=16)
    """Tokens a sequence may have; None: what the model's configuration says."""


class Requirements(Message):
    """What a worker must have to take the work. Predictions of preflight, not part of the identity."""

    device: Literal["any", "cpu", "cuda", "mps"] = "any"
    memory_bytes: int = Field(default=0, ge=0)
    """Memory of the device (main memory on a CPU) that the work is predicted to need."""
    disk_bytes: int = Field(default=0, ge=0)
    time_limit_seconds: int = Field(default=6 * 3600, ge=1)


class RunSpec(Message):
    """One model, one suite or list of tasks, one protocol."""

    kind: Literal["run"] = "run"
    version: Literal[1] = CONTRACT_VERSION
    model: ModelSource
    suite: SuiteRef | None = None
    tasks: tuple[TaskName, ...] = Field(min_length=1, max_length=MAX_TASKS)
    protocol: Protocol = Protocol()
    engine: Engine = Engine.HARNESS
    requirements: Requirements = Requirements()

    def identity(self) -> str:
        """SHA-256 (hex) over all that decides the scores; equal identities are the same measurement."""
        excluded: dict[str, Any] = {
            "requirements": True,
            "model": {"directory": True} | ({"revision": True, "name": True} if self.model.digest else {}),
        }
        return digest_of(self.model_dump(mode="json", exclude=excluded))


class PairMeasure(StrEnum):
    """What is measured with both models loaded on one worker."""

    EFFICIENCY = "efficiency"
    FIDELITY = "fidelity"
    SIMILARITY = "similarity"
    SPECULATION = "speculation"


class PairSpec(Message):
    """Student and teacher at once, for what needs both: speed on one machine, fidelity, similarity."""

    kind: Literal["pair"] = "pair"
    version: Literal[1] = CONTRACT_VERSION
    student: ModelSource
    teacher: ModelSource
    measures: tuple[PairMeasure, ...] = (
        PairMeasure.EFFICIENCY,
        PairMeasure.FIDELITY,
        PairMeasure.SIMILARITY,
        PairMeasure.SPECULATION,
    )
    text: TaskName = "demo-text"
    """Name of the carried text that fidelity is measured on."""
    dtype: Dtype = Dtype.FLOAT32
    batch_size: int = Field(default=8, ge=1, le=MAX_BATCH_SIZE)
    seed: int = Field(default=1234, ge=0, le=2**31 - 1)
    requirements: Requirements = Requirements()

    def identity(self) -> str:
        """SHA-256 (hex) over all that decides the measurements."""
        excluded: dict[str, Any] = {"requirements": True, "student": {"directory"}, "teacher": {"directory"}}
        return digest_of(self.model_dump(mode="json", exclude=excluded))


Spec = Annotated[RunSpec | PairSpec, Field(discriminator="kind")]


class Fault(StrEnum):
    """Who can mend it: the one who submitted, or the ones who run the service."""

    SUBMITTER = "submitter"
    PLATFORM = "platform"


class Failure(Message):
    """Why something did not succeed, as data: a stable code, whose fault, and what to change."""

    code: str = Field(pattern=r"^[a-z][a-z0-9_]{1,63}$")
    fault: Fault
    message: str = Field(max_length=4000)
    remedy: str = Field(default="", max_length=2000)


class Stage(StrEnum):
    """Where a run is. The order is the order of a run."""

    FETCHING = "fetching"
    LOADING = "loading"
    SCORING = "scoring"
    WRITING = "writing"


class Progress(Message):
    """One line of progress from the child process."""

    stage: Stage
    task: str | None = None
    task_index: int = Field(default=0, ge=0)
    task_count: int = Field(default=0, ge=0)
    done: int = Field(default=0, ge=0)
    """Requests answered so far in this run."""
    total: int = Field(default=0, ge=0)
    """Requests of the run; 0 while unknown."""
    rate: float | None = Field(default=None, ge=0)
    """Requests per second over the last few seconds."""
    message: str = Field(default="", max_length=500)


class Score(Message):
    """A value with its standard error; ``stderr`` is None where the harness defines none."""

    value: float
    stderr: float | None = Field(default=None, ge=0)


class TaskResult(Message):
    """One task of one run, as measured. The samples behind it lie in the samples file."""

    task: TaskName
    task_version: str
    task_hash: Sha256
    """SHA-256 over the hashes of all documents, prompts and targets of the task."""
    capability: str | None = None
    group: str | None = None
    """The group row this leaf belongs to (``blimp``, or a BLiMP field), if any."""
    groups: tuple[str, ...] = ()
    """All group rows it belongs to, outermost first; ``group`` is the last of them."""
    cluster: str | None = None
    weight: float = Field(default=1.0, gt=0)
    """Its share within its capability."""
    aggregation: Literal["mean", "per_size", "perplexity"] = "mean"
    """How the samples' values make the score: their mean, their sum over the sum of bytes, or exp of that."""
    output_type: Literal["loglikelihood", "multiple_choice", "generate_until", "loglikelihood_rolling"]
    num_fewshot: int = Field(ge=0)
    metric: str
    """The harness's main metric, as (metric) without the filter."""
    filter: str = "none"
    higher_is_better: bool
    is_ratio: bool
    """Whether a ratio of two values makes sense: higher is better and zero means none."""
    chance: float | None = Field(default=None, ge=0, le=1)
    n: int = Field(ge=0)
    """Samples: documents, times draws."""
    draws: int = Field(default=1, ge=1)
    """Answers drawn for each document."""
    truncated: float | None = Field(default=None, ge=0, le=1)
    """The share of generated answers that were cut off at the longest length; None where it is not known."""
    score: Score
    tie_split: Score | None = None
    """The same metric with ties shared among the tied options instead of given to the first."""
    ties: int = Field(default=0, ge=0)
    metrics: dict[str, Score] = Field(default_factory=dict)
    """Every metric that the harness returned, keyed ``metric,filter``."""
    seconds: float = Field(default=0.0, ge=0)


class ModelFacts(Message):
    """What the runner saw of the model it loaded."""

    architecture: str
    model_type: str
    parameters: int = Field(ge=0)
    vocabulary: int | None = None
    context_length: int | None = None
    weights_bytes: int | None = Field(default=None, ge=0)
    tokenizer_digest: Sha256 | None = None
    prefix_token_id: int | None = None
    """The token that the harness puts before an empty context."""
    chat_template_digest: Sha256 | None = None


class EngineFacts(Message):
    """Which code served the run."""

    engine: Engine
    served_by: str
    """The class that answered, or what it fell back to and why."""
    harness_version: str | None = None
    torch_version: str | None = None
    transformers_version: str | None = None
    engine_version: str = "1"


def current_engine_version(engine: str, recorded: str) -> str:
    """The version that the same engine with the same measure would record today."""
    if engine == Engine.SCRIPTED:
        return SCRIPTED_ENGINE_VERSION
    measure, dash, _ = recorded.rpartition("-")
    if measure == FINETUNE_ENGINE_VERSION.rpartition("-")[0]:
        return FINETUNE_ENGINE_VERSION
    return f"{measure}{dash}{HARNESS_ENGINE_VERSION}"


class Environment(Message):
    """Where it ran. No host names and no paths: this is published."""

    device: str
    device_name: str
    threads: int = Field(ge=1)
    isolation: str = "none"
    python_version: str
    platform: str


class FileRef(Message):
    """A file that the child wrote, by digest. ``name`` is a plain file name in the run's folder."""

    name: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$")]
    sha256: Sha256
    size: int = Field(ge=0)


class RunReport(Message):
    """The outcome of a RunSpec: results, or a failure, never both and never neither."""

    kind: Literal["run"] = "run"
    version: Literal[1] = CONTRACT_VERSION
    identity: Sha256
    results: tuple[TaskResult, ...] = ()
    samples: FileRef | None = None
    model: ModelFacts | None = None
    engine: EngineFacts | None = None
    environment: Environment | None = None
    seconds: float = Field(default=0.0, ge=0)
    peak_memory_bytes: int | None = Field(default=None, ge=0)
    reproduce: str | None = None
    """The lm-eval command that repeats the run; None where lm-eval cannot do it."""
    notes: tuple[str, ...] = ()
    failure: Failure | None = None

    @model_validator(mode="after")
    def _results_or_failure(self) -> RunReport:
        if (self.failure is None) != bool(self.results):
            raise ValueError("a report has results or a failure, not both and not neither")
        return self


class PairReport(Message):
    """The outcome of a PairSpec. A measure that could not be taken is an Undefined, with its reason."""

    kind: Literal["pair"] = "pair"
    version: Literal[1] = CONTRACT_VERSION
    identity: Sha256
    fidelity: dict[str, Any] | None = None
    similarity: dict[str, Any] | None = None
    efficiency: dict[str, Any] | None = None
    speculation: dict[str, Any] | None = None
    environment: Environment | None = None
    engine: EngineFacts | None = None
    seconds: float = Field(default=0.0, ge=0)
    notes: tuple[str, ...] = ()
    failure: Failure | None = None


Report = Annotated[RunReport | PairReport, Field(discriminator="kind")]


def canonical_json(document: Any) -> bytes:
    """The one byte form of a JSON document: sorted keys, no spaces, UTF-8, no NaN."""
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode()


def digest_of(document: Any) -> str:
    """SHA-256 (hex) of a document's canonical form."""
    return hashlib.sha256(canonical_json(document)).hexdigest()
