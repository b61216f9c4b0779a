"""Files that want to run something, or to take more than their share."""

import struct
import zipfile

import numpy as np
import pytest

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.weights.reader import budget as budgets
from pmsfc_jax.weights.reader.checkpoint import parse
from pmsfc_jax.weights.reader.pickle import keys, machine
from tests.weights.guard import memory_below, nothing_runs
from tests.weights.torch_files import (
    MAGIC,
    ORDERED,
    Call,
    Name,
    Raw,
    assemble,
    legacy_header,
    numpy_pickle,
    pickled,
    safetensors,
    storage,
    tensor,
    torch_legacy,
    torch_zip,
    zip_file,
)


@pytest.fixture(autouse=True)
def _low_floor(monkeypatch):
    """Small files, small memory: what is out of proportion shows sooner."""
    monkeypatch.setattr(budgets, "MEMORY_FLOOR", 4 << 20)


OS_SYSTEM = Name("os", "system")
TOUCH = ("touch hacked",)


def tree_of(raw: bytes):
    with nothing_runs():
        return parse(memoryview(raw), "file.pth")[0]


def refuse(raw: bytes, says: str) -> None:
    """Expect one clear line, nothing run, and memory in proportion."""
    limit = budgets.MEMORY_FACTOR * len(raw) + budgets.MEMORY_FLOOR
    with (
        nothing_runs(),
        memory_below(limit + limit // 4 + 2 * len(raw)),
        pytest.raises(InputError, match=says) as caught,
    ):
        parse(memoryview(raw), "file.pth")
    message = str(caught.value)
    assert message.startswith("file.pth: ")
    assert message.isprintable()
    assert len(message) < 500


def in_every_container(value) -> list[bytes]:
    raw = pickled(value, 4)
    inner = torch_legacy(None, {}, pickle=raw)
    nested = Call(Name("torch.storage", "_load_from_bytes"), (inner,))
    return [torch_zip(None, {}, pickle=raw), inner, raw, pickled(nested, 4)]


GETATTR = Name("builtins", "getattr")
IMPORT = Call(Name("__builtin__", "__import__"), ("os",))
PROGRAMS = {
    "system": Call(OS_SYSTEM, TOUCH),
    "posix": Call(Name("posix", "system"), TOUCH),
    "nt": Call(Name("nt", "system"), TOUCH),
    "popen": Call(Name("subprocess", "Popen"), (["touch", "hacked"],)),
    "eval": Call(Name("builtins", "eval"), ("1+1",)),
    "exec": Call(Name("__builtin__", "exec"), ("1+1",)),
    "import": IMPORT,
    "getattr": Call(Call(GETATTR, (IMPORT, "system")), TOUCH),
    "getattr of a name": Call(GETATTR, (Name("os", "path"), "join")),
    "dotted name": Call(Name("torch", "serialization.os.system"), TOUCH),
    "import_module": Call(Name("importlib", "import_module"), ("os",)),
    "run_path": Call(Name("runpy", "run_path"), ("hacked.py",)),
    "reduce": Call(Name("functools", "reduce"), (OS_SYSTEM, ["a", "b"])),
    "apply": Call(Name("builtins", "apply"), (OS_SYSTEM, TOUCH)),
    "map": Call(Name("builtins", "map"), (OS_SYSTEM, list(TOUCH))),
    "pickle": Call(Name("pickle", "loads"), (pickled(Call(OS_SYSTEM, TOUCH)),)),
    "marshal": Call(Name("marshal", "loads"), (b"\x00",)),
    "code": Call(Name("types", "CodeType"), (0,)),
    "function": Call(Name("types", "FunctionType"), (0,)),
    "open": Call(Name("io", "open"), ("hacked", "w")),
    "NEWOBJ": Call(OS_SYSTEM, TOUCH, code=b"\x81"),
    "NEWOBJ_EX": Call(OS_SYSTEM, TOUCH, code=b"}\x92"),
    "INST": Raw(b"(X\x01\x00\x00\x00aios\nsystem\n"),
    "OBJ": Raw(b"(cos\nsystem\nX\x01\x00\x00\x00ao"),
    "STACK_GLOBAL": Raw(b"\x8c\x02os\x8c\x06system\x93(\x8c\x01atR"),
    "through the memo": Raw(b"cos\nsystem\nq\x000h\x00(X\x01\x00\x00\x00atR"),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_calls_of_programs_are_refused(name):
    for raw in in_every_container(PROGRAMS[name]):
        refuse(raw, "wants to call .*nothing of it was run")


PARTIAL = Call(Name("functools", "partial"), (OS_SYSTEM, *TOUCH))
CHAINS = {
    "partial": Call(PARTIAL),
    "attrgetter": Call(Call(Name("operator", "attrgetter"), ("system",)), (Name("os", "path"),)),
    "methodcaller": Call(Call(Name("operator", "methodcaller"), ("f",)), (Name("os", "path"),)),
    "an instance": Call(Call(Name("my", "Class")), TOUCH),
    "an array": Call(numpy_pickle(np.zeros(2))),
    "a string": Call("os.system", TOUCH),
}


@pytest.mark.parametrize("name", CHAINS)
def test_calling_what_another_call_gave_is_refused(name):
    for raw in in_every_container(CHAINS[name]):
        refuse(raw, "calls the result of another call.*nothing of it was run")


def test_a_state_never_reaches_a_class_or_function():
    refuse(pickled(Raw(b"cos\nsystem\n}X\x08\x00\x00\x00__code__K\x01sb"), 4), "gives a state to")
    refuse(pickled(Raw(b"cos\nsystem\nX\x01\x00\x00\x00aK\x01s"), 4), "puts entries into")
    refuse(pickled(Raw(b"ccollections\nOrderedDict\nK\x01a"), 4), "puts entries into")


def test_special_attributes_are_only_data():
    state = {"__class__": 1, "__reduce__": Name("os", "system"), "__setstate__": 2, "args": 3}
    record = tree_of(torch_zip(Call(Name("my", "Class"), (), state, b"\x81"), {}))
    assert record.class_name == "my.Class"
    assert record.args == ()
    assert record.attributes["__reduce__"].class_name == "os.system"


def test_classes_that_are_only_named_stay_names():
    tree = tree_of(torch_zip([OS_SYSTEM, Name("builtins", "eval")], {}))
    assert [(leaf.class_name, leaf.args) for leaf in tree] == [
        ("os.system", None),
        ("builtins.eval", None),
    ]


def test_foreign_functions_without_a_known_use_are_records_and_not_called():
    call = Call(Name("tests.weights.guard", "memory_below"), (1,))
    record = tree_of(torch_zip(call, {}))
    assert record.class_name == "tests.weights.guard.memory_below"


def test_persistent_ids_stand_for_storages_only():
    rest = [("module", "x", "a.py", "boom"), "os.system", 7, ("storage",), None, [1]]
    rest += [("storage", "FloatStorage", "0", "cpu", 1), ("storage", Name("a", "b"), 0, "cpu", 1)]
    rest += [(numpy_pickle(np.ones(2)), Name("a", "b"), "0", "cpu", 1)]
    for identity in rest:
        for raw in in_every_container(Raw(assemble(identity) + b"Q")):
            refuse(raw, "refers to data|describes a storage")
    refuse(pickled(Raw(b"Pos.system\n")), "refers to data outside")


def test_nested_torch_files_do_not_nest_further():
    inner = torch_legacy(1, {})
    load = Name("torch.storage", "_load_from_bytes")
    twice = Call(load, (torch_legacy(Call(load, (inner,)), {}),))
    with nothing_runs():
        tree = parse(memoryview(pickled(twice, 4)), "file.pkl")[0]
    assert tree.class_name == "torch.storage._load_from_bytes"
    refuse(pickled(Call(load, (b"\x80\x02N.",)), 4), "not a legacy torch file")
    refuse(pickled(Call(load, (torch_zip(1, {}),)), 4), "not a legacy torch file")
    refuse(pickled(Call(load, (inner[:-3],)), 4), "ends at byte")


# Sizes, strides and offsets.

MANY = 1 << 62


@pytest.mark.parametrize(
    ("offset", "size", "stride", "says"),
    [
        (0, (5,), (1,), "reaches to element 5 of a storage of 4"),
        (1, (4,), (1,), "reaches to element 5"),
        (4, (1,), (1,), "reaches to element 5"),
        (5, (0,), (1,), "reaches to element 5"),
        (0, (2, 2), (3, 1), "reaches to element 5"),
        (0, (2,), (1 << 55,), "reaches to element"),
        (-1, (2,), (1,), "improper strides or offset"),
        (0, (-2,), (1,), "short tuple of sizes"),
        (0, (2,), (-1,), "improper strides or offset"),
        (0, (MANY,), (0,), "short tuple of sizes"),
        (MANY, (1,), (1,), "improper strides or offset"),
        (0, (1 << 30, 1 << 30), (0, 0), "more than 2\\*\\*56"),
        (0, (1 << 40,), (0,), "unpacks to more"),
        (0, (1 << 26,), (0,), "unpacks to more"),
        (0, (2, 2), (1,), "improper strides or offset"),
        (0, (1,) * 33, (1,) * 33, "short tuple of sizes"),
        (0, 4, (1,), "short tuple of sizes"),
        (0, (2.0,), (1,), "short tuple of sizes"),
        (0, (True,), (1,), "short tuple of sizes"),
        (None, (2,), (1,), "improper strides or offset"),
        (0, ("2",), (1,), "short tuple of sizes"),
    ],
)
def test_no_tensor_reaches_outside_its_storage(offset, size, stride, says):
    value = tensor(storage("0", "FloatStorage", 4), offset, size, stride)
    refuse(torch_zip(value, {"0": bytes(16)}), says)
    refuse(torch_legacy(value, {"0": (4, bytes(16))}), says)


@pytest.mark.parametrize("count", [-1, MANY, 1 << 40, 5, 3, "4", 4.0, None, True])
def test_a_storage_has_as_many_elements_as_it_says(count):
    value = tensor(storage("0", "FloatStorage", count), 0, (1,), (1,))
    refuse(torch_zip(value, {"0": bytes(16)}), "in storage '0', not|describes a storage")
    refuse(torch_legacy(value, {"0": (4, bytes(16))}), "in storage '0', not|describes a storage")


def test_many_views_of_one_storage_count_in_full():
    side = 1 << 20
    view = tensor(storage("0", "FloatStorage", side), 0, (side,), (1,))
    refuse(torch_zip([view] * 200, {"0": bytes(4 * side)}), "unpacks to more than")


def test_parts_of_storages_stay_inside():
    for part in [("1", 3, 2), ("1", -1, 2), ("1", 0, MANY), ("1", "0", 1)]:
        value = tensor(storage("0", "FloatStorage", 4, part), 0, (1,), (1,))
        refuse(torch_legacy(value, {"0": (4, bytes(16))}), "of a storage of 4")
    for part in [7, (1, 2), numpy_pickle(np.ones(2))]:
        value = tensor(storage("0", "FloatStorage", 4, part), 0, (1,), (1,))
        refuse(torch_legacy(value, {"0": (4, bytes(16))}), "describes part of storage '0'")


def test_numpy_arrays_have_the_bytes_that_they_say():
    good = numpy_pickle(np.arange(4, dtype=np.float32))
    _, shape, dtype, order, data = good.state
    for state, says in [
        ((1, (5,), dtype, order, data), "with 16 bytes of data"),
        ((1, (-4,), dtype, order, data), "short tuple of sizes"),
        ((1, (MANY, MANY), dtype, order, data), "short tuple of sizes"),
        ((1, (0, 1 << 56, 1 << 56), dtype, order, b""), "more than 2"),
        ((1, shape, "f4", order, data), "without a dtype"),
        ((1, shape, dtype, order, [1, 2]), "data is not bytes"),
        ((1, shape, dtype, order, "☃"), "data is not bytes"),
        ((1, shape), "not a tuple of 5"),
        (None, "before an array has its data"),
    ]:
        refuse(pickled(good._replace(state=state)), says)
    refuse(pickled(numpy_pickle(np.array([False]))).replace(b"\x00t", b"\x02t"), "neither 0 nor 1")
    assert tree_of(pickled(good._replace(state=(1, (0, 1 << 56), dtype, order, b"")))).size == 0


def test_an_array_cannot_be_used_before_it_is_built():
    start = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\nK\x00U\x01btRq\x00"
    refuse(pickled(Raw(start + b"h\x00")), "uses an array before it has its data")
    refuse(pickled(Raw(start + b"2")), "uses an array before it has its data")
    refuse(pickled(Raw(b"]" + start + b"a")), "stops before an array has its data")
    refuse(pickled(Raw(start + b"0N")), "stops before an array has its data")


# Memory and time.

TOO_MUCH = "unpacks to more than .* MiB, out of all proportion"
TOO_SHORT = "ends at byte .* in the middle of"
AGAIN = b"h\x00h\x01\x85R" * 500
BOMBS = {
    "sets": (b"\x8f" * (1 << 18), TOO_MUCH),
    "dicts": (b"}" * (1 << 18), TOO_MUCH),
    "marks": (b"(" * (1 << 18), TOO_MUCH),
    "memo": (b"N" + b"\x94" * (1 << 18), TOO_MUCH),
    "lists": (b"](" + b"]" * (1 << 18) + b"e", TOO_MUCH),
    "calls": (b"cmy\nClass\nq\x00" + b"h\x00)R" * (1 << 16), TOO_MUCH),
    "long bytes": (b"\x8e" + struct.pack("<Q", 1 << 40), TOO_SHORT),
    "longer bytes": (b"\x8e" + struct.pack("<Q", (1 << 64) - 1), TOO_SHORT),
    "bytearray": (b"\x96" + struct.pack("<Q", 1 << 50), TOO_SHORT),
    "long text": (b"\x8d" + struct.pack("<Q", 1 << 62), TOO_SHORT),
    "4 GiB text": (b"X\xff\xff\xff\xff", TOO_SHORT),
    "negative string": (b"T\xff\xff\xff\xff", "negative length -1"),
    "long number": (b"\x8b" + struct.pack("<i", 1 << 20) + b"\x7f" * (1 << 20), "whole number of"),
    "longer number": (b"\x8b" + struct.pack("<i", 1 << 30), "whole number of 1073741824 bytes"),
    "negative number": (b"\x8b" + struct.pack("<i", -5), "negative length -5"),
    "many digits": (b"L" + b"9" * (1 << 20) + b"L\n", "where a whole number belongs"),
    "digits for ever": (b"I" + b"9" * (1 << 18), TOO_SHORT),
    "float of many digits": (b"F" + b"9" * 200 + b"\n", "where a number belongs"),
    "frame": (b"\x95" + struct.pack("<Q", 1 << 60), TOO_SHORT),
    "long name": (b"c" + b"a" * (1 << 16) + b"\nb\n", "a name of 65536 bytes"),
    "long pushed name": (assemble("a" * 1000) + assemble("b" * 1000) + b"\x93", "a name of 2000"),
    "encoded again and again": (
        assemble(Raw(b"c_codecs\nencode\nq\x00(" + assemble("a" * 60_000) + assemble("latin1")))
        + b"tq\x01"
        + b"h\x00h\x01R" * 500,
        TOO_MUCH,
    ),
    "sets again and again": (
        b"c__builtin__\nset\nq\x00](" + b"N" * 10_000 + b"eq\x01" + AGAIN,
        TOO_MUCH,
    ),
    "pairs again and again": (
        b"ccollections\nOrderedDict\nq\x00](" + assemble(("a", 1)) * 2000 + b"eq\x01" + AGAIN,
        TOO_MUCH,
    ),
}


@pytest.mark.parametrize("name", BOMBS)
def test_memory_stays_in_proportion(name):
    code, says = BOMBS[name]
    refuse(pickled(Raw(code + b"0N")), says)


def test_numbers_as_keys_are_limited_in_number(monkeypatch):
    monkeypatch.setattr(keys, "MAX_UNUSUAL_KEYS", 100)
    numbers = [b"J" + struct.pack("<i", number) for number in range(101)]
    pairs = [number + b"N" for number in numbers]
    assert len(tree_of(pickled(Raw(b"}(" + b"".join(pairs[:100]) + b"u")))) == 100
    refuse(pickled(Raw(b"}(" + b"".join(pairs) + b"u")), "more than 100 dict keys")
    refuse(pickled(Raw(b"(" + b"".join(numbers) + b"\x91"), 4), "more than 100 dict keys")


@pytest.mark.parametrize("number", [-1, 2**32, 2**61 - 1, 7 * (2**61 - 1), -(2**61 - 1)])
def test_numbers_of_objects_cannot_be_chosen_to_collide(number):
    """Multiples of 2**61 - 1 have the hash 0: a memo of them takes quadratic time."""
    refuse(pickled(Raw(b"Np%d\n" % number)), f"numbers an object {number}")
    assert tree_of(pickled(Raw(b"Np%d\n" % (2**32 - 1)))) is None


def test_objects_are_remembered_in_bounded_number(monkeypatch):
    monkeypatch.setattr(machine, "MAX_MEMO", 50)
    again = b"q\x00" * 100
    assert (
        tree_of(pickled(Raw(b"N" + bytes(b for i in range(50) for b in (113, i)) + again))) is None
    )
    refuse(
        pickled(Raw(b"N" + bytes(b for i in range(51) for b in (113, i)))), "more than 50 objects"
    )
    refuse(pickled(Raw(b"N" + b"\x94" * 51), 4), "more than 50 objects")


def test_opcodes_that_no_checkpoint_has():
    refuse(torch_zip(None, {}, pickle=pickled(1, 9)), "unknown pickle protocol 9")
    for code in (b"\x82\x01", b"\x83\x01\x00", b"\x84\x01\x00\x00\x00", b"\x97", b"\x98"):
        refuse(pickled(Raw(code), 5), f"unknown opcode 0x{code[0]:02x}")


def laughs(depth: int, start: bytes = b"N") -> bytes:
    """Write 2**depth times the same thing in a few bytes."""
    code = start
    for level in range(depth):
        code += b"q" + bytes([level]) + b"h" + bytes([level]) + b"\x86"
    return code


def test_a_billion_laughs_takes_no_time():
    tree = tree_of(pickled(Raw(laughs(60))))
    assert len(tree) == 2
    # As a key it would have to be hashed 2**60 times over.
    tree = tree_of(pickled(Raw(b"}" + laughs(60) + b"K\x01s")))
    assert [key.class_name for key in tree] == ["key"]
    tree = tree_of(pickled(Raw(b"(" + laughs(60) + b"\x91"), 4))
    assert [key.class_name for key in tree] == ["key"]
    # Where it stands in a message it would have to be written out.
    meta = {"type": Raw(laughs(60)), "class_name": "A"}
    call = Call(Name("torch_utils.persistence", "_reconstruct_persistent_obj"), (meta,))
    refuse(pickled(call), "of type tuple, not 'class'")


def test_deep_nesting_and_cycles():
    tree = tree_of(pickled(Raw(b"]" * 20_000 + b"a" * 19_999)))
    assert len(tree) == 1
    cycle = tree_of(pickled(Raw(b"]q\x00h\x00a")))
    assert cycle[0] is cycle


def test_unhashable_keys_are_wrapped():
    array = numpy_pickle(np.ones(2))
    tree = tree_of(pickled(Raw(b"}(" + assemble(array) + b"K\x01]K\x02(K\x01K\x02tK\x03u")))
    assert sorted(tree.values()) == [1, 2, 3]
    assert tree[1, 2] == 3


# Archives.


def test_compressed_archives_are_refused_before_anything_is_inflated():
    raw = zip_file({"a/data.pkl": bytes(1 << 24)}, zipfile.ZIP_DEFLATED)
    assert len(raw) < 1 << 16
    refuse(raw, "compressed entry 'a/data.pkl'")


def patched(raw: bytes, signature: bytes, offset: int, patch: bytes) -> bytes:
    at = raw.rindex(signature) + offset
    return raw[:at] + patch + raw[at + len(patch) :]


def test_damaged_tables_of_contents():
    raw = torch_zip({"a": 1}, {})
    huge = struct.pack("<L", 0xFFFFFFF0)
    for damaged, says in [
        (patched(raw, b"PK\x05\x06", 12, huge), "zip directory"),
        (patched(raw, b"PK\x05\x06", 16, huge), "zip directory"),
        (patched(raw, b"PK\x05\x06", 10, b"\xfe\xff"), "zip directory"),
        (patched(raw, b"PK\x05\x06", 10, b"\xff\xff"), "zip directory"),
        (patched(raw, b"PK\x01\x02", 42, huge), "zip directory"),
        (patched(raw, b"PK\x01\x02", 20, huge + huge), "zip entry"),
        (patched(raw, b"PK\x01\x02", 24, huge), "two different sizes"),
        (patched(raw, b"PK\x01\x02", 28, b"\xff\xff"), "zip directory"),
        (patched(raw, b"PK\x01\x02", 46, b"B"), "zip entry"),
        (patched(raw, b"PK\x05\x06", 20, b"\x01"), "middle of its comment"),
        (raw[:-22], "no table of contents"),
        (raw.replace(b"PK\x05\x06", b"PK\x05\x07"), "no table of contents"),
        (patched(raw, b"PK\x01\x02", 20, b"\xff\xff\xff\xff"), "zip entry"),
    ]:
        refuse(damaged, says)


def test_entries_may_not_overlap_nor_be_encrypted():
    raw = torch_zip({"a": 1}, {"0": b"1234", "1": b"5678"})
    one = raw.index(b"archive/data/0") - 30
    local_one = raw[one : one + 44]
    # The second entry's header is made part of the first entry's data.
    at = raw.index(b"PK\x01\x02")
    directory = raw[at:]
    first = directory.index(b"archive/data/0") - 46
    directory = patched_at(directory, first + 20, struct.pack("<2L", 20, 20))
    refuse(raw[:at] + directory, "overlap")
    assert local_one.startswith(b"PK\x03\x04")
    locked = patched_at(raw, raw.index(b"PK\x01\x02") + 8, b"\x01")
    refuse(locked, "is encrypted")


def patched_at(raw: bytes, at: int, patch: bytes) -> bytes:
    return raw[:at] + patch + raw[at + len(patch) :]


# safetensors.


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"shape": [3]}, "do not fit"),
        ({"shape": [-2]}, "short tuple of sizes"),
        ({"shape": [MANY, MANY]}, "short tuple of sizes"),
        ({"shape": "2"}, "short tuple of sizes"),
        ({"data_offsets": [0, 16]}, "do not fit"),
        ({"data_offsets": [4, 12]}, "do not fit"),
        ({"data_offsets": [8, 0]}, "do not fit"),
        ({"data_offsets": [-8, 0]}, "improper offsets"),
        ({"data_offsets": [0]}, "improper offsets"),
        ({"dtype": "F" * 99}, "improper type 'FFF"),
        ({"dtype": ["F32"]}, "improper type a value of type list"),
        ({"extra": 1}, "without dtype, shape and data_offsets"),
        ({"shape": [1], "data_offsets": [4, 8]}, "overlap or leave a gap"),
        ({"dtype": "BOOL", "shape": [8]}, "neither 0 nor 1"),
    ],
)
def test_safetensors_tables_are_checked(change, says):
    entry = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}
    assert tree_of(safetensors({}, w=entry) + bytes(8))["w"].shape == (2,)
    refuse(safetensors({}, w=entry | change) + b"\x02" * 8, says)


def test_safetensors_headers_are_checked():
    def framed(head: bytes) -> bytes:
        return struct.pack("<Q", len(head)) + head

    refuse(framed(b'{"a":1'), "not JSON")
    refuse(framed(b"{" + b'"a":[' * 5000), "not JSON")
    refuse(framed(b'{"a":' + b"9" * 5000 + b"}"), "not JSON")
    refuse(framed(b'{"a":1,"a":2}'), "lists a tensor twice")
    refuse(framed(b'{"\xff":1}'), "not JSON")
    refuse(framed(b'{"__metadata__":{"a":1}}'), "not text")
    refuse(framed(b'{"w":5}'), "without dtype")
    refuse(framed(b'{"w":[' + b"[]," * (1 << 20) + b"[]]}"), "unpacks to more than")
    overlapping = {"dtype": "U8", "shape": [2], "data_offsets": [0, 2]}
    refuse(safetensors({}, a=overlapping, b=overlapping) + bytes(2), "overlap or leave a gap")


def test_legacy_storage_lists_are_checked():
    value = tensor(storage("0", "FloatStorage", 1), 0, (1,), (1,))
    tail = struct.pack("<q", 1) + bytes(4)
    start = legacy_header() + pickled(value)
    for raw, says in [
        (start + pickled(["1"]) + tail, "lists storage '1'"),
        (start + pickled(["0", "0"]) + tail, "lists storage '0'"),
        (start + pickled([]), "lacks storage '0'"),
        (start + pickled("0") + tail, "no list of its storages"),
        (start + pickled([7]) + tail, "no list of its storages"),
        (start + pickled(["0"]) + struct.pack("<q", -1) + bytes(4), "not 1"),
    ]:
        refuse(raw, says)
    two = [value, tensor(storage("0", "DoubleStorage", 1), 0, (1,), (1,))]
    refuse(torch_legacy(two, {"0": (1, bytes(4))}), "in two ways")
    unknown = tensor(storage("0", "Int9Storage", 1), 0, (1,), (1,))
    refuse(torch_legacy(unknown, {"0": (1, bytes(1))}), "unread type 'torch.Int9Storage'")
    refuse(pickled(MAGIC) + pickled(1002) + pickled({}) + pickled(1) + pickled([]), "begin like")


def test_calls_with_improper_arguments():
    calls = [
        Call(Name("torch._utils", "_rebuild_tensor_v2"), ()),
        Call(Name("torch._utils", "_rebuild_tensor_v2"), (1, 2, 3, 4, 5, 6)),
        Call(Name("torch._utils", "_rebuild_tensor_v3"), (1, 2, 3, 4, 5, 6, Name("torch", "int8"))),
        Call(Name("torch._utils", "_rebuild_parameter"), ()),
        Call(Name("torch._utils", "_rebuild_parameter"), ("x",)),
        Call(Name("torch._tensor", "_rebuild_from_type_v2"), (OS_SYSTEM, OS_SYSTEM, TOUCH, {})),
        Call(Name("torch._tensor", "_rebuild_from_type_v2"), (1, 2, 3, 4)),
        Call(Name("torch", "Size"), ((-1,),)),
        Call(Name("torch", "Size"), ()),
        Call(Name("collections", "OrderedDict"), (5,)),
        Call(Name("collections", "OrderedDict"), ([1, 2],)),
        Call(Name("collections", "defaultdict"), (1, {})),
        Call(Name("builtins", "set"), ("abc",)),
        Call(Name("builtins", "bytes"), (1 << 40,)),
        Call(Name("builtins", "bytearray"), (1 << 40,)),
        Call(Name("_codecs", "encode"), ("a", "rot13")),
        Call(Name("_codecs", "encode"), ("☃", "latin1")),
        Call(Name("_codecs", "encode"), ("a", numpy_pickle(np.ones(2)))),
        Call(Name("copyreg", "_reconstructor"), ("os.system", 1, 2)),
        Call(Name("torch_utils.persistence", "_reconstruct_persistent_obj"), ({},)),
        Call(Name("torch_utils.persistence", "_reconstruct_persistent_obj"), ("x",)),
        Call(Name("numpy.core.multiarray", "scalar"), ()),
        Call(Name("numpy.core.numeric", "_frombuffer"), (b"", 1, 2, 3)),
        Call(Name("numpy", "dtype"), ("f4", False, True), (3, numpy_pickle(np.ones(2)))),
        Raw(assemble(Name("my", "Class")) + b"K\x01R"),
        Raw(assemble(Name("my", "Class")) + b")K\x01\x92"),
        Raw(assemble(ORDERED) + b"K\x01a"),
        Raw(b"K\x01K\x02\x93"),
        Raw(b"K\x01N\x90"),
        Raw(b"(K\x01K\x02\x90"),
        Raw(b"}(K\x01u"),
    ]
    for call in calls:
        refuse(torch_zip(call, {}), "damaged")
    assert len(calls) == len({assemble(call) for call in calls})
