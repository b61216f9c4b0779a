"""Write checkpoints by hand: an assembler of pickles, and the containers around them.

Neither torch nor Python's pickler is used, so that a file can also be what neither would write.
"""

import io
import json
import struct
import zipfile
from typing import Any, NamedTuple

import numpy as np

MAGIC = 0x1950A86A20F9469CFC6C
STORAGE_OF = {
    "float64": "DoubleStorage",
    "float32": "FloatStorage",
    "float16": "HalfStorage",
    "int64": "LongStorage",
    "int32": "IntStorage",
    "int16": "ShortStorage",
    "int8": "CharStorage",
    "uint8": "ByteStorage",
    "bool": "BoolStorage",
    "complex64": "ComplexFloatStorage",
}


class Name(NamedTuple):
    """A class or function."""

    module: str
    name: str


class Call(NamedTuple):
    """A call of something, with a state given to the result."""

    function: Any
    args: tuple = ()
    state: Any = None
    code: bytes = b"R"


class Stored(NamedTuple):
    """A persistent id."""

    identity: Any


class Raw(NamedTuple):
    """Opcodes as they are."""

    code: bytes


def assemble(value: Any) -> bytes:
    """Write opcodes that push a value (protocol 2, and 3's opcodes for bytes)."""
    kind = type(value)
    if kind is Raw:
        return value.code
    if kind is Name:
        return f"c{value.module}\n{value.name}\n".encode()
    if kind is Call:
        made = assemble(value.function) + assemble(value.args) + value.code
        return made if value.state is None else made + assemble(value.state) + b"b"
    if kind is Stored:
        return assemble(value.identity) + b"Q"
    if value is None:
        return b"N"
    if kind is bool:
        return b"\x88" if value else b"\x89"
    if kind is int:
        raw = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
        return b"\x8a" + bytes([len(raw)]) + raw
    if kind is float:
        return b"G" + struct.pack(">d", value)
    if kind is str:
        raw = value.encode()
        return b"X" + struct.pack("<I", len(raw)) + raw
    if kind is bytes:
        return b"B" + struct.pack("<I", len(value)) + value
    if kind is tuple:
        return b"(" + b"".join(map(assemble, value)) + b"t"
    if kind is list:
        return b"](" + b"".join(map(assemble, value)) + b"e"
    if kind is dict:
        return b"}(" + b"".join(assemble(x) for pair in value.items() for x in pair) + b"u"
    raise TypeError(kind)


def pickled(value: Any, protocol: int = 2) -> bytes:
    """Write a whole pickle."""
    return bytes([0x80, protocol]) + assemble(value) + b"."


ORDERED = Call(Name("collections", "OrderedDict"))


def storage(key: str, kind: str, count: Any, *rest: Any) -> Stored:
    return Stored(("storage", Name("torch", kind), key, "cpu", count, *rest))


def tensor(stored: Any, offset: Any, size: Any, stride: Any) -> Call:
    """Rebuild a tensor, as `torch.save` writes it since 0.4."""
    rebuild = Name("torch._utils", "_rebuild_tensor_v2")
    return Call(rebuild, (stored, offset, size, stride, False, ORDERED))


def whole(key: str, array: np.ndarray, *rest: Any) -> Call:
    """Rebuild an array that is the whole of its storage."""
    strides = tuple(step // array.itemsize for step in np.ascontiguousarray(array).strides)
    stored = storage(key, STORAGE_OF[array.dtype.name], array.size, *rest)
    return tensor(stored, 0, array.shape, strides[: array.ndim])


def zip_file(entries: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", compression) as archive:
        for name, raw in entries.items():
            archive.writestr(name, raw)
    return stream.getvalue()


def torch_zip(
    value: Any, storages: dict[str, bytes], *, pickle: bytes | None = None, **extra: bytes
) -> bytes:
    """Write a file of torch 1.6 or later around a value, or around a pickle as it is."""
    entries = {"archive/data.pkl": pickled(value) if pickle is None else pickle}
    entries |= {f"archive/data/{key}": raw for key, raw in storages.items()}
    entries |= {f"archive/{name}": raw for name, raw in extra.items()}
    return zip_file(entries | {"archive/version": b"3\n"})


def legacy_header() -> bytes:
    facts = {"protocol_version": 1001, "little_endian": True, "type_sizes": {"int": 4}}
    return pickled(MAGIC) + pickled(1001) + pickled(facts)


def torch_legacy(
    value: Any, storages: dict[str, tuple[int, bytes]], *, pickle: bytes | None = None
) -> bytes:
    """Write a file of torch before 1.6; storages are given by number of elements and bytes."""
    parts = [legacy_header(), pickled(value) if pickle is None else pickle]
    parts.append(pickled(list(storages)))
    parts += [struct.pack("<q", count) + raw for count, raw in storages.values()]
    return b"".join(parts)


def numpy_pickle(array: np.ndarray, core: str = "numpy.core") -> Call:
    """Rebuild a numpy array, as `pickle` writes it up to protocol 4."""
    code = array.dtype.str[1:]
    dtype = Call(Name("numpy", "dtype"), (code, False, True), (3, "<", None, None, None, -1, -1, 0))
    empty = (Name("numpy", "ndarray"), (0,), b"b")
    state = (1, array.shape, dtype, False, array.tobytes())
    return Call(Name(f"{core}.multiarray", "_reconstruct"), empty, state)


def safetensors(tensors: dict[str, tuple[str, list[int], bytes]], **table: Any) -> bytes:
    """Write a safetensors file: type, shape and bytes by name, and further table entries."""
    at = 0
    body = b""
    for name, (kind, shape, raw) in tensors.items():
        table[name] = {"dtype": kind, "shape": shape, "data_offsets": [at, at + len(raw)]}
        at += len(raw)
        body += raw
    head = json.dumps(table).encode()
    return struct.pack("<Q", len(head)) + head + body
