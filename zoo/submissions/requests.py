"""What can be asked for, as one validated document: the same for the form, the REST API and the command line."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints, ValidationError, model_validator

from evaluation.contract import MAX_BATCH_SIZE, MAX_FEWSHOT, MAX_TASKS, Dtype, Engine, Message
from zoo.core.errors import Invalid

FileName = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300)]


class SubmissionRequest(Message):
    """A student, perhaps a teacher, a suite or tasks, and the protocol. Names of arguments are lm-eval's."""

    student: Text
    teacher: Text | None = None
    gguf_file: FileName | None = None
    """Which GGUF file of the student to measure, where there are several or safetensors beside it."""
    teacher_gguf_file: FileName | None = None
    suite: Text | None = None
    """``name`` or ``name@version``."""
    tasks: tuple[Text, ...] = Field(default=(), max_length=MAX_TASKS)
    num_fewshot: int | None = Field(default=None, ge=0, le=MAX_FEWSHOT)
    limit: int | None = Field(default=None, ge=1, le=10**9)
    batch_size: int = Field(default=16, ge=1, le=MAX_BATCH_SIZE)
    dtype: Dtype = Dtype.FLOAT32
    seed: int = Field(default=1234, ge=0, le=2**31 - 1)
    apply_chat_template: bool = False
    noise_floor: bool = False
    """Whether to run the teacher again at another batch size, so that flips can be told from noise."""
    engine: Engine | None = None
    """None: as the model's architecture needs."""

    @model_validator(mode="after")
    def _suite_or_tasks(self) -> SubmissionRequest:
        if bool(self.suite) == bool(self.tasks):
            raise ValueError("name a suite or tasks, one of the two")
        return self


class BadRequest(Invalid):
    """The request is malformed: a value out of range, or something missing."""

    code = "invalid"


def read_request(document: dict[str, object]) -> SubmissionRequest:
    """Parses a request. Raises BadRequest naming the first field that is wrong."""
    try:
        return SubmissionRequest.model_validate(document)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        field = str(first["loc"][0]) if first["loc"] else "suite"
        raise BadRequest(f"{field}: {first['msg']}", field=field) from error
