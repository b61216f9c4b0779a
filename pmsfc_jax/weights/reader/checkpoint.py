"""Read a checkpoint of any published codebase without torch, and without running any of it.

A torch checkpoint or a pickle is a program: `torch.load` and `pickle.load` import and call what it
names. This reader executes nothing. It takes apart the zip and the older container of `torch.save`,
plain pickles with numpy arrays or torch tensors, numpy's ``.npz``, and safetensors; rebuilds arrays
as bounds-checked views of the one buffer that the file was read into; and keeps every object of a
foreign class as an inert `Record`.
"""

import hashlib
import os
import re
import stat
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.weights.reader.archive import Archive
from pmsfc_jax.weights.reader.budget import Budget
from pmsfc_jax.weights.reader.damage import Damage, Unsuitable
from pmsfc_jax.weights.reader.hdf5 import MAGIC, read_hdf5
from pmsfc_jax.weights.reader.mistaken import (
    DISTRIBUTED,
    DISTRIBUTED_NAMES,
    folder_kind,
    other_kind,
)
from pmsfc_jax.weights.reader.npz import is_npz, read_npz
from pmsfc_jax.weights.reader.pickle.file import read_pickle
from pmsfc_jax.weights.reader.safetensors import is_safetensors, read_safetensors
from pmsfc_jax.weights.reader.torch.legacy import MAGIC_BYTES, read_torch_legacy
from pmsfc_jax.weights.reader.torch.zip import read_torch_zip

_CHUNK = 1 << 20
_HEAD = 512
# A pickle of protocol 2 or later says so; an older one begins with a container or a name.
_PICKLE = re.compile(rb"\x80[\x02-\x05]|[\]}][q(.p]|\([^\s\d]|c[\w.]+\n[\w.]+\n")


class Checkpoint(NamedTuple):
    """What a checkpoint file holds.

    Attributes:
        tree: The nested dicts, lists and tuples that were saved. Leaves are read-only numpy arrays
            and scalars (bfloat16 widened to float32), Python numbers, text, bytes (a `memoryview`
            where they are long), sets, and a `Record` for each object of another class.
        container: ``"torch zip"``, ``"torch legacy"``, ``"pickle"``, ``"numpy npz"``,
            ``"safetensors"`` or ``"hdf5"``.
        sha256: Of the whole file, in hexadecimal.
        size: Of the file, in bytes.
        source: Name of the file, without its folder.
        notes: Text that the file carries beside its tensors (safetensors' ``__metadata__``).
        trailing: Bytes behind the end of what was read, which were passed over.

    """

    tree: Any
    container: str
    sha256: str
    size: int
    source: str
    notes: dict[str, str]
    trailing: int


class Contents(NamedTuple):
    """What the bytes of a checkpoint hold; the attributes are those of `Checkpoint`."""

    tree: Any
    container: str
    notes: dict[str, str]
    trailing: int


def read_checkpoint(path: str | os.PathLike[str]) -> Checkpoint:
    """Read a checkpoint file without torch and without executing anything in it.

    Arrays are views of one copy of the file in memory, which lives as long as any of them does.
    The older torch container has no checksums: compare `Checkpoint.sha256` with a published one.

    Args:
        path: File of `torch.save` (either container; a state dict, dicts around it, or a whole
            pickled module), pickle of a TensorFlow or NVlabs network, uncompressed ``.npz``, or
            safetensors file.

    Returns:
        Its contents, the kind of its container, and its fingerprint.

    Raises:
        InputError: The file cannot be opened, is of another kind, is damaged, or asks for something
            that has no place in a checkpoint.

    """
    name = os.fsdecode(path)
    try:
        data, sha256 = _load(name)
    except MemoryError as error:
        raise InputError(f"{name}: is larger than the memory of this machine") from error
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise InputError(f"{name}: cannot be read ({reason}); give a checkpoint file") from error
    except ValueError as error:
        raise InputError(f"{name!r}: is not a path; give a checkpoint file") from error
    except Damage as error:
        raise _input_error(name, error) from error
    tree, container, notes, trailing = parse(data, name)
    return Checkpoint(tree, container, sha256, len(data), Path(name).name, notes, trailing)


def parse(data: memoryview, name: str) -> Contents:
    """Take apart the bytes of a checkpoint.

    Args:
        data: All bytes of the file, read-only.
        name: How messages call the file.

    Raises:
        InputError: As `read_checkpoint`.

    """
    budget = Budget(len(data))
    head = bytes(data[:_HEAD])
    notes: dict[str, str] = {}
    try:
        container = _container(head, len(data))
        if container == "safetensors":
            tree, notes, end = read_safetensors(data, budget)
        elif container == "hdf5":
            tree, end = read_hdf5(data, budget), len(data)
        elif container == "torch zip":
            archive = Archive(data, budget)
            end = len(data) - archive.trailing
            if is_npz(archive):
                container, tree = "numpy npz", read_npz(archive, budget)
            else:
                tree = read_torch_zip(archive, budget)
        elif container == "torch legacy":
            tree, end = read_torch_legacy(data, budget)
        else:
            tree, end = read_pickle(data, budget)
    except Damage as error:
        raise _input_error(name, error) from error
    return Contents(tree, container, notes, len(data) - end)


def _load(name: str) -> tuple[memoryview, str]:
    """Read a regular file into memory and hash it on the way."""
    facts = os.stat(name)
    if stat.S_ISDIR(facts.st_mode):
        raise Unsuitable(folder_kind(os.listdir(name)))
    if not stat.S_ISREG(facts.st_mode):
        raise Unsuitable("is not a regular file; give a checkpoint file")
    if name.endswith(DISTRIBUTED_NAMES):
        raise Unsuitable(DISTRIBUTED)
    with open(name, "rb", buffering=0) as file:
        _container(file.read(_HEAD), facts.st_size)  # nothing large is read for nothing
        file.seek(0)
        buffer = np.empty(facts.st_size, np.uint8)
        view, digest, at = memoryview(buffer), hashlib.sha256(), 0
        while count := file.readinto(view[at : at + _CHUNK]):
            digest.update(view[at : at + count])
            at += count
        if at != facts.st_size or file.read(1):
            raise Unsuitable("changed while it was read; wait until it is written")
    return view.toreadonly(), digest.hexdigest()


def _container(head: bytes, size: int) -> str:
    if is_safetensors(head, size):
        return "safetensors"
    if head.startswith(MAGIC):
        return "hdf5"
    if head.startswith(b"PK\x03\x04"):
        return "torch zip"
    if MAGIC_BYTES in head[:32]:
        return "torch legacy"
    if _PICKLE.match(head):
        return "pickle"
    raise Unsuitable(other_kind(head, size))


def _input_error(name: str, error: Damage) -> InputError:
    advice = f"; {error.advice}" if error.advice else ""
    return InputError(f"{name}: {error}{advice}")
