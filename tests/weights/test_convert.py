"""From a checkpoint file to a loaded generator, on the file of scripts/make_goldens.py."""

import os
import runpy
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.registry import load_generator
from pmsfc_jax.weights.convert import convert_checkpoint, parse_architecture
from pmsfc_jax.weights.store.manifest import read_manifest
from tests.weights import native, native_dcgan
from tests.weights.conversion import TOLERANCE, error, nchw, quick
from tests.weights.torch_files import safetensors

ROOT = Path(__file__).parents[2]
GOLDEN = ROOT / "tests" / "golden" / "pggan_tiny.pth"
EXPECTED = GOLDEN.with_suffix(".npz")


@pytest.fixture
def tool():
    """The functions of the script that writes the golden files."""
    return runpy.run_path(str(ROOT / "scripts" / "make_goldens.py"))


@pytest.fixture
def write(tool, tmp_path):
    def write_checkpoint(arrays):
        path = tmp_path / "checkpoint.pth"
        path.write_bytes(tool["checkpoint_bytes"](arrays))
        return path

    return write_checkpoint


def test_golden_end_to_end(tmp_path):
    folder = convert_checkpoint(GOLDEN, "tiny", weights_dir=tmp_path)
    assert folder == tmp_path / "tiny"
    generator, params = load_generator("tiny", weights_dir=tmp_path)
    expected = np.load(EXPECTED)
    assert generator.spec.image_shape == (16, 16, 3)
    with quick():
        for layer in range(6):
            h, context = generator.head(params, expected["z"], layer=layer)
            assert error(nchw(h), expected[f"layer{layer}"]) < TOLERANCE
            image = generator.tail(params, h, context, layer=layer)
            assert error(nchw(image), expected["image"]) < TOLERANCE


def test_golden_manifest(tmp_path):
    manifest = read_manifest(convert_checkpoint(GOLDEN, "tiny", weights_dir=tmp_path))
    generator = manifest.network("generator")
    assert (manifest.name, generator.family) == ("tiny", "pggan")
    assert generator.architecture["widths"] == [10, 10, 8, 8, 6, 6]
    assert generator.arrays["conv0/kernel"].shape == (8, 4, 4, 10)
    source = manifest.source
    assert (source.file, source.layout, source.group) == ("pggan_tiny.pth", "pggan_mganprior", "")
    assert source.choices == {
        "lod": {"value": 0.0, "from": "file"},
        "fused": {"value": False, "from": "file"},
        "slope": {"value": 0.2, "from": "default"},
        "upsample": {"value": "nearest", "from": "default"},
        "output": {"value": "linear", "from": "default"},
    }
    assert source.native_cuts == {f"layer{i}": i for i in range(6)}
    # Stable across versions: saved codes name it.
    again = read_manifest(convert_checkpoint(GOLDEN, "again", weights_dir=tmp_path))
    assert manifest.manifest_hash == again.manifest_hash == IDENTITY


IDENTITY = "36e9662b59c00a8cdadea92e54a84c2dd3756ba2ba370fd05b9b19344160bd66"


def test_goldens_are_what_the_script_makes(tool, tmp_path):
    tool["main"](tmp_path)
    assert (tmp_path / "pggan_tiny.pth").read_bytes() == GOLDEN.read_bytes()
    made, kept = np.load(tmp_path / "pggan_tiny.npz"), np.load(EXPECTED)
    assert made.files == kept.files
    for name in made.files:
        np.testing.assert_allclose(made[name], kept[name], rtol=1e-5, atol=1e-6)


def test_facts_are_recorded(tmp_path, write):
    path = write(native.draw_mganprior(1, 5, (4, 6)))
    folder = convert_checkpoint(path, "a", weights_dir=tmp_path, lod=1, output="tanh")
    manifest = read_manifest(folder)
    assert manifest.source.choices["lod"] == {"value": 1.0, "from": "given"}
    architecture = manifest.network("generator").architecture
    assert (architecture["output"], architecture["extra_doublings"]) == ("tanh", 1)
    assert load_generator(folder)[0].spec.image_shape == (8, 8, 3)


def test_weights_are_kept_unless_overwritten(tmp_path, write):
    path = write(native.draw_mganprior(1, 5, (4, 6)))
    first = read_manifest(convert_checkpoint(GOLDEN, "a", weights_dir=tmp_path))
    with pytest.raises(InputError, match="already exists"):
        convert_checkpoint(path, "a", weights_dir=tmp_path)
    assert read_manifest(tmp_path / "a") == first
    convert_checkpoint(path, "a", weights_dir=tmp_path, overwrite=True)
    assert read_manifest(tmp_path / "a").manifest_hash != first.manifest_hash


def test_default_place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PMSFC_WEIGHTS", raising=False)
    assert convert_checkpoint(GOLDEN, "a") == tmp_path / "ported_weights" / "a"
    places = [tmp_path / "first", tmp_path / "second"]
    monkeypatch.setenv("PMSFC_WEIGHTS", os.pathsep.join(map(str, places)))
    assert convert_checkpoint(GOLDEN, "a") == tmp_path / "first" / "a"


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", ".hidden", "-x", "a b", "a\n", "x" * 101])
def test_names_that_are_none(tmp_path, name):
    with pytest.raises(InputError, match="cannot be the name of weights"):
        convert_checkpoint(GOLDEN, name, weights_dir=tmp_path)


def test_faults_name_the_file_and_leave_nothing(tmp_path, write):
    arrays = native.draw_mganprior(1, 5, (4, 6))
    del arrays["layer1.conv.weight"]
    path = write(arrays)
    place = tmp_path / "weights"
    for options, expected in (
        ({}, "(layout pggan_mganprior): the keys do not fit: missing: layer1.conv.weight"),
        ({"step": 1}, "has no step to set"),
        ({"which": "avgG"}, "no generator 'avgG'"),
    ):
        with pytest.raises(InputError) as caught:
            convert_checkpoint(path, "a", weights_dir=place, **options)
        message = str(caught.value)
        assert message.startswith(str(path))
        assert expected in message
        assert "\n" not in message
    with pytest.raises(InputError, match="cannot be read"):
        convert_checkpoint(tmp_path / "absent.pth", "a", weights_dir=place)
    assert not place.exists()


def test_what_could_not_be_read_of_a_network_is_named_where_it_is_missing(tmp_path):
    arrays = native_dcgan.pytorch_examples(1, 5, (4, 6))
    entries = {
        name: ("F32", list(array.shape), array.tobytes())
        for name, array in arrays.items()
        if name != "main.3.weight"
    }
    entries["main.3.weight"] = ("F8_E4M3", [4, 6, 4, 4], bytes(4 * 6 * 16))
    (tmp_path / "x.safetensors").write_bytes(safetensors(entries))
    with pytest.raises(InputError) as caught:
        convert_checkpoint(tmp_path / "x.safetensors", "x", weights_dir=tmp_path)
    message = str(caught.value)
    assert "missing: main.3.weight (4, 6, ?, ?)" in message
    assert "passed over were main.3.weight (of type F8_E4M3)" in message


def test_a_taken_name_is_said_before_the_file_is_read(tmp_path):
    (tmp_path / "a").mkdir()
    with pytest.raises(InputError, match="already exists"):
        convert_checkpoint(tmp_path / "absent.pth", "a", weights_dir=tmp_path)


def test_what_is_recognised_is_said(tmp_path):
    said = []
    convert_checkpoint(GOLDEN, "a", weights_dir=tmp_path, on_recognised=said.append)
    (text,) = said
    for words in (
        "pggan_tiny.pth: torch zip",
        "layout pggan_mganprior (genforce/mganprior",
        "19 arrays",
    ):
        assert words in text


def test_facts_from_the_command_line():
    assert parse_architecture(["lod=1", "output=tanh"]) == {"lod": 1.0, "output": "tanh"}


def test_the_script(tmp_path):
    command = [sys.executable, "scripts/convert_weights.py", str(GOLDEN), "--name", "a"]
    command += ["--weights-dir", str(tmp_path), "--samples", "0"]
    paths = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    settings = {"cwd": ROOT, "env": os.environ | {"PYTHONPATH": paths}, "timeout": 120}
    first, second = (
        subprocess.run(command, capture_output=True, text=True, **settings) for _ in range(2)
    )
    assert first.returncode == 0, first.stderr
    assert "layout pggan_mganprior" in first.stdout
    assert second.returncode == 2
    assert "already exists" in second.stderr
    assert "Traceback" not in second.stderr


@pytest.mark.shared
def test_the_averaged_network_of_a_file(shared, tmp_path):
    path = shared / "checkpoints" / "pggan_zoo" / "checkpoint.pth"
    said = []
    folder = convert_checkpoint(path, "zoo", weights_dir=tmp_path, on_recognised=said.append)
    assert "takes avgG, an average; also there: netG" in said[0]
    assert read_manifest(folder).source.group == "avgG"
    io = np.load(path.parent / "io.npz")
    generator, params = load_generator(folder)
    with jax.default_matmul_precision("highest"):
        image = generator(params, io["z"])
    assert error(nchw(image), io["image"]) < TOLERANCE


@pytest.mark.torch
def test_torch_reads_the_golden_file_alike(tmp_path):
    torch = pytest.importorskip("torch")
    state = torch.load(GOLDEN, weights_only=True)
    arrays = native.draw_mganprior(20210502, 8, (10, 8, 6))
    assert list(state) == list(arrays)
    for name, array in arrays.items():
        np.testing.assert_array_equal(state[name].numpy(), array)
