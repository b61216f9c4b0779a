"""Mutated files whose container is in order, so that the mutation reaches the unpickler."""

import functools
import io
import pickletools
import struct
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.weights.reader.checkpoint import parse
from pmsfc_jax.weights.reader.records import Record
from tests.weights.guard import nothing_runs
from tests.weights.state_dicts import find_state_dicts
from tests.weights.torch_files import (
    ORDERED,
    Call,
    Name,
    assemble,
    numpy_pickle,
    pickled,
    storage,
    tensor,
    torch_legacy,
    torch_zip,
    whole,
    zip_file,
)


class Seed(NamedTuple):
    """A pickle to mutate, where its opcodes begin, and the container to put it back into."""

    name: str
    pickle: bytes
    starts: list[int]
    #: Which opcodes push one value, and which push a name.
    values: list[int]
    names: list[int]
    wrap: Callable[[bytes], bytes]


def seed(name: str, raw: bytes, wrap: Callable[[bytes], bytes]) -> Seed:
    ops = list(pickletools.genops(raw))
    starts = [at for _, _, at in ops] + [len(raw)]
    names = [index for index, (op, _, _) in enumerate(ops) if op.name == "GLOBAL"]
    values = [
        index
        for index, (op, _, _) in enumerate(ops)
        if not op.stack_before and len(op.stack_after) == 1 and op.name != "MARK"
    ]
    return Seed(name, raw, starts, values, names or values, wrap)


def hand_written() -> list[Seed]:
    """Make small files that use every call the reader knows."""
    weight = np.arange(12, dtype=np.float32).reshape(3, 4)
    meta = {"type": "class", "class_name": "G", "state": {"_parameters": {}, "a": 1}}
    untyped = (storage("1", "UntypedStorage", 8), 0, (2,), (1,), False, ORDERED)
    value = {
        "net": {
            "weight": whole("0", weight),
            "t": tensor(storage("0", "FloatStorage", 12), 1, (2, 2), (1, 4)),
        },
        "half": tensor(storage("1", "BFloat16Storage", 4), 0, (2, 2), (2, 1)),
        "raw": Call(Name("torch._utils", "_rebuild_tensor_v3"), (*untyped, Name("torch", "int32"))),
        "parameter": Call(
            Name("torch._utils", "_rebuild_parameter"), (whole("0", weight), True, ORDERED)
        ),
        "module": Call(
            Name("m", "Net"), (), {"_parameters": {}, "_buffers": {}, "_modules": {}}, b"\x81"
        ),
        "args": Call(
            Name("argparse", "Namespace"), (), {"size": 1, "x": [1, 2.5, None, True]}, b"\x81"
        ),
        "set": Call(Name("__builtin__", "set"), ([1, "a"],)),
        "bytes": Call(Name("_codecs", "encode"), ("é", "latin1")),
        "size": Call(Name("torch", "Size"), ((2, 3),)),
        "numpy": numpy_pickle(weight, "numpy._core"),
        "meta": Call(Name("torch_utils.persistence", "_reconstruct_persistent_obj"), (meta,)),
    }
    halves = bytes(range(8))
    in_zip = {"0": weight.tobytes(), "1": halves}
    raw = pickled(value, 4)
    value["raw"] = value["half"]
    old = pickled(value, 4)
    inner = torch_legacy(storage("1", "FloatStorage", 12), {"1": (12, weight.tobytes())})
    stored = Call(Name("torch.storage", "_load_from_bytes"), (inner,))
    nested = pickled({"w": tensor(stored, 0, (3, 4), (4, 1)), "n": numpy_pickle(weight)}, 4)
    return [
        seed("zip", raw, lambda pickle: torch_zip(None, in_zip, pickle=pickle)),
        seed(
            "legacy",
            old,
            lambda pickle: torch_legacy(
                None, {"0": (12, weight.tobytes()), "1": (4, halves)}, pickle=pickle
            ),
        ),
        seed("plain", nested, lambda pickle: pickle),
    ]


def of_zip(path: Path) -> Seed:
    with zipfile.ZipFile(path) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    (name,) = [name for name in entries if name.endswith("/data.pkl")]
    return seed(path.parent.name, entries[name], lambda pickle: zip_file(entries | {name: pickle}))


def of_legacy(path: Path) -> Seed:
    raw = path.read_bytes()
    stream = io.BytesIO(raw)
    ends = []
    for _ in range(4):
        list(pickletools.genops(stream))
        ends.append(stream.tell())
    head, tail = raw[: ends[2]], raw[ends[3] :]
    return seed(path.parent.name, raw[ends[2] : ends[3]], lambda pickle: head + pickle + tail)


def of_pickle(path: Path) -> Seed:
    return seed(path.parent.name, path.read_bytes(), lambda pickle: pickle)


@functools.cache
def real(folder: Path) -> list[Seed]:
    zips = ["pggan_mganprior/checkpoint.pth", "pggan_rosinality/checkpoint.model"]
    zips += ["pggan_zoo/checkpoint_zip.pth", "stylegan2_rosinality/checkpoint_train.pt"]
    legacies = ["pggan_akanimax_v2/checkpoint.pth", "vgg16_torchvision_lpips/lpips_vgg.pth"]
    pickles = ["pggan_tf/checkpoint.pkl", "pggan_tf/Gs_variables.pkl"]
    pickles += ["stylegan2_ada_nvlabs_resnet/G_ema_only_nosrc.pkl"]
    return [
        make(folder / name)
        for make, names in ((of_zip, zips), (of_legacy, legacies), (of_pickle, pickles))
        for name in names
    ]


# Pieces that make trouble: every opcode, sizes beyond reason, names of every kind.
NAMES = [
    b"os\nsystem", b"builtins\neval", b"__builtin__\ngetattr", b"functools\npartial", b"my\nClass",
    b"collections\nOrderedDict", b"torch._utils\n_rebuild_tensor_v2", b"torch\nBoolStorage",
    b"torch._utils\n_rebuild_tensor_v3", b"torch._utils\n_rebuild_parameter", b"torch\nSize",
    b"torch._tensor\n_rebuild_from_type_v2", b"torch\nHalfStorage", b"torch\nBFloat16Storage",
    b"torch.storage\nUntypedStorage", b"torch.storage\n_load_from_bytes", b"torch\nfloat64",
    b"numpy.core.multiarray\n_reconstruct", b"numpy.core.multiarray\nscalar", b"numpy\ndtype",
    b"numpy.core.numeric\n_frombuffer", b"numpy\nndarray", b"__builtin__\nset", b"_codecs\nencode",
    b"__builtin__\nbytearray", b"copy_reg\n_reconstructor", b"collections\ndefaultdict",
    b"torch_utils.persistence\n_reconstruct_persistent_obj",
]  # fmt: skip
SNIPPETS = [
    *(b"c" + name + b"\n" for name in NAMES),
    *(b"(i" + name + b"\n" for name in NAMES[:6]),
    *(op.code.encode("latin-1") for op in pickletools.opcodes),
    *(b"h" + bytes([key]) for key in range(12)),
    *(b"q" + bytes([key]) for key in range(4)),
    *(b"J" + struct.pack("<i", number) for number in (-1, -(1 << 31), (1 << 31) - 1, 1 << 20)),
    *(b"\x8a\x08" + struct.pack("<q", number) for number in (-1, -(1 << 62), 1 << 40, 1 << 62)),
    b"\x8a\xff" + b"\x7f" * 255,
    b"X\xff\xff\xff\x7f", b"B\xff\xff\xff\xff", b"T\xff\xff\xff\xff", b"\x8e" + b"\xff" * 8,
    b"\x96" + b"\xff" * 7 + b"\x00", b"\x95" + b"\xff" * 8, b"G\x7f\xf8\0\0\0\0\0\0", b"NR", b"Nb",
    b"U\x01<", b"U\x02f4", b"X\x06\0\0\0latin1", b"K\x00\x85", b"K\x02K\x02\x86", b"Nt", b")R",
    b"}b",
]  # fmt: skip

# Pieces that push one value, so that the rest of the program still makes sense.
NUMBERS = (0, 1, 2, 3, 12, 13, -1, 1 << 20, 1 << 31, 1 << 40, (1 << 63) - 1, -(1 << 63), 1 << 64)
VALUES = [
    *(assemble(number) for number in NUMBERS),
    *(assemble(text) for text in ("", "0", "1", "storage", "f4", "<", ">", "☃", "a" * 300)),
    *(assemble(value) for value in (None, True, 2.5, b"", bytes(48), (), (0,), (3, 4), [], [1])),
    *(assemble(value) for value in ({}, {"a": 1}, [[1, 2]], (1, (2,)), ("a", None), float("nan"))),
    *(b"h" + bytes([key]) for key in range(12)),
    assemble(numpy_pickle(np.ones(2, np.float32))),
    assemble(Call(Name("my", "Class"), (), {"a": 1})),
]

AT = st.integers(0, 1 << 30)
MUTATIONS = st.one_of(
    st.tuples(st.just("insert"), AT, st.sampled_from(SNIPPETS)),
    st.tuples(st.just("replace"), AT, st.sampled_from(SNIPPETS)),
    st.tuples(st.just("delete"), AT, st.integers(1, 6)),
    st.tuples(st.just("copy"), AT, st.tuples(AT, st.integers(1, 12))),
    st.tuples(st.just("byte"), AT, st.tuples(st.integers(0, 8), st.integers(0, 255))),
    st.tuples(st.just("cut"), AT, st.none()),
)
SENSIBLE = st.one_of(
    st.tuples(st.just("value"), AT, st.sampled_from(VALUES)),
    st.tuples(st.just("value"), AT, st.sampled_from(VALUES)),
    st.tuples(st.just("name"), AT, st.sampled_from([b"c" + name + b"\n" for name in NAMES])),
)


def mutate(seed: Seed, mutations: list[tuple[str, int, Any]]) -> bytes:
    """Apply mutations at opcodes, from the last to the first so that places stay right."""
    pickle, starts = seed.pickle, seed.starts
    last = len(starts) - 2
    pick = {"value": seed.values, "name": seed.names}
    placed = []
    for kind, at, detail in mutations:
        choice = pick.get(kind) or range(last + 1)
        placed.append((choice[at % len(choice)], kind, detail))
    for index, kind, detail in sorted(placed, key=lambda item: -item[0]):
        here, after = starts[index], starts[index + 1]
        if kind == "insert":
            pickle = pickle[:here] + detail + pickle[here:]
        elif kind in ("replace", "value", "name"):
            pickle = pickle[:here] + detail + pickle[after:]
        elif kind == "delete":
            pickle = pickle[:here] + pickle[starts[min(index + detail, last)] :]
        elif kind == "copy":
            start = detail[0] % (last + 1)
            piece = pickle[starts[start] : starts[min(start + detail[1], last)]]
            pickle = pickle[:here] + piece + pickle[here:]
        elif kind == "byte":
            place = min(here + detail[0], len(pickle) - 1)
            pickle = pickle[:place] + bytes([detail[1]]) + pickle[place + 1 :]
        else:
            pickle = pickle[:here] + b"."
    return pickle


def touch(tree: Any) -> int:
    """Read every array of a tree, each once, so that one out of bounds would show."""
    seen: dict[int, Any] = {}
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if id(node) in seen:
            continue
        seen[id(node)] = node
        if isinstance(node, np.ndarray):
            assert not node.flags.writeable
            assert node.dtype.isnative
            node.tobytes()
        elif isinstance(node, Record):
            waiting += [node.args, node.state, node.items]
        elif isinstance(node, dict):
            waiting += [*node.keys(), *node.values()]
        elif isinstance(node, list | tuple | set | frozenset):
            waiting += node
        else:
            assert node is None or isinstance(
                node, bool | int | float | str | bytes | memoryview | np.generic | np.dtype
            )
    return len(seen)


def attempt(seed: Seed, mutations: list[tuple[str, int, Any]]) -> str:
    """Read a mutated file; return what came of it."""
    raw = seed.wrap(mutate(seed, mutations))
    try:
        with nothing_runs():
            tree = parse(memoryview(raw), "file.pth").tree
    except InputError as error:
        message = str(error)
        assert message.startswith("file.pth: ")
        assert message.isprintable()
        assert len(message) < 500
        return "refused by the unpickler" if "of its pickle)" in message else "refused elsewhere"
    touch(tree)
    try:
        find_state_dicts(tree)
    except InputError:
        return "read, no networks"
    return "read"


def fuzz(seeds: list[Seed], examples: int) -> Counter[str]:
    """Try so many mutated files, and count what came of them."""
    counts: Counter[str] = Counter()

    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(
        st.integers(0, len(seeds) - 1),
        st.lists(MUTATIONS, min_size=1, max_size=3) | st.lists(SENSIBLE, min_size=1, max_size=3),
    )
    def run(index: int, mutations: list[tuple[str, int, Any]]) -> None:
        counts[attempt(seeds[index], mutations)] += 1

    run()
    return counts


def assert_reached(counts: Counter[str], examples: int) -> None:
    """Both ends of the unpickler were reached: much was refused inside it, some got through."""
    assert counts.total() >= 0.9 * examples
    assert counts["refused by the unpickler"] > 0.3 * counts.total(), counts
    assert counts["read"] > 0.04 * counts.total(), counts


def test_the_seeds_read_before_they_are_mutated():
    for each in hand_written():
        assert attempt(each, []) == "read", each.name


def test_mutated_hand_written_files():
    assert_reached(fuzz(hand_written(), 400), 400)


@pytest.mark.shared
def test_mutated_real_files(shared):
    seeds = real(shared / "checkpoints")
    assert all(attempt(each, []) == "read" for each in seeds)
    assert_reached(fuzz(seeds, 150), 150)


@pytest.mark.slow
@pytest.mark.shared
def test_ten_thousand_mutated_files(shared):
    assert_reached(fuzz(hand_written() + real(shared / "checkpoints"), 10_000), 10_000)
