"""numpy's archives, and what such a file may not do."""

import io
import struct
import zipfile

import numpy as np
import pytest

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.weights.reader.checkpoint import read_checkpoint
from pmsfc_jax.weights.reader.records import Record

ARRAYS = {
    "a.weight": np.arange(24, dtype=np.float32).reshape(2, 3, 4),
    "columns": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    "swapped": np.arange(3, dtype=">i4"),
    "scalar": np.float16(0.5),
    "empty": np.zeros((0, 3)),
    "flags": np.array([True, False]),
}


def entry(array):
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, array, allow_pickle=True)
    return buffer.getvalue()


def archive(path, entries):
    with zipfile.ZipFile(path, "w") as file:
        for name, content in entries.items():
            file.writestr(name, content)
    return path


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_arrays_come_back(tmp_path, save):
    save(tmp_path / "x.npz", **ARRAYS)
    checkpoint = read_checkpoint(tmp_path / "x.npz")
    assert checkpoint.container == "numpy npz"
    assert list(checkpoint.tree) == list(ARRAYS)
    for name, array in ARRAYS.items():
        got = checkpoint.tree[name]
        np.testing.assert_array_equal(got, array)
        assert got.dtype == array.dtype.newbyteorder("=")
        assert got.dtype.isnative
        assert not got.flags.writeable


class Bomb:
    def __reduce__(self):
        return (pytest.fail, ("the pickle was run",))


def header(shape, descr="<f4"):
    text = repr({"descr": descr, "fortran_order": False, "shape": shape}).encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is no array"),
        (b"\x93NUMPY\x09\x00", "is no array"),
        (header((3,))[:-9], "no proper header"),
        (header((4,)) + bytes(15), "15 bytes"),
        (header((4,)) + bytes(17), "17 bytes"),
        (header((-1,)), "no proper header"),
        (header((4,), "<f3") + bytes(12), "no proper header"),
        (header((int("1" * 4000),)), "no proper header"),  # in no time
        (header((2**60,)), "sizes"),
        (header((2**60, 0)), "sizes"),
        (header((1,) * 40) + bytes(4), "sizes"),
        (header((True,)) + bytes(4), "no proper header"),
        (header((2,), "|b1") + b"\x01\x02", "booleans"),
        (b"\x93NUMPY\x01\x00" + struct.pack("<H", 60000) + b" " * 60000, "no proper header"),
        (b"\x93NUMPY\x01\x00" + struct.pack("<H", 8000) + b"(" * 8000, "no proper header"),
    ],
)
def test_what_is_no_array_of_numbers(tmp_path, content, message):
    path = archive(tmp_path / "x.npz", {"a.npy": content})
    with pytest.raises(InputError, match=message) as caught:
        read_checkpoint(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "array",
    [
        np.array([Bomb()], object),
        np.array(["text"]),
        np.array([b"text"]),
        np.zeros(2, [("x", "f4")]),
        np.array("2020-01-01", "M8[ns]"),
    ],
    ids=["objects", "text", "bytes", "structured", "time"],
)
def test_one_entry_of_another_kind_spoils_nothing(tmp_path, array):
    content = {"a.npy": entry(array), "b.npy": entry(np.ones(2))}
    tree = read_checkpoint(archive(tmp_path / "x.npz", content)).tree
    assert isinstance(tree["a"], Record)
    np.testing.assert_array_equal(tree["b"], np.ones(2))


def test_compressed_archives_unpack_to_what_they_say_and_no_more(tmp_path):
    path = tmp_path / "x.npz"
    np.savez_compressed(path, a=np.zeros(1 << 26))
    with pytest.raises(InputError, match="unpacks to more than"):
        read_checkpoint(path)
    np.savez_compressed(path, a=np.arange(1000.0))
    whole = bytearray(path.read_bytes())
    at = whole.rindex(b"PK\x01\x02") + 24
    size = int.from_bytes(whole[at : at + 4], "little")
    for wrong in (size - 1, size + 1):
        whole[at : at + 4] = wrong.to_bytes(4, "little")
        path.write_bytes(whole)
        with pytest.raises(InputError, match=r"in entry 'a\.npy', not"):
            read_checkpoint(path)
    whole[at : at + 4] = size.to_bytes(4, "little")
    whole[200] ^= 0x55
    path.write_bytes(whole)
    with pytest.raises(InputError, match="damaged"):
        read_checkpoint(path)


def test_cut_archives(tmp_path):
    path = tmp_path / "x.npz"
    np.savez(path, **ARRAYS)
    whole = path.read_bytes()
    for end in (len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:end])
        with pytest.raises(InputError, match="damaged"):
            read_checkpoint(path)
    at = whole.index(np.float32(5).tobytes())
    path.write_bytes(whole[:at] + b"\xff" + whole[at + 1 :])
    with pytest.raises(InputError, match="checksum"):
        read_checkpoint(path)
