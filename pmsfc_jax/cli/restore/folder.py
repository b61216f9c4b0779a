"""The folder of a run of ``pmsfc restore``.

config.json             the settings that decide the outcome; the same ones continue the run
memory.json             how many samples fit into the device's memory at once, where fewer did
choices.json            per kind of loss: layer, steps and calibration, and what was tried
given/NAME.png          what was compared: the photograph, cropped, and reduced where it is large
restored/NAME.png       the mean of the samples
samples/NAME-1.png      each of them
uncertainty/NAME.png    grey: four times the standard deviation of each pixel, in grey levels
uncertainty/NAME.npy    the same in grey levels, float32 [H, W], not multiplied
baseline/NAME.png       the simple way
kernels/NAME.npy        of a blur that was estimated
codes/NAME-1.npz        of each sample, as `pmsfc render` draws it: before anything is put back
metrics.csv, sheet.png, report.html, batches.json, state/, .lock: as in a run of pmsfc invert
"""

import io
import json
from pathlib import Path
from typing import Any

import numpy as np

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.core.images import as_colours
from pmsfc_jax.io.atomic import write_bytes_atomic, write_text_atomic
from pmsfc_jax.io.codes import SavedCodes, load_codes, save_codes
from pmsfc_jax.io.images import save_png
from pmsfc_jax.io.runs import RunFolder

#: By which the picture of an uncertainty is brighter than its grey levels.
SHOWN_TIMES = 4
_CHOICES = "choices.json"
_MEMORY = "memory.json"
_PICTURES = ("given", "restored", "uncertainty", "baseline")


class RestorationFolder(RunFolder):
    """One folder of restored photographs."""

    folders = ("codes", "samples", *_PICTURES, "kernels")
    files = (
        "codes/*.npz",
        *(f"{folder}/*.png" for folder in ("samples", *_PICTURES)),
        "uncertainty/*.npy",
        "kernels/*.npy",
        "rendered/*.png",
        "sheet*.png",
        "report*.html",
        "metrics.csv",
        "batches.json",
        _CHOICES,
        _MEMORY,
    )

    def is_restored(self, name: str, samples: int) -> bool:
        """Whether all files of a photograph are there; its last codes are what is written last."""
        pictures = [self.path / folder / f"{name}.png" for folder in _PICTURES]
        pictures += [self.path / "uncertainty" / f"{name}.npy"]
        pictures += [self.path / "samples" / f"{name}-{i}.png" for i in range(1, samples + 1)]
        if not all(path.exists() for path in pictures):
            return False
        try:
            for number in range(1, samples + 1):
                load_codes(self.codes_path(f"{name}-{number}"))
        except InputError:
            return False
        return True

    def save_restored(
        self,
        name: str,
        *,
        given: np.ndarray,
        restored: np.ndarray,
        samples: np.ndarray,
        uncertainty: np.ndarray,
        baseline: np.ndarray,
        codes: list[SavedCodes],
    ) -> None:
        """Write one photograph's files.

        Args:
          name: of the photograph in the run.
          given: ``[h, w, 3]`` uint8.
          restored: ``[H, W, 3]`` uint8.
          samples: ``[M, H, W, 3]`` uint8.
          uncertainty: ``[H, W]`` in grey levels.
          baseline: ``[H, W, 3]`` uint8.
          codes: of the M samples.

        Raises:
          InputError: a file cannot be written.

        """
        save_png(self.path / "given" / f"{name}.png", given)
        save_png(self.path / "restored" / f"{name}.png", restored)
        save_png(self.path / "baseline" / f"{name}.png", baseline)
        save_png(self.path / "uncertainty" / f"{name}.png", shown_uncertainty(uncertainty))
        _save_array(self.path / "uncertainty" / f"{name}.npy", uncertainty)
        for number, (sample, saved) in enumerate(zip(samples, codes, strict=True), 1):
            save_png(self.path / "samples" / f"{name}-{number}.png", sample)
            save_codes(self.codes_path(f"{name}-{number}"), saved)

    def choices(self) -> dict[str, Any]:
        """What was chosen for each kind of loss; nothing where it cannot be read."""
        try:
            found = json.loads((self.path / _CHOICES).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def save_choices(self, choices: dict[str, Any]) -> None:
        """Write what `choices` reads.

        Raises:
          InputError: the file cannot be written.

        """
        write_text_atomic(self.path / _CHOICES, json.dumps(choices, indent=1) + "\n")

    def samples_at_once(self) -> int | None:
        """How many samples fit into the device's memory; ``None`` where all that were tried did."""
        try:
            found = json.loads((self.path / _MEMORY).read_text(encoding="utf-8"))
            return max(1, int(found["samples_at_once"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def save_samples_at_once(self, count: int) -> None:
        """Write what `samples_at_once` reads.

        Raises:
          InputError: the file cannot be written.

        """
        write_text_atomic(self.path / _MEMORY, json.dumps({"samples_at_once": count}) + "\n")

    def kernel(self, name: str) -> np.ndarray | None:
        """The kernel that was estimated for a photograph, ``[k, k]``."""
        try:
            kernel: np.ndarray = np.load(self.path / "kernels" / f"{name}.npy", allow_pickle=False)
        except (OSError, ValueError):
            return None
        return kernel

    def save_kernel(self, name: str, kernel: np.ndarray) -> None:
        """Write what `kernel` reads.

        Raises:
          InputError: the file cannot be written.

        """
        _save_array(self.path / "kernels" / f"{name}.npy", kernel)


def shown_uncertainty(uncertainty: np.ndarray) -> np.ndarray:
    """``[H, W]`` grey levels as a picture ``[H, W, 3]``, `SHOWN_TIMES` as bright."""
    levels = np.clip(np.rint(SHOWN_TIMES * uncertainty), 0, 255).astype(np.uint8)
    return as_colours(levels[..., None])


def _save_array(path: Path, array: np.ndarray) -> None:
    buffer = io.BytesIO()
    np.save(buffer, np.asarray(array, np.float32))
    write_bytes_atomic(path, buffer.getvalue())
