"""What a suite is, as validated data: tasks, where their items come from, how they count.

A version of a suite never changes once results exist: a change is a new version in a new file. Items are a
stated, fixed list. Nothing in a suite can run code: columns are named, templates are not possible.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from evaluation.contract import Message, Sha256, TaskName

CAPABILITIES = (
    "language",
    "knowledge",
    "commonsense",
    "reasoning",
    "mathematics",
    "code",
    "instruction_following",
    "safety",
    "tool_use",
    "long_context",
)
"""What a student may have kept of its teacher, in the order in which pages show it."""

Capability = Literal[
    "language",
    "knowledge",
    "commonsense",
    "reasoning",
    "mathematics",
    "code",
    "instruction_following",
    "safety",
    "tool_use",
    "long_context",
]
Column = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,63}$")]
FileName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]


class RowsFile(Message):
    """JSON Lines by digest; ``where`` keeps the rows whose columns have these values.

    ``folder`` names the suite beside which the file lies, where that is another one.
    """

    file: FileName
    folder: TaskName | None = None
    sha256: Sha256
    where: dict[Column, str] = Field(default_factory=dict)


class ChoiceItems(Message):
    """Choose among continuations by their log-likelihood.

    ``context`` is the column before the choice (None: nothing); ``choices`` is the column that holds the list, or the
    columns that hold one choice each; ``gold`` is the number of the right one, or the column that holds it.
    """

    form: Literal["choice"] = "choice"
    rows: RowsFile
    context: Column | None = None
    choices: Column | tuple[Column, ...]
    gold: int | Column
    delimiter: Literal["", " "] = " "
    cluster: Column | None = None


class TextItems(Message):
    """The log-likelihood of whole texts, for bits per byte."""

    form: Literal["text"] = "text"
    rows: RowsFile
    text: Column
    cluster: Column | None = None


class HarnessItems(Message):
    """A task of the pinned harness, unmodified, on a stated list of its documents.

    ``items`` names a list in the suite's ``items.json``; None means every document of the task.
    """

    form: Literal["harness"] = "harness"
    task: TaskName
    items: str | None = None


class AnswerItems(Message):
    """Questions to be answered in words, from a data set of the hub or of a mirror; the answer is found and compared.

    ``instruction`` is put behind every question, on a line of its own. With ``wrong`` columns the question becomes
    one with lettered choices, whose order is drawn once per document from ``seed``. ``answer_after`` is what the answer
    stands behind in its column (GSM8K's four number signs). ``items`` is a list in ``items.json``, None: all.
    """

    form: Literal["answer"] = "answer"
    dataset: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*/[A-Za-z0-9][A-Za-z0-9._-]*$")
    config: str | None = Field(default=None, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")
    split: str = Field(pattern=r"^[a-z_]{1,32}$")
    question: str = Field(min_length=1, max_length=64)
    answer: str = Field(min_length=1, max_length=64)
    answer_after: str | None = None
    wrong: tuple[str, ...] = ()
    seed: int = 0
    instruction: str = Field(default="", max_length=500)
    kind: Literal["math", "letter"] = "math"
    items: str | None = None


class FinetuneItems(Message):
    """Texts with labels that a new head is trained on, and others that it is measured on.

    Rows come from a carried file, whose column ``split`` says ``train`` or ``eval``, or from a data set of the hub.
    ``labels`` names the classes in the order of their numbers; None means that the label is a number to predict.
    """

    form: Literal["finetune"] = "finetune"
    rows: RowsFile | None = None
    dataset: str | None = None
    config: str | None = None
    train_split: str = "train"
    eval_split: str = "validation"
    text: str
    pair: str | None = None
    label: str
    labels: tuple[str, ...] | None = None

    @model_validator(mode="after")
    def _one_source(self) -> FinetuneItems:
        if (self.rows is None) == (self.dataset is None):
            raise ValueError("rows come from a file or from a data set")
        return self


class Grid(Message):
    """How a head is trained: every learning rate with every seed, the best rate taken by its mean over seeds.

    Both models of a pair go through the same grid. The rate is chosen on the very examples that are reported,
    as the papers on GLUE's dev sets do.
    """

    learning_rates: tuple[float, ...] = Field(min_length=1, max_length=8)
    seeds: tuple[int, ...] = Field(min_length=1, max_length=16)
    epochs: int = Field(ge=1, le=100)
    batch_size: int = Field(ge=1, le=256)
    max_length: int = Field(ge=8, le=512)
    warmup: float = Field(default=0.1, ge=0, lt=1)
    """Share of the steps in which the learning rate rises; then it falls to zero in a straight line."""
    weight_decay: float = Field(default=0.01, ge=0)


class Sampling(Message):
    """How answers are drawn, where one greedy answer would not do."""

    draws: int = Field(ge=1, le=1024)
    temperature: float = Field(ge=0, le=2)
    top_p: float = Field(gt=0, le=1)
    max_tokens: int = Field(ge=1, le=131_072)
    most_truncated: float = Field(default=0.05, ge=0, le=1)
    """A larger share of answers cut at ``max_tokens`` makes the score undefined."""


class SuiteTask(Message):
    """One task of a suite and how it counts."""

    name: TaskName
    title: str = Field(min_length=1, max_length=120)
    capability: Capability
    groups: tuple[TaskName, ...] = ()
    """Group rows that it belongs to, outermost first."""
    weight: float = Field(default=1.0, gt=0)
    """Its share within its capability."""
    source: Annotated[
        ChoiceItems | TextItems | HarnessItems | AnswerItems | FinetuneItems, Field(discriminator="form")
    ]
    num_fewshot: int = Field(default=0, ge=0, le=64)
    metric: str
    filter: str = "none"
    chance: float | None = Field(default=None, ge=0, le=1)
    """Expected score of guessing; None: as the choices of each document say, or not defined."""
    items: int | None = Field(default=None, ge=1)
    """How many documents it has. Another number at run time means other data, and is refused. None: not stated, all."""
    sampling: Sampling | None = None


class CapabilityWeight(Message):
    """How much a capability counts in the overall mean."""

    name: Capability
    weight: float = Field(default=1.0, gt=0)


class Macro(Message):
    """One score over all tasks as a paper forms it, though its metrics do not mix: for claims made in it."""

    statement: str = Field(min_length=1, max_length=500)
    source: str = Field(min_length=1, max_length=200)


class Estimate(Message):
    """What the suite asks of a model, counted once with a common tokenizer: for predictions, not for billing."""

    requests: int = Field(ge=1)
    tokens: int = Field(ge=1)
    """Tokens that the harness's own loop runs through the model."""
    generated_tokens: int = Field(default=0, ge=0)
    longest_tokens: int = Field(ge=1)
    """The longest sequence."""


class Suite(Message):
    """A version of a suite."""

    name: TaskName
    version: str = Field(pattern=r"^[0-9]+$")
    title: str = Field(min_length=1, max_length=120)
    description: str = Field(min_length=1, max_length=2000)
    protocol: Literal["harness", "finetune"] = "harness"
    grid: Grid | None = None
    """For the protocol ``finetune``."""
    capabilities: tuple[CapabilityWeight, ...] = Field(min_length=1)
    tasks: tuple[SuiteTask, ...] = Field(min_length=1, max_length=200)
    apply_chat_template: bool = False
    macro: Macro | None = None
    ranked: bool = True
    """Whether complete results may be ranked."""
    estimate: Estimate
    license: str = Field(min_length=1, max_length=400)
    """Licenses of the data, with attribution."""

    @model_validator(mode="after")
    def _consistent(self) -> Suite:
        if (self.protocol == "finetune") != (self.grid is not None):
            raise ValueError("a grid belongs to the protocol 'finetune' and to no other")
        if any((task.source.form == "finetune") != (self.protocol == "finetune") for task in self.tasks):
            raise ValueError("tasks to train on belong to the protocol 'finetune' and to no other")
        names = [task.name for task in self.tasks]
        if len(set(names)) != len(names):
            raise ValueError("two tasks of a suite have the same name")
        used = {task.capability for task in self.tasks}
        if used != {capability.name for capability in self.capabilities}:
            raise ValueError("a suite names exactly the capabilities that its tasks have")
        return self

    def task(self, name: str) -> SuiteTask:
        """A task by name. Raises KeyError."""
        for task in self.tasks:
            if task.name == name:
                return task
        raise KeyError(name)

    @property
    def task_names(self) -> tuple[str, ...]:
        """The tasks in order: what a spec of this suite lists."""
        return tuple(task.name for task in self.tasks)
