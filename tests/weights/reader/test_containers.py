"""Files written by hand, in every container and element type, without torch."""

import hashlib
import io
import pickle
import struct
import subprocess
import sys
import tarfile
import zipfile
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.weights.reader.checkpoint import parse, read_checkpoint
from pmsfc_jax.weights.reader.records import Record
from tests.weights.guard import nothing_runs
from tests.weights.torch_files import (
    ORDERED,
    STORAGE_OF,
    Call,
    Name,
    Raw,
    legacy_header,
    numpy_pickle,
    pickled,
    safetensors,
    storage,
    tensor,
    torch_legacy,
    torch_zip,
    whole,
    zip_file,
)


@pytest.fixture
def read(tmp_path):
    def read_bytes(raw: bytes, name: str = "file.pth"):
        path = tmp_path / name
        path.write_bytes(raw)
        return read_checkpoint(path)

    return read_bytes


def sample(dtype: str) -> np.ndarray:
    rng = np.random.default_rng(7)
    values = rng.integers(0, 2 if dtype == "bool" else 100, (3, 4))
    return values.astype(dtype) if dtype != "complex64" else (values + 2j * values).astype(dtype)


def container(kind: str, value, arrays: dict[str, np.ndarray]) -> bytes:
    if kind == "torch zip":
        return torch_zip(value, {key: array.tobytes() for key, array in arrays.items()})
    return torch_legacy(value, {key: (a.size, a.tobytes()) for key, a in arrays.items()})


@pytest.mark.parametrize("kind", ["torch zip", "torch legacy"])
def test_every_element_type_comes_back_bit_for_bit(read, kind):
    arrays = {str(i): sample(dtype) for i, dtype in enumerate(STORAGE_OF)}
    value = {array.dtype.name: whole(key, array) for key, array in arrays.items()}
    checkpoint = read(container(kind, value, arrays))
    assert checkpoint.container == kind
    for array in arrays.values():
        got = checkpoint.tree[array.dtype.name]
        assert got.dtype == array.dtype
        assert not got.flags.writeable
        np.testing.assert_array_equal(got, array)


@pytest.mark.parametrize("kind", ["torch zip", "torch legacy"])
def test_a_tensor_may_be_any_view_of_its_storage(read, kind):
    base = np.arange(24, dtype=np.float32)
    value = {
        "transposed": tensor(storage("0", "FloatStorage", 24), 0, (4, 6), (1, 4)),
        "offset": tensor(storage("0", "FloatStorage", 24), 5, (3,), (7,)),
        "scalar": tensor(storage("0", "FloatStorage", 24), 23, (), ()),
        "expanded": tensor(storage("0", "FloatStorage", 24), 2, (3, 2), (0, 1)),
        "empty": tensor(storage("0", "FloatStorage", 24), 24, (0, 5), (5, 1)),
        "many": tensor(storage("0", "FloatStorage", 24), 0, (1,) * 20, (1 << 40,) * 20),
        "one wide": tensor(storage("0", "FloatStorage", 24), 3, (1, 2), (999, 1)),
        "old style": Call(
            Name("torch._utils", "_rebuild_tensor"),
            (storage("0", "FloatStorage", 24), 1, (2,), (1,)),
        ),
    }
    tree = read(container(kind, value, {"0": base})).tree
    np.testing.assert_array_equal(tree["transposed"], base.reshape(6, 4).T)
    np.testing.assert_array_equal(tree["offset"], base[5::7][:3])
    assert tree["scalar"].shape == ()
    assert tree["scalar"] == 23
    np.testing.assert_array_equal(tree["expanded"], [[2, 3]] * 3)
    assert tree["empty"].shape == (0, 5)
    np.testing.assert_array_equal(tree["one wide"], [[3, 4]])
    assert tree["many"].shape == (1,) * 20
    np.testing.assert_array_equal(tree["old style"], [1, 2])


@pytest.mark.parametrize("kind", ["torch zip", "torch legacy"])
def test_bfloat16_widens_exactly(read, kind):
    numbers = np.array([1.0, -2.5, 3.0e38, 1.0e-38, np.inf, 0.0], np.float32)
    halves = (numbers.view(np.uint32) >> 16).astype(np.uint16)
    exact = (halves.astype(np.uint32) << 16).view(np.float32)
    value = tensor(storage("0", "BFloat16Storage", 6), 0, (2, 3), (1, 2))
    tree = read(container(kind, value, {"0": halves})).tree
    assert tree.dtype == np.float32
    assert not tree.flags.writeable
    np.testing.assert_array_equal(tree, exact.reshape(3, 2).T)


def test_element_types_that_stand_beside_an_untyped_storage(read):
    numbers = np.array([1, 40000, 65535], np.uint16)
    untyped = Call(
        Name("torch._utils", "_rebuild_tensor_v3"),
        (
            storage("0", "UntypedStorage", 6),
            0,
            (3,),
            (1,),
            False,
            ORDERED,
            Name("torch", "uint16"),
        ),
    )
    unknown = Call(untyped.function, (*untyped.args[:6], Name("torch", "float8_e4m3fn")))
    tree = read(torch_zip([untyped, unknown], {"0": numbers.tobytes()})).tree
    np.testing.assert_array_equal(tree[0], numbers)
    assert tree[0].dtype == np.uint16
    assert tree[1].class_name == "torch.float8_e4m3fn"


def test_a_file_of_a_big_endian_machine(read):
    numbers = np.array([[1.5, -2.0], [3.0, 4.0]], np.float32)
    raw = torch_zip(whole("0", numbers), {"0": numbers.astype(">f4").tobytes()}, byteorder=b"big")
    tree = read(raw).tree
    assert tree.dtype.isnative
    np.testing.assert_array_equal(tree, numbers)


def test_parameters_and_tensors_with_attributes(read):
    numbers = np.arange(3, dtype=np.float32)
    plain = whole("0", numbers)
    wrappers = {
        "now": Call(Name("torch._utils", "_rebuild_parameter"), (plain, True, ORDERED)),
        "state": Call(
            Name("torch._utils", "_rebuild_parameter_with_state"), (plain, True, ORDERED, {"a": 1})
        ),
        "old": Call(Name("torch.nn.parameter", "Parameter"), (plain, True)),
        "typed": Call(
            Name("torch._tensor", "_rebuild_from_type_v2"),
            (plain.function, Name("my", "Tensor"), plain.args, {"lr_mult": 2}),
        ),
    }
    tree = read(torch_zip(wrappers, {"0": numbers.tobytes()})).tree
    for name in wrappers:
        np.testing.assert_array_equal(tree[name], numbers)


def test_a_storage_that_is_part_of_another_as_old_files_have_them(read):
    numbers = np.arange(6, dtype=np.float64)
    part = storage("9", "DoubleStorage", 6, ("8", 2, 3))
    value = [whole("9", numbers, None), tensor(part, 0, (3,), (1,))]
    tree = read(torch_legacy(value, {"9": (6, numbers.tobytes())})).tree
    np.testing.assert_array_equal(tree[0], numbers)
    np.testing.assert_array_equal(tree[1], [2, 3, 4])


def test_arrays_share_the_one_copy_of_the_file(read):
    big = np.zeros((1 << 18,), np.float32)
    for kind in ("torch zip", "torch legacy"):
        tree = read(container(kind, [whole("0", big), whole("0", big)], {"0": big})).tree
        assert np.shares_memory(tree[0], tree[1])


def test_foreign_objects_become_inert_records(read):
    config = Call(Name("models.utils.config", "BaseConfig"), (), {"alpha": 0.5}, b"\x81")
    value = {
        "config": config,
        "args": Call(Name("argparse", "Namespace"), (), {"size": 256}, b"\x81"),
        "easy": Raw(b"cdnnlib.util\nEasyDict\n)\x81X\x01\x00\x00\x00aK\x07s"),
        "list": Raw(b"cmy\nList\n)\x81K\x07a(K\x08K\x09e"),
        "slots": Call(Name("my", "Slots"), (1,), (None, {"x": 3}), b"\x81"),
        "dtype": Name("torch", "float32"),
        "device": Call(Name("torch", "device"), ("cpu",)),
        "size": Call(Name("torch", "Size"), ((2, 3),)),
        "partial": Call(Name("functools", "partial"), (Name("torch.nn.modules", "BatchNorm2d"),)),
    }
    with nothing_runs():
        tree = parse(memoryview(torch_zip(value, {})), "file.pth")[0]
    assert tree["config"].class_name == "models.utils.config.BaseConfig"
    assert tree["config"].attributes == {"alpha": 0.5}
    assert tree["args"].attributes["size"] == 256
    assert tree["easy"].attributes == {"a": 7}
    assert tree["list"].items == [7, 8, 9]
    assert tree["slots"].attributes == {"x": 3}
    assert tree["slots"].args == (1,)
    assert tree["dtype"].class_name == "torch.float32"
    assert tree["dtype"].args is None
    assert tree["device"].args == ("cpu",)
    assert tree["size"] == (2, 3)
    assert tree["partial"].class_name == "functools.partial"
    assert repr(tree["config"]) == "<Record of models.utils.config.BaseConfig>"


def test_modules_saved_with_their_source_keep_their_name_only(read):
    kind = Raw(
        b"(X\x06\x00\x00\x00modulecmodel\nGenerator\nX\x08\x00\x00\x00model.pyX\x04\x00\x00\x00boomtQ"
    )
    tree = read(torch_legacy(Call(kind, (), {"training": False}, b"\x81"), {})).tree
    assert tree.class_name == "model.Generator"
    assert tree.attributes == {"training": False}


def test_self_describing_objects_of_nvlabs_are_never_executed(read):
    meta = {
        "type": "class",
        "version": 6,
        "module_src": "raise SystemExit('executed')",
        "class_name": "Generator",
        "state": {"_parameters": {"w": numpy_pickle(np.float32([1, 2]))}},
    }
    call = Call(Name("torch_utils.persistence", "_reconstruct_persistent_obj"), (meta,))
    checkpoint = read(pickled({"G_ema": call}, 4), "network.pkl")
    record = checkpoint.tree["G_ema"]
    assert checkpoint.container == "pickle"
    assert record.class_name == "Generator"
    np.testing.assert_array_equal(record.attributes["_parameters"]["w"], [1, 2])


def test_a_tensor_in_a_plain_pickle_carries_its_storage_as_a_torch_file(read):
    numbers = np.arange(6, dtype=np.float32)
    inner = torch_legacy(storage("1", "FloatStorage", 6), {"1": (6, numbers.tobytes())})
    stored = Call(Name("torch.storage", "_load_from_bytes"), (inner,))
    tree = read(pickled({"w": tensor(stored, 2, (2, 2), (2, 1))}, 4), "x.pkl").tree
    np.testing.assert_array_equal(tree["w"], [[2, 3], [4, 5]])


@pytest.mark.parametrize("protocol", range(6))
def test_numpy_pickles_of_every_protocol(read, protocol):
    rng = np.random.default_rng(0)
    tree = {
        "big": rng.standard_normal((7, 5, 60)).astype(np.float32),
        "columns": np.asfortranarray(rng.standard_normal((4, 3))),
        "swapped": np.arange(5, dtype=">i4"),
        "half": np.float16([1, 2]),
        "flags": np.array([[True, False]]),
        "lod": np.float32(2.5),
        "none": np.zeros((0, 3)),
        "more": [1, -(1 << 40), 1 << 70, 2.5, None, True, "naïve ☃", b"\x00\xff", (1,), {3}],
        "nested": OrderedDict([("a", frozenset([1, 2]))]),
        "complex": np.complex64(1 + 2j),
    }
    tree["again"] = tree["big"]
    got = read(pickle.dumps(tree, protocol), "x.pkl").tree
    assert list(got) == list(tree)
    assert got["more"] == tree["more"]
    assert got["nested"] == {"a": frozenset([1, 2])}
    assert got["again"] is got["big"]
    for name in ("big", "columns", "swapped", "half", "flags", "none", "lod", "complex"):
        assert got[name].dtype == tree[name].dtype.newbyteorder("=")
        np.testing.assert_array_equal(got[name], tree[name])
    assert type(got["lod"]) is np.float32


def test_objects_and_text_in_numpy_arrays_become_records(read):
    tree = {"objects": np.array([1, "a"], object), "text": np.array(["ab"]), "ok": np.ones(2)}
    got = read(pickle.dumps(tree), "x.pkl").tree
    assert got["objects"].class_name == got["text"].class_name == "numpy.ndarray"
    np.testing.assert_array_equal(got["ok"], [1, 1])


def test_pickles_of_python_2(read):
    numbers = np.array([1.5, -2.0], "<f4")
    minus_one = b"J" + struct.pack("<i", -1)
    dtype = b"cnumpy\ndtype\n(U\x02f4K\x00K\x01tR(K\x03U\x01<NNN" + 2 * minus_one + b"K\x00tb"
    data = b"T" + struct.pack("<i", 8) + numbers.tobytes()
    array = (
        b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(K\x00tU\x01btR"
        b"(K\x01(K\x02t" + dtype + b"\x89" + data + b"tb"
    )
    ordered = b"ccollections\nOrderedDict\n(](](U\x06weight" + array + b"eetR"
    old = b"ccopy_reg\n_reconstructor\n(cmy\nOld\nc__builtin__\nobject\nNtR"
    instance = b"(imy\nClassic\n"
    tree = read(b"\x80\x02(" + ordered + old + instance + b"t.").tree
    np.testing.assert_array_equal(tree[0]["weight"], numbers)
    assert [record.class_name for record in tree[1:]] == ["my.Old", "my.Classic"]


def test_protocol_0_text(read):
    raw = b"(lp0\nS'it\\'s\\x41\\n'\np1\naS\"\\\\\"\naVsnow \\u2603\naF2.5\naL12L\naI01\naI7\na."
    assert read(raw, "old.pkl").tree == ["it'sA\n", "\\", "snow ☃", 2.5, 12, True, 7]


def test_safetensors(read):
    numbers = np.arange(6, dtype=np.float32).reshape(2, 3)
    halves = (numbers.view(np.uint32) >> 16).astype(np.uint16)
    raw = safetensors(
        {
            "weight": ("F32", [2, 3], numbers.tobytes()),
            "brain": ("BF16", [3, 2], halves.tobytes()),
            "flag": ("BOOL", [], b"\x01"),
            "none": ("I64", [0, 4], b""),
        },
        __metadata__={"format": "pt"},
    )
    checkpoint = read(raw, "model.safetensors")
    assert checkpoint.container == "safetensors"
    assert checkpoint.notes == {"format": "pt"}
    np.testing.assert_array_equal(checkpoint.tree["weight"], numbers)
    np.testing.assert_array_equal(checkpoint.tree["brain"], numbers.reshape(3, 2))
    assert checkpoint.tree["flag"] == np.True_
    assert checkpoint.tree["none"].shape == (0, 4)


def test_safetensors_as_its_own_library_writes_it(read):
    library = pytest.importorskip("safetensors.numpy")
    arrays = {name: sample(name) for name in STORAGE_OF if name != "complex64"}
    tree = read(library.save(arrays), "x.safetensors").tree
    assert tree.keys() == arrays.keys()
    for name, array in arrays.items():
        assert tree[name].dtype == array.dtype
        np.testing.assert_array_equal(tree[name], array)


def test_the_fingerprint_is_of_the_whole_file(read):
    raw = torch_zip({"a": 1}, {})
    checkpoint = read(raw, "some name.pth")
    assert checkpoint.sha256 == hashlib.sha256(raw).hexdigest()
    assert checkpoint.size == len(raw)
    assert checkpoint.source == "some name.pth"


def test_archives_written_without_checksums_or_beyond_32_bits(read, monkeypatch):
    numbers = np.arange(3, dtype=np.float32)
    raw = torch_zip(whole("0", numbers), {"0": numbers.tobytes()})
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        for info in archive.infolist():
            raw = raw.replace(struct.pack("<L", info.CRC), bytes(4))
    np.testing.assert_array_equal(read(raw).tree, numbers)

    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 10)
    monkeypatch.setattr(zipfile, "ZIP_FILECOUNT_LIMIT", 1)
    raw = torch_zip(whole("0", numbers), {"0": numbers.tobytes()})
    assert b"PK\x06\x06" in raw
    np.testing.assert_array_equal(read(raw).tree, numbers)


def tar_file(names: list[str]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for name in names:
            archive.addfile(tarfile.TarInfo(name))
    return stream.getvalue()


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (b"", "is empty"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "git lfs pull"),
        (b"\n<!DOCTYPE html><html>quota exceeded</html>", "is a web page"),
        (b"\x1f\x8b\x08" + bytes(40), "is compressed by gzip"),
        (b"config: 3\nresolution: 64\n", "is no checkpoint"),
        (b"\x07" * 100, "is no checkpoint"),
        (bytes(100), "begins with zeros"),
        (b"GGUF\x03" + bytes(40), "is a GGUF file"),
        (b"\x08\x08\x12\x07pytorch\x1a\x052.1.0" + bytes(40), "is an ONNX program"),
        (tar_file(["weights.pth"]), "is a tar archive; unpack it"),
        (tar_file(["sys_info", "pickle", "storages"]), "is a torch file from before"),
        (zip_file({"a/data.pkl": pickled(1), "a/constants.pkl": b""}), "TorchScript program"),
        (zip_file({"a/data.pkl": pickled(1), "a/code/x.py": b""}), "TorchScript program"),
        (zip_file({"a/archive_format": b"pt2", "a/version": b"0"}), r"program of torch\.export"),
        (zip_file({"serialized_state_dict.pt": b"", "version": b"1"}), r"program of torch\.export"),
        (zip_file({"weight.npy": b"x"}), "is a numpy .npz archive"),
        (zip_file({"a/b.txt": b"x"}), "without one data.pkl"),
        (zip_file({"a/data.pkl": b"x", "b/data.pkl": b"x"}), "without one data.pkl"),
        (zip_file({"a/data.pkl": pickled(1)}, zipfile.ZIP_DEFLATED), "compressed entry"),
    ],
)
def test_other_files_are_named_for_what_they_are(read, raw, says):
    with pytest.raises(InputError, match=says) as caught:
        read(raw, "thing.bin")
    assert "thing.bin: " in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("names", "says"),
    [
        ([".metadata", "__0_0.distcp"], "is a distributed checkpoint"),
        (["saved_model.pb"], "SavedModel of TensorFlow"),
        (["data.pkl", "data", "version"], "is an unpacked torch file"),
        (["checkpoint.pth"], "is a folder; give a checkpoint file"),
    ],
)
def test_folders_are_named_for_what_they_are(tmp_path, names, says):
    for name in names:
        (tmp_path / name).touch()
    with pytest.raises(InputError, match=says):
        read_checkpoint(tmp_path)
    for name in {".metadata", "__0_0.distcp"} & set(names):
        with pytest.raises(InputError, match="is part of a distributed checkpoint"):
            read_checkpoint(tmp_path / name)


def test_paths_that_are_no_files(tmp_path):
    with pytest.raises(InputError, match="is a folder"):
        read_checkpoint(tmp_path)
    with pytest.raises(InputError, match=r"absent\.pth: cannot be read \(No such file"):
        read_checkpoint(tmp_path / "absent.pth")
    with pytest.raises(InputError, match="is not a regular file"):
        read_checkpoint("/dev/null")
    with pytest.raises(InputError, match="not a path"):
        read_checkpoint("a\0b")


def test_neither_torch_nor_jax_is_imported():
    code = (
        "import sys, pmsfc_jax.weights.reader.checkpoint, pmsfc_jax.weights.networks.find;"
        "sys.exit(any(name in sys.modules for name in ('torch', 'jax', 'tensorflow')))"
    )
    root = Path(__file__).resolve().parents[3]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0


def test_a_dict_of_attributes_puts_state_before_slots_before_items():
    record = Record("x", items={"a": 1, "b": 1, "c": 1, 5: 0}, state=({"a": 3}, {"a": 2, "b": 2}))
    assert record.attributes == {"a": 3, "b": 2, "c": 1}
    assert Record("x", state=[1]).attributes == {}


def test_the_legacy_header_is_what_torch_writes():
    assert legacy_header().startswith(b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.")
