"""Read the zip container of `torch.save` (version 1.6 and later)."""

from typing import Any

from pmsfc_jax.weights.reader.archive import Archive
from pmsfc_jax.weights.reader.budget import Budget
from pmsfc_jax.weights.reader.damage import Damage, Unsuitable
from pmsfc_jax.weights.reader.pickle.numpy_calls import numpy_calls
from pmsfc_jax.weights.reader.pickle.plain_calls import plain_calls
from pmsfc_jax.weights.reader.pickle.unpickle import unpickle
from pmsfc_jax.weights.reader.quoting import show
from pmsfc_jax.weights.reader.torch.calls import tensor_calls
from pmsfc_jax.weights.reader.torch.storage import Storage, parse_storage_id

CUT_SHORT = (
    "is a torch file whose writing was cut short (the disk was full, or the program was stopped); "
    "take another checkpoint of the run"
)
_EXPORTED = {
    "archive_format",
    "serialized_exported_program.json",
    "serialized_state_dict.json",
    "serialized_state_dict.pt",
}


def read_torch_zip(archive: Archive, budget: Budget) -> Any:
    """Return the tree that was saved.

    The archive has one folder with `data.pkl`, whose storages are the entries `data/KEY`.
    """
    folder = _folder(archive)
    byte_order = b"little"
    if f"{folder}/byteorder" in archive.entries:
        byte_order = bytes(archive.read(f"{folder}/byteorder")[:16])
    if byte_order not in (b"little", b"big"):
        raise Damage(f"has the unknown byte order {show(byte_order)}")
    found: dict[str, memoryview] = {}

    def load_storage(identity: Any) -> Storage:
        key, storage, part = parse_storage_id(identity)
        if part is not None:
            raise Damage("describes part of a storage, which only older files do")
        if key not in found:
            if f"{folder}/data/{key}" not in archive.entries:
                raise Unsuitable(f"{CUT_SHORT}: it lacks its entry {show(f'{folder}/data/{key}')}")
            found[key] = archive.read(f"{folder}/data/{key}")
        needed = storage.count * storage.item_size
        if storage.element_type is not None and len(found[key]) != needed:
            raise Damage(f"has {len(found[key])} bytes in storage {show(key)}, not {needed}")
        storage.raw, storage.big_endian = found[key], byte_order == b"big"
        return storage

    calls = plain_calls(budget) | numpy_calls(budget) | tensor_calls(budget)
    pickled = archive.read(f"{folder}/data.pkl")
    tree, end = unpickle(pickled, 0, budget, calls, load_storage)
    if end != len(pickled):
        raise Damage(f"has {len(pickled) - end} bytes after the end of its pickle")
    return tree


def _folder(archive: Archive) -> str:
    names = [name.partition("/") for name in archive.entries]
    inner = {rest for _, _, rest in names}
    if "constants.pkl" in inner or any(rest.startswith("code/") for rest in inner):
        raise Unsuitable(
            "is a TorchScript program (torch.jit.save), not weights alone; with torch, save "
            "torch.jit.load(FILE).state_dict() by torch.save"
        )
    if not _EXPORTED.isdisjoint(inner | {first for first, _, _ in names}):
        raise Unsuitable(
            "is a program of torch.export, not weights alone; with torch, save "
            "torch.export.load(FILE).state_dict by torch.save"
        )
    folders = [first for first, _, rest in names if rest == "data.pkl"]
    if len(folders) == 1:
        return folders[0]
    if not folders and "version" in inner:
        raise Unsuitable(f"{CUT_SHORT}: it has a version and no data.pkl")
    listed = ", ".join(show(name) for name in list(archive.entries)[:3]) or "nothing"
    raise Unsuitable(
        f"is a zip archive without one data.pkl (it holds {listed}); "
        "expected a file of torch.save: if the checkpoint was zipped, unpack it first"
    )
