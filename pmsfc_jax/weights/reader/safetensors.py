"""Read safetensors: a length (8 bytes), a JSON table, and the tensors' bytes side by side."""

import json
import math
from typing import Any

from pmsfc_jax.weights.reader.arrays import checked_shape, is_size
from pmsfc_jax.weights.reader.budget import Budget
from pmsfc_jax.weights.reader.damage import Damage
from pmsfc_jax.weights.reader.quoting import show, show_shape
from pmsfc_jax.weights.reader.torch.storage import Storage, tensor_view

_TYPES = {
    "F64": "float64",
    "F32": "float32",
    "F16": "float16",
    "BF16": "bfloat16",
    "I64": "int64",
    "I32": "int32",
    "I16": "int16",
    "I8": "int8",
    "U64": "uint64",
    "U32": "uint32",
    "U16": "uint16",
    "U8": "uint8",
    "BOOL": "bool",
    "C64": "complex64",
}
_MAX_TYPE = 32
# Python objects that a byte of JSON can turn into: "[]," makes a list of 56 bytes and its place.
_JSON_FACTOR = 32


def is_safetensors(head: bytes, size: int) -> bool:
    """Tell from the first 9 bytes and the size of a file whether it is a safetensors file."""
    length = int.from_bytes(head[:8], "little")
    return len(head) >= 9 and head[8:9] == b"{" and length <= size - 8


def read_safetensors(
    data: memoryview, budget: Budget
) -> tuple[dict[str, Any], dict[str, str], int]:
    """Return the tensors by name, the file's own notes (``__metadata__``), and where it ends.

    A tensor of a type that numpy lacks (float8, say) becomes a `Record`.
    """
    body_at = 8 + int.from_bytes(data[:8], "little")
    budget.spend(_JSON_FACTOR * (body_at - 8))
    table = _table(bytes(data[8:body_at]))
    notes = table.pop("__metadata__", {})
    if type(notes) is not dict or not all(type(text) is str for text in notes.values()):
        raise Damage("has notes (__metadata__) that are not text")
    body = data[body_at:]
    spans: list[tuple[int, int]] = []
    tensors = {name: _tensor(name, said, body, spans, budget) for name, said in table.items()}
    end = 0
    for span in sorted(spans):
        if span[0] != end:
            raise Damage("has tensors that overlap or leave a gap between them")
        end = span[1]
    return tensors, notes, body_at + end


def _table(raw: bytes) -> dict[str, Any]:
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(pairs)
        if len(made) != len(pairs):
            raise Damage("lists a tensor twice")
        return made

    try:
        table = json.loads(raw.decode("utf-8"), object_pairs_hook=unique)
    except (ValueError, RecursionError) as error:
        raise Damage("has a table of contents that is not JSON") from error
    if type(table) is not dict:
        raise Damage("has a table of contents that is not a JSON object")
    return table


def _tensor(
    name: str, said: Any, body: memoryview, spans: list[tuple[int, int]], budget: Budget
) -> Any:
    if type(said) is not dict or said.keys() != {"dtype", "shape", "data_offsets"}:
        raise Damage(f"describes tensor {show(name)} without dtype, shape and data_offsets")
    dtype, offsets = said["dtype"], said["data_offsets"]
    if type(dtype) is not str or len(dtype) > _MAX_TYPE:
        raise Damage(f"has tensor {show(name)} of the improper type {show(dtype)}")
    if type(offsets) is not list or len(offsets) != 2 or not all(map(is_size, offsets)):
        raise Damage(f"has improper offsets for tensor {show(name)}")
    start, end = offsets
    shape = checked_shape(said["shape"])
    count = math.prod(shape)
    storage = Storage(f"safetensors.{dtype}", element_type=_TYPES.get(dtype), count=count)
    fits = storage.element_type is None or end - start == count * storage.item_size
    if not start <= end <= len(body) or not fits:
        raise Damage(
            f"has tensor {show(name)} of shape {show_shape(shape)} and type {dtype} in bytes "
            f"{start} to {end} of {len(body)}, which do not fit"
        )
    spans.append((start, end))
    storage.raw = body[start:end]
    strides = [math.prod(shape[axis + 1 :]) for axis in range(len(shape))]
    return tensor_view(storage, 0, shape, strides, budget)
