"""What a worker and the zoo say to each other over the worker API, and the names they ring each other by.

Part of the contract: frozen, validated documents. The specs and reports inside are those of ``contract``.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from evaluation.contract import (
    CONTRACT_VERSION,
    Failure,
    Message,
    ModelId,
    Progress,
    Report,
    Requirements,
    Sha256,
    Spec,
)

EVALUATE_TASK = "evaluation.evaluate"
"""Name of the one Celery task of the evaluation workers. The zoo sends it by this name, without importing it."""

MEMORY_CLASSES_GIB = (8, 16, 24, 48, 80, 192)
"""Steps of memory (of the GPU, else of the machine) that queues are named by."""

MAX_SAMPLES_BYTES = 2 << 30
MAX_LOG_BYTES = 1 << 20
MAX_JOURNAL_BYTES = 256 << 20
MAX_TAIL_CHARACTERS = 8000
"""Of a log that is shown while its run goes on."""

WorkerId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{7,79}$")]
LogTail = Annotated[str, StringConstraints(max_length=MAX_TAIL_CHARACTERS, pattern=r"^[^\x00]*$")]
ArtifactKind = Literal["samples", "log", "journal"]


class WorkerFacts(Message):
    """What a worker is and has. ``id`` is new with each start. No host name: the list of workers is public."""

    id: WorkerId
    device: Literal["cpu", "cuda", "mps"]
    device_name: str = Field(default="", max_length=120)
    memory_bytes: int = Field(ge=0)
    disk_bytes: int = Field(default=0, ge=0)
    engines: tuple[str, ...] = Field(max_length=16)
    isolation: str = Field(default="none", max_length=40)
    spec_versions: tuple[int, ...] = (CONTRACT_VERSION,)
    versions: dict[str, str] = Field(default_factory=dict, max_length=32)
    trouble: str = Field(default="", max_length=500)


class Claim(Message):
    """A run given to a worker: the spec, and the token that dies with the lease."""

    run: str
    lease: str
    """Sent back with everything about this run; refused once somebody else holds the run."""
    lease_seconds: float = Field(gt=0)
    attempt: int = Field(ge=1)
    request_id: str = Field(default="", max_length=64)
    """The web request that asked for the run, for the logs alone."""
    spec: Spec
    journal: Sha256 | None = None
    """Artifact with the finished tasks of an earlier attempt, if there is one."""


class ClaimAnswer(Message):
    """The answer to a claim: a run, or nothing to do."""

    claim: Claim | None = None


class Heartbeat(Message):
    """A sign of life, with progress and the end of the log if they are new."""

    progress: Progress | None = None
    log: LogTail | None = None
    """The last lines that the runner has printed, cleaned and masked. For those who asked for the run, not for all."""
    isolation: str | None = Field(default=None, max_length=40)
    """What is around the runner of this attempt, once it was started: not what the machine could do."""


class HeartbeatAnswer(Message):
    """What the holder of a lease must know: whether to stop, and how long the lease now is."""

    cancel: bool
    lease_seconds: float = Field(gt=0)


class FetchedModel(Message):
    """A model as intake let it in: the digest of its manifest is known only then."""

    name: ModelId
    revision: str = Field(max_length=128)
    digest: Sha256 | None = None
    notes: tuple[str, ...] = Field(default=(), max_length=50)


class Delivery(Message):
    """The end of an attempt: a report, or a release (the worker gives the run back, and says why)."""

    report: Report | None = None
    models: tuple[FetchedModel, ...] = Field(default=(), max_length=2)
    release: Failure | None = None


class DeliveryAnswer(Message):
    """The state of the run after a delivery, and whether this delivery had been taken before."""

    state: str
    repeated: bool = False


def broker_url(given: str) -> str:
    """The broker's address with certificates checked, unless it says otherwise itself.

    The broker's client takes a plain ``rediss://`` for an address without TLS; it must be told by a parameter.
    """
    if not given.startswith("rediss://") or "ssl_cert_reqs=" in given:
        return given
    return f"{given}{'&' if '?' in given else '?'}ssl_cert_reqs=required"


def queue_for(requirements: Requirements) -> str:
    """The queue that a run's hint goes to: by device, and by the smallest class of memory that holds it.

    What fits every machine goes to the device's plain queue (``evaluate.any``); a GPU's queues all name a class.
    """
    device, needed = requirements.device, requirements.memory_bytes / 2**30
    fitting = next((size for size in MEMORY_CLASSES_GIB if needed <= size), MEMORY_CLASSES_GIB[-1])
    if device != "cuda" and fitting == MEMORY_CLASSES_GIB[0]:
        return f"evaluate.{device}"
    return f"evaluate.{device}.{fitting}g"


def queues_of(device: str, memory_bytes: int) -> list[str]:
    """The queues that a worker listens to: what may run anywhere and what needs its device, as large as it holds."""
    # A card sold as 24 GB reports a little less than 24 GiB.
    held = memory_bytes / 2**30 * 1.07
    smallest, *larger = MEMORY_CLASSES_GIB
    classes = [size for size in larger if size <= held]
    plain = [f"evaluate.{device}.{smallest}g"] if device == "cuda" else [f"evaluate.{device}"]
    sized = [f"evaluate.{kind}.{size}g" for kind in ("any", device) for size in classes]
    return ["evaluate.any", *plain, *sized]
