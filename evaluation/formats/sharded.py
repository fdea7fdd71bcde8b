"""The index of weights that lie in several files: plain names of files that are there, and nothing else."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from evaluation.formats.bounded_json import parse_object
from evaluation.formats.errors import FormatError, shown
from evaluation.formats.names import check_file_name
from evaluation.formats.safetensors import MAX_TENSORS, TENSOR_NAME

CODE = "bad_index"
MAX_BYTES = 16 << 20
MAX_SHARDS = 200


@dataclass(frozen=True, slots=True)
class Index:
    """Which file holds which tensor."""

    weight_map: dict[str, str]

    @property
    def shards(self) -> tuple[str, ...]:
        """The files, in order of their names."""
        return tuple(sorted(set(self.weight_map.values())))


def read_index(data: bytes, files: Collection[str]) -> Index:
    """Parses ``model.safetensors.index.json``; ``files`` are the names that the model has.

    Raises FormatError (``bad_index``, ``file_too_large``): a path instead of a name is how a library is led astray.
    """
    document = parse_object(
        data, name="The weights' index", max_bytes=MAX_BYTES, max_depth=4, max_values=2 * MAX_TENSORS
    )
    weight_map = document.get("weight_map")
    if not isinstance(weight_map, dict) or not 0 < len(weight_map) <= MAX_TENSORS:
        raise _bad(f"must name 1 to {MAX_TENSORS} tensors")
    made: dict[str, str] = {}
    for tensor, file in weight_map.items():
        if not TENSOR_NAME.match(tensor) or ".." in tensor:
            raise _bad(f"names the tensor {shown(tensor)}")
        if not isinstance(file, str) or not _is_plain(file):
            raise _bad(f"names the file {shown(file)}, which is not a plain name")
        if file not in files:
            raise _bad(f"names the file {shown(file)}, which the model does not have")
        made[tensor] = file
    index = Index(made)
    if len(index.shards) > MAX_SHARDS:
        raise _bad(f"names {len(index.shards)} files and may name {MAX_SHARDS}")
    return index


def _is_plain(file: str) -> bool:
    try:
        return check_file_name(file).endswith(".safetensors")
    except FormatError:
        return False


def _bad(reason: str) -> FormatError:
    return FormatError(
        CODE,
        f"The weights' index {reason}.",
        "Save the model again with save_pretrained and upload all shards.",
    )
