"""Write tests/golden again: a tiny checkpoint file, and what its network draws.

    python scripts/make_goldens.py [FOLDER]

The file is in mganprior's layout, zipped as torch does it but written without torch. The features
and images come from `tests.weights.native`, float64 numpy that shares nothing with the package.
"""

import io
import sys
import zipfile
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.weights.native import draw_mganprior, forward_mganprior  # noqa: E402
from tests.weights.torch_files import pickled, whole  # noqa: E402

LATENT, WIDTHS, SEED = 8, (10, 8, 6), 20210502


def checkpoint_bytes(arrays: dict[str, np.ndarray]) -> bytes:
    """A state dict as a torch zip file, the same bytes every time."""
    state = {name: whole(str(i), array) for i, (name, array) in enumerate(arrays.items())}
    entries = {"archive/data.pkl": pickled(state), "archive/version": b"3\n"}
    for i, array in enumerate(arrays.values()):
        entries[f"archive/data/{i}"] = np.ascontiguousarray(array, "<f4").tobytes()
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, raw in entries.items():
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), raw)
    return stream.getvalue()


def main(folder: Path) -> None:
    """Write ``pggan_tiny.pth`` and ``pggan_tiny.npz`` to ``folder``."""
    arrays = draw_mganprior(SEED, LATENT, WIDTHS)
    z = np.random.default_rng(SEED).standard_normal((2, LATENT)).astype(np.float32)
    image, features = forward_mganprior(arrays, z.astype(np.float64))
    expected = {"image": image, **features}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "pggan_tiny.pth").write_bytes(checkpoint_bytes(arrays))
    np.savez(
        folder / "pggan_tiny.npz",
        z=z,
        **{name: array.astype(np.float32) for name, array in expected.items()},
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "tests" / "golden")
