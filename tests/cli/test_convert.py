"""``pmsfc convert``: from a checkpoint file to an inversion."""

import json
import os
import subprocess
import sys
from pathlib import Path

from pmsfc_jax.cli.main import main

ROOT = Path(__file__).resolve().parents[2]
CHECKPOINT = ROOT / "tests" / "golden" / "pggan_tiny.pth"


def test_a_checkpoint_becomes_a_generator_that_inverts(photos, tmp_path, capfd):
    weights = ["--weights-dir", str(tmp_path / "weights")]
    assert main(["convert", str(CHECKPOINT), "--name", "mine", *weights]) == 0
    out, err = capfd.readouterr()
    assert "layout pggan_mganprior" in err
    manifest = json.loads(out)
    assert manifest["name"] == "mine"
    assert manifest["source"]["file"] == "pggan_tiny.pth"
    assert main(["info", "mine", *weights]) == 0
    assert "mine: latent" in capfd.readouterr().out
    run = ["--out", str(tmp_path / "run"), "--generator", "mine", "--steps", "2", "--codes", "1"]
    assert main(["invert", str(photos), *run, "--num-subspaces", "2", *weights]) == 0
    assert len(list((tmp_path / "run" / "images").glob("*.png"))) == 3
    # A second conversion under the name is refused unless it is asked for.
    assert main(["convert", str(CHECKPOINT), "--name", "mine", *weights]) == 2
    assert "already exists" in capfd.readouterr().err
    assert main(["convert", str(CHECKPOINT), "--name", "mine", "--overwrite", *weights]) == 0


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
