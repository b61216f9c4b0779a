"""Files cut short and files with flipped bits."""

import io
import os
import types
import zipfile

import numpy as np
import pytest

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.weights.reader import checkpoint as reader
from pmsfc_jax.weights.reader.checkpoint import parse, read_checkpoint
from tests.weights.guard import nothing_runs
from tests.weights.torch_files import (
    Call,
    Name,
    numpy_pickle,
    pickled,
    safetensors,
    storage,
    torch_legacy,
    torch_zip,
    whole,
    zip_file,
)

WEIGHT = np.arange(30, dtype=np.float32).reshape(5, 6)
VALUE = {"weight": whole("0", WEIGHT), "args": Call(Name("my", "Args"), (), {"a": 1}, b"\x81")}
INNER = torch_legacy(storage("1", "FloatStorage", 30), {"1": (30, WEIGHT.tobytes())})
FILES = {
    "zip": torch_zip(VALUE, {"0": WEIGHT.tobytes()}, byteorder=b"little"),
    "legacy": torch_legacy(VALUE, {"0": (30, WEIGHT.tobytes())}),
    "numpy": pickled({"weight": numpy_pickle(WEIGHT), "step": 7}, 4),
    "nested": pickled(Call(Name("torch.storage", "_load_from_bytes"), (INNER,)), 4),
    "safetensors": safetensors({"weight": ("F32", [5, 6], WEIGHT.tobytes())}),
}


def outcome(raw: bytes):
    """Return the tree, or the error, which must be one clear line."""
    try:
        with nothing_runs():
            return parse(memoryview(raw), "file.pth")[0]
    except InputError as error:
        message = str(error)
        assert message.startswith("file.pth: ")
        assert message.isprintable()
        return error


@pytest.mark.parametrize("kind", FILES)
def test_no_part_of_a_file_passes_for_the_whole(kind):
    raw = FILES[kind]
    assert not isinstance(outcome(raw), InputError)
    for end in range(len(raw)):
        assert isinstance(outcome(raw[:end]), InputError), end


@pytest.mark.parametrize("kind", FILES)
def test_bytes_behind_the_end_are_counted_and_no_damage(kind):
    """Padding of a transfer, a signature, or the file once more."""
    alone = parse(memoryview(FILES[kind]), "file.pth")
    assert alone.trailing == 0
    for more in (b"\x00", b".", bytes(70_000), b"PK\x05\x06" + bytes(40), FILES[kind]):
        found = parse(memoryview(FILES[kind] + more), "file.pth")
        assert found.trailing == len(more)
        assert repr(found.tree) == repr(alone.tree)


def test_bytes_behind_the_end_of_a_pickle_in_an_archive_are_noticed():
    raw = torch_zip(None, {}, pickle=pickled(1) + b".")
    assert "1 bytes after the end of its pickle" in str(outcome(raw))


@pytest.mark.parametrize("kind", FILES)
def test_any_flipped_bit_gives_a_tree_or_one_clear_line(kind):
    raw = bytearray(FILES[kind])
    for at in range(len(raw)):
        for bit in (0, 3, 5, 7):
            raw[at] ^= 1 << bit
            outcome(bytes(raw))
            raw[at] ^= 1 << bit


def test_a_zip_file_notices_every_flipped_bit_of_its_contents():
    raw = bytearray(FILES["zip"])
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        spans = [
            (info.header_offset + 30 + len(info.filename), info.file_size)
            for info in archive.infolist()
            if not info.filename.endswith("version")
        ]
    for start, size in spans:
        for at in range(start, start + size):
            raw[at] ^= 0x10
            assert "wrong checksum (CRC-32) in entry 'archive/" in str(outcome(bytes(raw)))
            raw[at] ^= 0x10


def test_a_storage_that_is_missing_is_named():
    assert "lacks its entry 'archive/data/0'" in str(outcome(torch_zip(VALUE, {})))
    assert "unknown byte order" in str(outcome(torch_zip(1, {}, byteorder=b"middle")))


def test_a_save_that_was_cut_short_is_called_so():
    for raw in (
        zip_file({"archive/version": b"3\n", "archive/byteorder": b"little"}),
        torch_zip(VALUE, {}),
    ):
        message = str(outcome(raw))
        assert "writing was cut short" in message
        assert "damaged" not in message
    assert "cut short" in str(outcome(FILES["zip"][:-30]))


def test_a_file_too_large_for_the_machine(tmp_path, monkeypatch):
    path = tmp_path / "file.pth"
    path.write_bytes(FILES["zip"])

    def full(*args):
        raise MemoryError

    monkeypatch.setattr(reader.np, "empty", full)
    with pytest.raises(InputError, match="larger than the memory"):
        read_checkpoint(path)


def test_a_file_that_grows_or_shrinks_while_it_is_read(tmp_path, monkeypatch):
    path = tmp_path / "file.pth"
    path.write_bytes(FILES["zip"])
    size = path.stat().st_size
    for wrong in (size - 1, size + 1):
        facts = os.stat_result((*path.stat()[:6], wrong, 0, 0, 0))
        fake = types.SimpleNamespace(fsdecode=os.fsdecode, stat=lambda name, facts=facts: facts)
        monkeypatch.setattr(reader, "os", fake)
        with pytest.raises(InputError, match="changed while it was read"):
            read_checkpoint(path)
