"""Files that the installed torch writes, against what it loads."""

import pickle
import warnings

import numpy as np
import pytest

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.weights.networks.module import flatten_module
from pmsfc_jax.weights.reader.checkpoint import read_checkpoint
from pmsfc_jax.weights.reader.records import Record
from tests.weights.state_dicts import find_state_dicts

pytestmark = pytest.mark.torch
torch = pytest.importorskip("torch")

DTYPES = "float64 float32 float16 bfloat16 int64 int32 int16 int8 uint8 bool complex64 complex128"
NEW_DTYPES = "uint16 uint32 uint64"
CONTAINERS = {"torch zip": True, "torch legacy": False}


def save(value, path, container="torch zip"):
    torch.save(value, path, _use_new_zipfile_serialization=CONTAINERS[container])
    return read_checkpoint(path)


def widened(tensor):
    tensor = tensor.detach()
    return (tensor.float() if tensor.dtype == torch.bfloat16 else tensor).numpy()


def assert_bitwise(got, tensor):
    expected = widened(tensor)
    assert got.dtype == expected.dtype
    assert got.shape == expected.shape
    assert got.tobytes() == expected.tobytes()


@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize("dtype", DTYPES.split())
def test_every_dtype_and_view(tmp_path, container, dtype):
    base = torch.randn(4, 6, 5, generator=torch.Generator().manual_seed(3)) * 50
    base = base.to(getattr(torch, dtype))
    value = {
        "whole": base,
        "permuted": base.permute(2, 0, 1),
        "part": base[1:3, ::2, 4],
        "scalar": base[0, 0, 0],
        "expanded": base[:1].expand(3, 6, 5),
        "empty": base[:, :0],
        "parameter": torch.nn.Parameter(base, requires_grad=False),
    }
    checkpoint = save(value, tmp_path / "x.pt", container)
    assert checkpoint.container == container
    for name, tensor in value.items():
        assert_bitwise(checkpoint.tree[name], tensor)


@pytest.mark.parametrize("dtype", NEW_DTYPES.split())
def test_dtypes_without_a_storage_class(tmp_path, dtype):
    value = torch.arange(7).to(getattr(torch, dtype))[2:]
    assert_bitwise(save(value, tmp_path / "x.pt").tree, value)


@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize("dtype", [torch.complex64, torch.complex128])
def test_signs_and_conjugates_that_torch_puts_off(tmp_path, container, dtype):
    def base():
        return torch.randn(4, 3, dtype=dtype, generator=torch.Generator().manual_seed(3))

    value = {
        "negative": base().conj().imag,
        "part": base().conj().imag[1:, ::2].t(),
        "conjugate": base().conj(),
        "both": torch._neg_view(base().conj()),
        "real": torch._neg_view(base().real),
        "whole": torch._neg_view(torch.arange(3)),
    }
    assert value["negative"].is_neg()
    assert value["conjugate"].is_conj()
    tree = save(value, tmp_path / "x.pt", container).tree
    for name, tensor in value.items():
        assert_bitwise(tree[name], tensor.resolve_conj().resolve_neg())


@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.filterwarnings("ignore:torch.quantize:UserWarning")
@pytest.mark.filterwarnings("ignore:Sparse CSR:UserWarning")
def test_what_is_no_plain_tensor_spoils_nothing(tmp_path, container):
    value = {
        "float8": torch.ones(3).to(torch.float8_e5m2),
        "coo": torch.eye(3).to_sparse(),
        "csr": torch.eye(3).to_sparse_csr(),
        "quantised": torch.quantize_per_tensor(torch.ones(3), 0.1, 0, torch.qint8),
        "unsigned": torch.quantize_per_tensor(torch.ones(3), 0.1, 0, torch.quint8),
        "wide": torch.quantize_per_tensor(torch.ones(3), 0.1, 0, torch.qint32),
        "meta": torch.ones(3, device="meta"),
        "text": "dcgan",
        "nothing": None,
        "weight": torch.arange(4.0),
    }
    tree = save(value, tmp_path / "x.pt", container).tree
    assert_bitwise(tree["weight"], value["weight"])
    others = [name for name, found in tree.items() if isinstance(found, Record)]
    assert others == list(value)[:7]


def test_programs_are_named_for_what_they_are(tmp_path):
    net = torch.nn.Sequential(torch.nn.Conv2d(1, 1, 1), torch.nn.ReLU())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.script(net).save(tmp_path / "script.pt")
        program = torch.export.export(net, (torch.zeros(1, 1, 2, 2),))
        torch.export.save(program, tmp_path / "program.pt2")
    with pytest.raises(InputError, match=r"TorchScript program \(torch\.jit\.save\)"):
        read_checkpoint(tmp_path / "script.pt")
    with pytest.raises(InputError, match=r"program of torch\.export"):
        read_checkpoint(tmp_path / "program.pt2")


def test_what_numpy_cannot_hold_is_a_record(tmp_path):
    value = {
        "eight": torch.zeros(3).to(torch.float8_e4m3fn),
        "sparse": torch.eye(3).to_sparse(),
        "weight": torch.ones(2),
        "dtype": torch.bfloat16,
        "device": torch.device("cpu"),
    }
    tree = save(value, tmp_path / "x.pt").tree
    assert [type(tree[name]) for name in value] == [Record, Record, np.ndarray, Record, Record]


@pytest.mark.parametrize("container", CONTAINERS)
def test_whole_modules_and_data_parallel(tmp_path, container):
    net = torch.nn.Sequential(
        torch.nn.Conv2d(3, 4, 3),
        torch.nn.Sequential(torch.nn.BatchNorm2d(4), torch.nn.PReLU()),
        torch.nn.utils.spectral_norm(torch.nn.Linear(4, 2)),
    )
    net.register_buffer("temporary", torch.ones(2), persistent=False)
    net[0].weight.lr_mult = 2.0
    expected = net.state_dict()
    for value in (net, torch.nn.DataParallel(net), {"model": net}, net.state_dict()):
        tree = save(value, tmp_path / "x.pt", container).tree
        (flat,) = find_state_dicts(tree).values()
        assert list(flat) == list(expected)
        for name, tensor in expected.items():
            assert_bitwise(flat[name], tensor)
    assert list(flatten_module(save(net, tmp_path / "y.pt", container).tree)[0]) == list(expected)


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_tensors_in_plain_pickles(tmp_path, protocol):
    value = {"a": torch.randn(3, 4).t(), "b": torch.nn.Parameter(torch.arange(4.0))}
    path = tmp_path / "x.pkl"
    path.write_bytes(pickle.dumps(value, protocol))
    checkpoint = read_checkpoint(path)
    assert checkpoint.container == "pickle"
    for name, tensor in value.items():
        assert_bitwise(checkpoint.tree[name], tensor)


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("container", CONTAINERS)
def test_every_pickle_protocol(tmp_path, container, protocol):
    value = {"a": torch.randn(3, 4), "b": [1, (2.0, "x"), {"y"}, b"z"]}
    path = tmp_path / "x.pt"
    new = CONTAINERS[container]
    torch.save(value, path, pickle_protocol=protocol, _use_new_zipfile_serialization=new)
    checkpoint = read_checkpoint(path)
    assert checkpoint.container == container
    assert_bitwise(checkpoint.tree["a"], value["a"])
    assert checkpoint.tree["b"] == value["b"]


def test_files_saved_without_checksums(tmp_path):
    value = {"a": torch.randn(3, 4)}
    torch.serialization.set_crc32_options(False)
    try:
        checkpoint = save(value, tmp_path / "x.pt")
    finally:
        torch.serialization.set_crc32_options(True)
    assert_bitwise(checkpoint.tree["a"], value["a"])


def test_an_optimizer_and_its_schedule(tmp_path):
    net = torch.nn.Linear(3, 2)
    optimizer = torch.optim.Adam(net.parameters(), lr=0.1)
    net(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    value = {"net": net.state_dict(), "optimizer": optimizer.state_dict(), "object": optimizer}
    tree = save(value, tmp_path / "x.pt").tree
    assert list(find_state_dicts({"net": tree["net"], "optimizer": tree["optimizer"]})) == ["net"]
    assert_bitwise(tree["optimizer"]["state"][0]["exp_avg"], optimizer.state[net.weight]["exp_avg"])
    assert tree["object"].class_name == "torch.optim.adam.Adam"
