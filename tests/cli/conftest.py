"""A folder with weights, and one with photographs, for commands to work on."""

import dataclasses
import os

import jax
import numpy as np
import pytest
from jax.experimental.compilation_cache import compilation_cache

import pmsfc_jax as pm
from pmsfc_jax.cli.compile_cache import use_compilation_cache
from pmsfc_jax.cli.main import main
from pmsfc_jax.io.images import save_png
from pmsfc_jax.nn import pggan, pggan_discriminator
from pmsfc_jax.weights.store.folder import Network, save_weights


@pytest.fixture(scope="session", autouse=True)
def compiled(tmp_path_factory):
    """Commands share compiled programs in a folder of the tests, not in the user's."""
    folder = tmp_path_factory.mktemp("compiled")
    os.environ["PMSFC_CACHE"] = str(folder)
    compilation_cache.reset_cache()  # jax looks for a folder at the first compilation only
    use_compilation_cache()
    return folder


@pytest.fixture(scope="session")
def weights_dir(tmp_path_factory):
    """Weights ``plain``, and ``judged`` with a discriminator beside them: 16x16 pictures."""
    folder = tmp_path_factory.mktemp("weights")
    config = pggan.PGGANConfig(latent_dim=6, widths=(12, 12, 12, 12, 8, 8))
    judge = pggan_discriminator.DiscriminatorConfig((4, 4, 4))
    generator = Network(
        pggan.FAMILY,
        dataclasses.asdict(config),
        pggan.pure_module(config).init(jax.random.key(7)),
    )
    discriminator = Network(
        pggan_discriminator.FAMILY,
        dataclasses.asdict(judge),
        pggan_discriminator.pure_module(judge).init(jax.random.key(8)),
    )
    save_weights(folder / "plain", {"generator": generator})
    save_weights(folder / "judged", {"generator": generator, "discriminator": discriminator})
    return folder


@pytest.fixture(scope="session")
def generator(weights_dir):
    """``plain``: ``(generator, params)``."""
    return pm.load_generator("plain", weights_dir=weights_dir)


@pytest.fixture(scope="session")
def partition(generator, tmp_path_factory):
    """Three subspaces of layer 2 of ``plain``, which nobody would discover, as a file."""
    path = tmp_path_factory.mktemp("partition") / "subspaces.npz"
    labels = np.arange(12) // 4
    pm.save_subspaces(path, pm.subspaces_from_labels(labels, 2, generator[0]), seed=0)
    return path


@pytest.fixture(scope="session")
def photos(tmp_path_factory):
    """Three smooth colourful pictures of different sizes."""
    folder = tmp_path_factory.mktemp("photos")
    for i, (height, width) in enumerate([(16, 16), (40, 30), (50, 80)]):
        y, x = np.mgrid[0:height, 0:width]
        waves = [np.sin(x / width * (3 + i) + c) * np.cos(y / height * 4 + i) for c in range(3)]
        save_png(folder / f"p{i}.png", (127.5 + 100 * np.stack(waves, -1)).astype(np.uint8))
    return folder


@pytest.fixture
def pmsfc(weights_dir, capfd):
    """Run a command on the test's weights: ``(exit code, stdout, stderr)``."""

    def call(command, *arguments, weights=True):
        words = [command, *map(str, arguments)]
        if weights:
            words += ["--weights-dir", str(weights_dir)]
        code = main(words)
        out, err = capfd.readouterr()
        return code, out, err

    return call
