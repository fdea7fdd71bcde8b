"""From a source to a checked, read-only folder: resolve, choose, fetch, check, keep. The order is the safety.

Nothing is fetched before names and sizes are acceptable, and no library sees the folder before our own parsers have.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from evaluation.contract import Failure, Fault, ModelSource, Progress, Stage, WeightsFormat, canonical_json
from evaluation.formats import folder as model_folder
from evaluation.formats.errors import FormatError
from evaluation.formats.files import Chosen, Listed, Selection, select
from evaluation.formats.intake import IntakeFacts, IntakeReport, IntakeSpec
from evaluation.formats.manifest import Manifest, ManifestFile
from evaluation.formats.names import check_model_id, is_commit
from evaluation.intake import hub, local, probes
from evaluation.intake.network import Client, Unreachable
from evaluation.intake.store import Store, key_of

HUB = "hub"
"""One place, whatever its address: a commit names its content."""


class Refused(Exception):
    """A failure that is not the files': no room, no network."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


@dataclass(slots=True)
class Meter:
    """Counts bytes and says so, at most every half second."""

    tell: Callable[[Progress], None]
    clock: Callable[[], float] = time.monotonic
    done: int = 0
    total: int = 0
    file: str = ""
    _told: float = float("-inf")

    def begin(self, file: str) -> None:
        """The next file."""
        self.file = file
        self._told = float("-inf")
        self.advance(0)

    def advance(self, count: int) -> None:
        """So many bytes more."""
        self.done = max(self.done + count, 0)
        now = self.clock()
        if now - self._told >= 0.5:
            self._told = now
            self.tell(Progress(stage=Stage.FETCHING, done=self.done, total=self.total, message=self.file))


class Staged(NamedTuple):
    """Files in a folder, as they were published."""

    folder: Path
    selection: Selection
    taken: Mapping[str, local.Taken]
    commit: str | None
    """Of the hub; None for a local folder, whose revision is its digest."""


class Checked(NamedTuple):
    """What was found in a folder that passed, and what is stored otherwise than it was published."""

    facts: model_folder.Facts
    notes: tuple[str, ...]
    stored: Mapping[str, bytes]


def take_in(
    spec: IntakeSpec, *, endpoint: str, token: str | None, tell: Callable[[Progress], None]
) -> IntakeReport:
    """Lets a model in. Never raises for what is wrong with the model or the hub: that is the report's failure."""
    began = time.monotonic()
    try:
        report = _take_in(spec, endpoint, token, Meter(tell))
    except FormatError as error:
        report = IntakeReport(source=spec.source, failure=error.failure)
    except Refused as error:
        report = IntakeReport(source=spec.source, failure=error.failure)
    except Unreachable as error:
        report = IntakeReport(source=spec.source, failure=_platform("hub_unreachable", f"The hub: {error}."))
    except OSError as error:
        message = f"The model could not be stored: {error.strerror or type(error).__name__}."
        report = IntakeReport(source=spec.source, failure=_platform("intake_io", message))
    return report.model_copy(update={"seconds": time.monotonic() - began})


def _take_in(spec: IntakeSpec, endpoint: str, token: str | None, meter: Meter) -> IntakeReport:
    source = spec.source
    check_model_id(source.name)
    store = Store(Path(spec.cache_dir).resolve())
    if source.digest is not None and (found := store.find(source.digest)) is not None:
        return found
    directory = local.find(source, spec.models_dir)
    if directory is not None:
        return _from_folder(spec, directory, store, meter)
    return _from_hub(spec, store, endpoint, token, meter)


def _from_folder(spec: IntakeSpec, directory: Path, store: Store, meter: Meter) -> IntakeReport:
    selection = _select(model_folder.list_folder(directory), spec)
    meter.total = selection.total_bytes
    if spec.in_place:
        taken = {name: local.read(directory, name, meter) for name in selection.names}
        staged = Staged(directory, selection, taken, None)
        checked = _check(spec, staged)
        if not checked.stored:
            report = _report(spec, staged, checked)
            source = report.source.model_copy(update={"directory": str(directory)})
            return report.model_copy(update={"source": source})
        meter.done = 0
    _need_room(store, selection.total_bytes)
    key = key_of(spec.source, str(directory))
    with store.locked(key) as staging:
        local.empty(staging)
        taken = {name: local.copy(directory, staging, name, meter) for name in selection.names}
        return _finish(spec, Staged(staging, selection, taken, None), store, key)


def _from_hub(spec: IntakeSpec, store: Store, endpoint: str, token: str | None, meter: Meter) -> IntakeReport:
    if is_commit(spec.source.revision) and (known := store.known(key_of(spec.source, HUB))) is not None:
        return _same_digest(spec, known)
    if spec.offline:
        message = f"{spec.source.name} is not in the mirror, and this worker may not ask the hub."
        raise Refused(_platform("hub_offline", message))
    with Client(endpoint, token=token) as client:
        model = hub.resolve(client, spec.source.name, spec.source.revision)
        key = key_of(spec.source.model_copy(update={"revision": model.commit}), HUB)
        if (known := store.known(key)) is not None:
            return _same_digest(spec, known)
        selection = _select([file.listed for file in model.files], spec)
        if any(chosen.file.size is None for chosen in selection.files):
            raise FormatError("hub_answer", f"The hub does not say how large the files of {model.name} are.")
        meter.total = selection.total_bytes
        _need_room(store, selection.total_bytes)
        with store.locked(key) as staging:
            taken = {c.file.name: _fetched(client, model, c, staging, meter) for c in selection.files}
            return _finish(spec, Staged(staging, selection, taken, model.commit), store, key)


def _fetched(client: Client, model: hub.HubModel, chosen: Chosen, staging: Path, meter: Meter) -> local.Taken:
    """A file fetched now, or whole from an earlier try."""
    name = chosen.file.name
    meter.begin(name)
    if (staging / name).is_symlink() or (staging / name).exists():
        if chosen.file.sha256 is not None:
            taken = local.read(staging, name, meter)
            if taken.sha256 == chosen.file.sha256:
                return taken
            meter.advance(-taken.size)
        (staging / name).unlink()
    digest = hub.fetch(client, model, chosen, staging, advance=meter.advance)
    return local.Taken(digest, os.lstat(staging / name).st_size)


def _finish(spec: IntakeSpec, staged: Staged, store: Store, key: str) -> IntakeReport:
    """Checks the staged folder and keeps it; a refused one is removed."""
    try:
        checked = _check(spec, staged)
        report = _report(spec, staged, checked)
    except FormatError:
        local.empty(staged.folder)
        raise
    for name, content in checked.stored.items():
        local.replace(staged.folder / name, content)
    local.keep_only(staged.folder, set(staged.taken))
    assert report.source.digest is not None
    return store.keep(staged.folder, report.source.digest, key, report)


def _check(spec: IntakeSpec, staged: Staged) -> Checked:
    """Looks into every file. Raises FormatError with the first thing that is not acceptable."""
    facts = model_folder.inspect(staged.folder, staged.selection)
    notes = list(facts.notes)
    if spec.probe:
        tried = (probes.check_templates(facts.templates), probes.check_tokenizer(staged.folder))
        notes += [note for note in tried if note is not None]
    stored: dict[str, bytes] = {}
    if facts.config is not None and facts.config.changed:
        stored["config.json"] = canonical_json(facts.config.document)
    return Checked(facts, tuple(notes), stored)


def _report(spec: IntakeSpec, staged: Staged, checked: Checked) -> IntakeReport:
    """What is said of a folder that passed. Raises FormatError when it is not the one that was asked for."""
    kinds = model_folder.kinds_of(staged.selection)
    files = tuple(
        ManifestFile(
            name=name,
            kind=kinds[name],
            size=taken.size,
            sha256=taken.sha256,
            stored_sha256=hashlib.sha256(checked.stored[name]).hexdigest()
            if name in checked.stored
            else None,
        )
        for name, taken in sorted(staged.taken.items())
    )
    manifest = Manifest(files=files)
    report = IntakeReport(
        source=_source(spec.source, staged, manifest),
        manifest=manifest,
        facts=_facts(checked.facts, manifest),
        notes=checked.notes,
    )
    return _same_digest(spec, report)


def _source(source: ModelSource, staged: Staged, manifest: Manifest) -> ModelSource:
    gguf = staged.selection.weights_format is WeightsFormat.GGUF
    known = {
        "revision": staged.commit or manifest.digest,
        "digest": manifest.digest,
        "weights_format": staged.selection.weights_format,
        "gguf_file": staged.selection.weights[0] if gguf else None,
        "directory": None,
    }
    return source.model_copy(update=known)


def _facts(facts: model_folder.Facts, manifest: Manifest) -> IntakeFacts:
    card = facts.card
    return IntakeFacts(
        architecture=facts.architecture,
        model_type=facts.model_type,
        parameters=facts.parameters,
        elements_by_dtype=dict(facts.elements_by_dtype),
        weights_bytes=manifest.weights_bytes,
        layers=facts.layers,
        hidden_size=facts.hidden_size,
        vocabulary=facts.vocabulary,
        context_length=facts.context_length,
        quantization=facts.quantization,
        tokenizer_digest=facts.tokenizer_digest,
        has_chat_template=bool(facts.templates),
        license=card.first("license") if card is not None else None,
        base_models=card.texts("base_model")[:20] if card is not None else (),
    )


def _same_digest(spec: IntakeSpec, report: IntakeReport) -> IntakeReport:
    """The report, if its digest is the one asked for. Raises FormatError (``digest_mismatch``)."""
    wanted, found = spec.source.digest, report.source.digest
    if wanted is not None and wanted != found:
        raise FormatError(
            "digest_mismatch",
            f"{spec.source.name} has the digest {found} and not the one that was submitted ({wanted}).",
            "The files have changed since. Submit the model again.",
        )
    return report


def _select(listed: Sequence[Listed], spec: IntakeSpec) -> Selection:
    wanted = spec.source
    # A source says safetensors unless somebody said otherwise, so only GGUF is a wish.
    chosen = WeightsFormat.GGUF if wanted.weights_format is WeightsFormat.GGUF else None
    return select(listed, weights_format=chosen, gguf_file=wanted.gguf_file, max_total=spec.max_bytes)


def _need_room(store: Store, count: int) -> None:
    if not store.has_room_for(count) and not store.make_room_for(count, now=time.time()):
        message = f"The worker has no room for {count} bytes of model."
        raise Refused(_platform("disk_full", message))


def _platform(code: str, message: str) -> Failure:
    remedy = "It is tried again on its own; if this repeats, an operator should look at the worker."
    return Failure(code=code, fault=Fault.PLATFORM, message=message, remedy=remedy)
