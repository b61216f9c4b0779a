"""The README's Python runs as it stands there, with fewer steps."""

from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.mark.slow
def test_the_pipeline_in_python(monkeypatch, tmp_path):
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    code = text.split("```python\n")[1].split("```")[0]
    preset = 'pm.preset("default")'
    assert preset in code
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    monkeypatch.chdir(tmp_path)  # the example writes a file
    names: dict = {}
    shorter = code.replace(preset, 'pm.preset("default", num_steps=10)')
    exec(compile(shorter, "README.md", "exec"), names)
    np.testing.assert_array_equal(names["images"], names["result"].reconstruction)
    assert names["images"].shape == (8, 32, 32, 3)
    assert names["pictures"].shape == names["images"].shape
    assert np.abs(names["pictures"] - names["images"]).max() > 0.05
    # The embedded weights and the examples belong together: ten steps already come close.
    assert names["result"].losses.min(axis=1).mean() < 0.5 * names["result"].losses[:, 0].mean()
