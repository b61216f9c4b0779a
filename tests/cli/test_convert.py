"""``pmsfc convert``: from a checkpoint file to an inversion."""

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pmsfc_jax.cli.main import main
from pmsfc_jax.nn.squeezenet import CAFFE_PARTS, kernel_shapes
from tests.weights import native, torch_dcgan

ROOT = Path(__file__).resolve().parents[2]
CHECKPOINT = ROOT / "tests" / "golden" / "pggan_tiny.pth"


@pytest.mark.slow
def test_a_checkpoint_becomes_a_generator_that_inverts(photos, tmp_path, capfd):
    weights = ["--weights-dir", str(tmp_path / "weights")]
    assert main(["convert", str(CHECKPOINT), "--name", "mine", *weights]) == 0
    out, _ = capfd.readouterr()
    folder = tmp_path / "weights" / "mine"
    for words in (
        "layout pggan_mganprior",
        "the file says: lod=0.0, fused=False",
        "assumed, since the file does not say it: slope=0.2, upsample=nearest, output=linear",
        "mine: latent 8, image 16x16x3",
        "layer  feature HxWxC  numbers",
        f"samples: {folder / 'samples.png'}",
    ):
        assert words in out
    sheet = np.asarray(Image.open(folder / "samples.png"))
    assert sheet.shape == (4 * 20 + 4, 4 * 20 + 4, 3)
    mean = np.asarray(Image.open(folder / "mean.png"))
    assert mean.shape == (16, 16, 3)
    assert main(["info", "mine", *weights]) == 0
    shown = capfd.readouterr().out
    assert "mine: latent" in shown
    assert "assumed, since the file does not say it: slope=0.2" in shown
    assert f"their mean: {folder / 'mean.png'}" in shown
    # What is printed as the next command runs, with photographs in the place of the words.
    (told,) = [line for line in out.splitlines() if line.startswith("next: pmsfc ")]
    command = shlex.split(told.removeprefix("next: pmsfc "))
    words = {"PHOTOGRAPHS": str(photos), "RUN": str(tmp_path / "run")}
    command = [words.get(word, word) for word in command]
    assert main([*command, "--steps", "2", "--codes", "1", "--num-subspaces", "2"]) == 0
    assert len(list((tmp_path / "run" / "images").glob("*.png"))) == 3
    # A second conversion under the name is refused unless it is asked for.
    assert main(["convert", str(CHECKPOINT), "--name", "mine", *weights]) == 2
    assert "already exists" in capfd.readouterr().err
    again = ["--overwrite", "--samples", "0"]
    assert main(["convert", str(CHECKPOINT), "--name", "mine", *again, *weights]) == 0
    assert not (folder / "samples.png").exists()


def test_json_is_the_manifest_alone(tmp_path, capfd):
    command = ["convert", str(CHECKPOINT), "--name", "mine", "--json", "--samples", "0"]
    assert main([*command, "--weights-dir", str(tmp_path)]) == 0
    out, err = capfd.readouterr()
    manifest = json.loads(out)
    assert manifest["name"] == "mine"
    assert manifest["source"]["file"] == "pggan_tiny.pth"
    assert manifest["source"]["choices"]["slope"] == {"value": 0.2, "from": "default"}
    assert "next: pmsfc invert" in err


def test_what_is_advised_next_for_a_judge_works_with_a_number_in_the_place_of_w(
    photos, tmp_path, capfd
):
    rng = np.random.default_rng(0)
    arrays = {
        f"{path.replace('/', '.')}.{name}": array
        for path, shape in kernel_shapes().items()
        for name, array in (
            ("weight", rng.normal(size=shape).astype(np.float32).transpose(3, 2, 0, 1) * 0.1),
            ("bias", np.zeros(shape[-1], np.float32)),
        )
    }
    for ours, caffe in CAFFE_PARTS.items():
        arrays = {name.replace(ours, caffe): array for name, array in arrays.items()}
    np.savez(tmp_path / "judge.npz", **arrays)
    weights = ["--weights-dir", str(tmp_path / "weights")]
    assert main(["convert", str(tmp_path / "judge.npz"), "--name", "eye", *weights]) == 0
    advised = shlex.split(capfd.readouterr().out.partition("next: pmsfc ")[2])
    there = {"PHOTOGRAPHS": str(photos / "p0.png"), "RUN": str(tmp_path / "run"), "W": "0.01"}
    advised = [there.get(word, word) for word in advised]
    short = ["--steps", "1", "--method", "single", "--optimiser", "adam"]
    assert main([*advised, *short]) == 0
    assert "V = eye/perceptual" in capfd.readouterr().err


ASKING = {
    "pggan_gandissect": (native.draw_gandissect(1, 5, (4, 6)), {"output": "clip"}),
    "pggan_zoo": (native.draw_zoo(1, 5, (4, 6)), {"output": "tanh", "equalised": "true"}),
    "pggan_rosinality": (native.draw_rosinality(1, 5, (4, 6)), {"label": "1", "step": "1"}),
    "pggan_odegeasslbc": (native.draw_odegeasslbc(1, 5, 4), {"step": "2", "output": "tanh"}),
}


@pytest.mark.parametrize("layout", ASKING)
def test_the_command_that_an_error_advises_works_when_it_is_typed(tmp_path, capfd, layout):
    arrays, values = ASKING[layout]
    np.savez(tmp_path / "file.npz", **arrays)
    command = ["convert", str(tmp_path / "file.npz"), "--name", "mine", "--samples", "0"]
    command += ["--weights-dir", str(tmp_path / "weights")]
    assert main(command) == 2
    error = capfd.readouterr().err.strip()
    advised = shlex.split(error.partition("give what is missing: ")[2])
    assert advised.count("--set") == len(values)
    filled = [
        word.replace("...", values[word.partition("=")[0]]) if "=" in word else word
        for word in advised
    ]
    assert main([*command, *filled]) == 0
    manifest = json.loads((tmp_path / "weights" / "mine" / "manifest.json").read_text())
    choices = manifest["source"]["choices"]
    assert {name: choices[name]["from"] for name in values} == dict.fromkeys(values, "given")


@pytest.mark.torch
def test_the_advice_for_a_sigmoid_works_when_it_is_typed(tmp_path, capfd):
    torch = pytest.importorskip("torch")
    torch.save(torch_dcgan.build(torch, output=torch.nn.Sigmoid()), tmp_path / "whole.pth")
    command = ["convert", str(tmp_path / "whole.pth"), "--name", "mine", "--samples", "0"]
    command += ["--weights-dir", str(tmp_path / "weights")]
    assert main(command) == 2
    advised = capfd.readouterr().err.strip().partition(", add ")[2]
    assert main([*command, *shlex.split(advised)]) == 0


def test_facts_that_are_set_several_times_add_up(tmp_path, capfd):
    command = ["convert", str(CHECKPOINT), "--samples", "0", "--weights-dir", str(tmp_path)]
    several = ["--set", "lod=1", "output=tanh", "--set", "slope=0.1"]
    assert main([*command, "--name", "mine", *several]) == 0
    assert "given: lod=1.0, slope=0.1, output=tanh" in capfd.readouterr().out


def test_mistakes_are_one_line(tmp_path, capfd):
    (tmp_path / "noise.pth").write_bytes(b"no checkpoint at all")
    weights = ["--weights-dir", str(tmp_path / "weights")]
    for words, message in (
        (["absent.pth"], "absent.pth"),
        ([str(tmp_path / "noise.pth")], "noise.pth"),
        ([str(CHECKPOINT), "--set", "output"], "field=value"),
        ([str(CHECKPOINT), "--which", "nobody"], "nobody"),
    ):
        assert main(["convert", *words, "--name", "mine", *weights]) == 2
        error = capfd.readouterr().err.strip().splitlines()[-1]
        assert error.startswith("pmsfc convert: error:")
        assert message in error
    assert not (tmp_path / "weights" / "mine").exists()


def test_the_script_is_the_same_command(tmp_path):
    script = ROOT / "scripts" / "convert_weights.py"
    done = subprocess.run(
        [sys.executable, script, CHECKPOINT, "--name", "mine", "--weights-dir", tmp_path],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "mine" / "manifest.json").is_file()
