"""Every reference checkpoint, against what torch, pickle and the fixtures' own facts say."""

import hashlib
import importlib
import io
import json
import pickle
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pmsfc_jax.weights.networks.module import flatten_module
from pmsfc_jax.weights.reader.checkpoint import parse, read_checkpoint
from pmsfc_jax.weights.reader.records import Record
from tests.weights.guard import nothing_runs
from tests.weights.state_dicts import find_state_dicts

pytestmark = pytest.mark.shared

FILES = [
    "biggan_ajbrock/checkpoint.pth",
    "biggan_ajbrock_nohier/checkpoint.pth",
    "biggan_huggingface/pytorch_model.bin",
    "biggan_huggingface/pytorch_model_zip.bin",
    "dcgan_chienliu/weights.tar",
    "dcgan_fletchersarip93/checkpoint.pt",
    "dcgan_pytorch_examples/netG_dataparallel.pth",
    "dcgan_pytorch_examples/netG_epoch_24.pth",
    "dcgan_pytorch_examples/netG_epoch_24_legacy.pth",
    "pggan_akanimax/checkpoint.bin",
    "pggan_akanimax/checkpoint_noema.bin",
    "pggan_akanimax_noeql/checkpoint.bin",
    "pggan_akanimax_v2/checkpoint.pth",
    "pggan_akanimax_v2/checkpoint_dataparallel.pth",
    "pggan_gandissect/checkpoint.pth",
    "pggan_gandissect/checkpoint_with_scale.pth",
    "pggan_gandissect/checkpoint_wrapped.pth",
    "pggan_genforce/checkpoint.pth",
    "pggan_genforce/checkpoint_runner.pth",
    "pggan_genforce_fused/checkpoint.pth",
    "pggan_mganprior/checkpoint.pth",
    "pggan_mganprior/checkpoint_legacy.pth",
    "pggan_mganprior_fused/checkpoint.pth",
    "pggan_mganprior_fused/checkpoint_legacy.pth",
    "pggan_odegeasslbc/checkpoint.model",
    "pggan_ptrblck/checkpoint.pth",
    "pggan_ptrblck/checkpoint_zip.pth",
    "pggan_rosinality/checkpoint.model",
    "pggan_rosinality/checkpoint_state_dict.pt",
    "pggan_tf/Gs_variables.pkl",
    "pggan_tf/checkpoint.pkl",
    "pggan_tf/checkpoint_np2.pkl",
    "pggan_tf_fused/checkpoint.pkl",
    "pggan_zoo/checkpoint.pth",
    "pggan_zoo/checkpoint_noconfig.pth",
    "pggan_zoo/checkpoint_nomodule.pth",
    "pggan_zoo/checkpoint_zip.pth",
    "stylegan2_ada_nvlabs/G_ema_only_nosrc.pkl",
    "stylegan2_ada_nvlabs/checkpoint.pkl",
    "stylegan2_ada_nvlabs_cond/G_ema_only_nosrc.pkl",
    "stylegan2_ada_nvlabs_cond/checkpoint.pkl",
    "stylegan2_ada_nvlabs_resnet/G_ema_only_nosrc.pkl",
    "stylegan2_ada_nvlabs_resnet/checkpoint.pkl",
    "stylegan2_rosinality/checkpoint.pt",
    "stylegan2_rosinality/checkpoint_train.pt",
    "vgg16_torchvision_lpips/lpips_vgg.pth",
    "vgg16_torchvision_lpips/vgg16_features_conv1_1-conv3_3.pth",
]


def test_no_reference_checkpoint_is_left_out(shared):
    others = {".npz", ".json", ".md", ""}
    found = sorted(
        str(path.relative_to(shared / "checkpoints").as_posix())
        for path in (shared / "checkpoints").glob("*/*")
        if path.suffix not in others
    )
    assert found == sorted(FILES)


@pytest.mark.parametrize("name", FILES)
def test_every_file_reads_and_its_fingerprint_is_the_published_one(shared, name):
    path = shared / "checkpoints" / name
    checkpoint = read_checkpoint(path)
    facts = json.loads((path.parent / "meta.json").read_text())
    published = facts.get("files", {}).get(path.name, {})
    assert checkpoint.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert checkpoint.sha256 == published.get("sha256", checkpoint.sha256)
    assert checkpoint.size == path.stat().st_size
    assert checkpoint.source == path.name
    assert find_state_dicts(checkpoint.tree)


def test_nothing_runs_while_they_are_read(shared):
    for name in FILES:
        raw = (shared / "checkpoints" / name).read_bytes()
        with nothing_runs():
            find_state_dicts(parse(memoryview(raw), name)[0])


GROUPS = {
    "dcgan_pytorch_examples/netG_dataparallel.pth": [""],
    "pggan_akanimax/checkpoint.bin": [
        "generator.state_dict",
        "discriminator.state_dict",
        "shadow_generator.state_dict",
    ],
    "pggan_gandissect/checkpoint_wrapped.pth": ["state_dict"],
    "pggan_genforce/checkpoint.pth": ["generator", "discriminator", "generator_smooth"],
    "pggan_genforce/checkpoint_runner.pth": [
        "models.discriminator",
        "models.generator",
        "models.generator_smooth",
    ],
    "pggan_rosinality/checkpoint.model": [""],
    "pggan_tf/Gs_variables.pkl": [""],
    "pggan_tf/checkpoint.pkl": ["0", "1", "2"],
    "pggan_zoo/checkpoint.pth": ["netG", "netD", "avgG"],
    "stylegan2_ada_nvlabs/checkpoint.pkl": ["G", "D", "G_ema"],
    # Beside the networks stands an average code.
    "stylegan2_rosinality/checkpoint.pt": ["", "g_ema"],
    "stylegan2_rosinality/checkpoint_train.pt": ["g", "g_ema"],
}


@pytest.mark.parametrize("name", GROUPS)
def test_the_networks_of_a_file_are_found(shared, name):
    tree = read_checkpoint(shared / "checkpoints" / name).tree
    assert list(find_state_dicts(tree)) == GROUPS[name]


@pytest.mark.parametrize(
    ("name", "group"),
    [
        ("dcgan_pytorch_examples/netG_dataparallel.pth", ""),
        ("pggan_akanimax_v2/checkpoint_dataparallel.pth", ""),
        ("pggan_genforce/checkpoint.pth", "generator_smooth"),
        ("pggan_mganprior/checkpoint_legacy.pth", ""),
        ("pggan_rosinality/checkpoint.model", ""),
        ("pggan_tf/checkpoint.pkl", "2"),
        ("pggan_tf/checkpoint_np2.pkl", "2"),
        ("pggan_zoo/checkpoint.pth", "avgG"),
        ("stylegan2_ada_nvlabs/checkpoint.pkl", "G_ema"),
        ("stylegan2_ada_nvlabs_cond/checkpoint.pkl", "G_ema"),
        ("stylegan2_ada_nvlabs_resnet/G_ema_only_nosrc.pkl", "G_ema"),
    ],
)
def test_names_and_shapes_are_those_of_the_codebase(shared, name, group):
    path = shared / "checkpoints" / name
    state_dict = find_state_dicts(read_checkpoint(path).tree)[group]
    keys = json.loads((path.parent / "meta.json").read_text())["keys"]
    expected = {key.replace(".module.", "."): shape for key, shape in keys.items()}
    assert {key: list(value.shape) for key, value in state_dict.items()} == expected


def test_a_whole_module_equals_its_own_state_dict(shared):
    """The stale scaled ``weight`` beside rosinality's ``weight_orig`` must not get in."""
    folder = shared / "checkpoints" / "pggan_rosinality"
    module = read_checkpoint(folder / "checkpoint.model").tree
    expected = read_checkpoint(folder / "checkpoint_state_dict.pt").tree
    flat = flatten_module(module).arrays
    assert list(flat) == list(expected)
    for name, value in flat.items():
        np.testing.assert_array_equal(value, expected[name])
    conv = module.attributes["_modules"]["progression"].attributes["_modules"]["0"]
    conv = conv.attributes["_modules"]["conv"].attributes["_modules"]["0"]
    conv = conv.attributes["_modules"]["conv"]
    stale = conv.attributes["weight"]
    assert stale.shape == conv.attributes["_parameters"]["weight_orig"].shape
    assert not np.array_equal(stale, conv.attributes["_parameters"]["weight_orig"])


def test_configurations_are_kept_as_records(shared):
    folder = shared / "checkpoints"
    config = read_checkpoint(folder / "pggan_zoo/checkpoint.pth").tree["config"]
    assert config.class_name == "models.utils.config.BaseConfig"
    assert config.attributes["alpha"] == 0
    args = read_checkpoint(folder / "stylegan2_rosinality/checkpoint_train.pt").tree["args"]
    assert args.class_name == "argparse.Namespace"
    assert args.attributes["size"] == 32
    network = read_checkpoint(folder / "stylegan2_ada_nvlabs/checkpoint.pkl").tree["G_ema"]
    assert network.class_name == "Generator"
    assert network.attributes["_init_kwargs"]["z_dim"] == 40
    assert "module_src" not in network.attributes


# Against the libraries that run what they read, with harmless stand-ins for foreign classes.


class _Stub:
    """Stand in for any foreign class."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.stub_args = args

    def __setstate__(self, state: Any) -> None:
        self.stub_state = state

    def __setitem__(self, key: Any, value: Any) -> None:
        self.__dict__.setdefault("stub_items", {})[key] = value


def _reconstruct(meta: dict) -> _Stub:
    made = _Stub()
    made.stub_state = meta["state"]
    return made


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("torch_utils.persistence", "_reconstruct_persistent_obj"):
            return _reconstruct
        if module.split(".")[0] in ("model", "models", "tfutil", "dnnlib"):
            return _Stub
        if module == "torch.storage" and name == "_load_from_bytes":
            torch = importlib.import_module("torch")
            return lambda raw: torch.load(io.BytesIO(raw), weights_only=False)
        if module.startswith("torch.nn.modules"):
            return _Stub
        return super().find_class(module, name)


def assert_same(got: Any, expected: Any, path: str = "") -> int:
    """Compare trees value by value and bit by bit; return the number of arrays."""
    if hasattr(expected, "detach"):
        expected = expected.detach().numpy()
    if isinstance(expected, np.ndarray | np.generic):
        assert type(got) is type(expected), path
        assert got.dtype == expected.dtype, path
        assert got.shape == expected.shape, path
        assert got.tobytes() == expected.tobytes(), path
        return 1
    if isinstance(expected, _Stub):
        assert isinstance(got, Record), path
        arrays = assert_same(got.state, getattr(expected, "stub_state", None), f"{path}.state")
        return arrays + assert_same(got.items, getattr(expected, "stub_items", None), path)
    if type(expected).__name__ == "Namespace":
        assert got.class_name == "argparse.Namespace"
        return assert_same(got.state, vars(expected), path)
    if isinstance(expected, dict):
        assert list(got) == list(expected), path
        return sum(assert_same(got[key], expected[key], f"{path}.{key}") for key in expected)
    if isinstance(expected, list | tuple):
        assert type(got) is type(expected), path
        assert len(got) == len(expected), path
        return sum(
            assert_same(a, b, f"{path}.{i}")
            for i, (a, b) in enumerate(zip(got, expected, strict=True))
        )
    assert type(got) is type(expected), path
    assert got == expected, path
    return 0


TORCH_FILES = [name for name in FILES if not name.startswith("pggan_tf")]


@pytest.mark.torch
@pytest.mark.parametrize("name", TORCH_FILES)
def test_every_value_is_what_torch_loads(shared, name):
    torch = pytest.importorskip("torch")
    path: Path = shared / "checkpoints" / name
    if path.suffix == ".pkl":
        with path.open("rb") as file:
            expected = _Unpickler(file).load()
    else:
        module = types.SimpleNamespace(Unpickler=_Unpickler, load=pickle.load, __name__="pickle")
        expected = torch.load(path, "cpu", pickle_module=module, weights_only=False)
    assert assert_same(read_checkpoint(path).tree, expected) > 4


@pytest.mark.parametrize("name", [name for name in FILES if name.startswith("pggan_tf")])
def test_every_value_is_what_pickle_loads(shared, name):
    path = shared / "checkpoints" / name
    with path.open("rb") as file:
        expected = _Unpickler(file).load()
    assert assert_same(read_checkpoint(path).tree, expected) >= 25
