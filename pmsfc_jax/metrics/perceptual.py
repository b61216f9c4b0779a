"""An independent perceptual distance: how different two pictures look to SqueezeNet v1.0.

No inversion is optimised against this network, so it can judge them all. The recipe is that of
Zhang et al., *The Unreasonable Effectiveness of Deep Features as a Perceptual Metric* (CVPR 2018),
equation 1, with all weights one:

    d(a, b) = mean over {fire4, fire8} of  mean over positions of  ||u_a - u_b||^2

where ``u`` is the feature vector at a position, scaled to length 1 over its channels. As features
are not negative, the squared length is ``2 - 2 cos`` of the angle between them and ``d`` lies in
[0, 2]: 0 for identical pictures, 2 for pictures with no feature in common anywhere. Images follow
the conventions of `pmsfc_jax.metrics.image_metrics`.
"""

import os
from collections.abc import Callable
from pathlib import Path
from zipfile import BadZipFile

import jax
import jax.numpy as jnp
import numpy as np

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.core.typing import Array, Params
from pmsfc_jax.metrics.image_metrics import check_images, check_pair
from pmsfc_jax.nn.squeezenet import squeezenet_features, squeezenet_params

#: Most images that go through the network at a time: 227x227 features are large (some 30 MB each).
CHUNK = 16
# Keeps the length of an all-zero feature vector away from zero.
_EPSILON = 1e-10


def load_squeezenet(path: str | os.PathLike[str]) -> Params:
    """Read the weights of SqueezeNet v1.0 from an ``.npz`` file.

    Args:
      path: an archive with the names and OIHW shapes that `squeezenet_params` lists; pickled
        objects in it are refused, not run.

    Returns:
      The params that `perceptual_distance` and `perceptual_embedding` take.

    Raises:
      InputError: the file is absent, is no such archive, or holds other arrays.
    """
    path = Path(path)
    try:
        # Opened here, since numpy leaves a file that turns out to be damaged open.
        with open(path, "rb") as file:
            archive = np.load(file, allow_pickle=False)
            if not isinstance(archive, np.lib.npyio.NpzFile):
                raise InputError(
                    f"{path} holds a single array: expected the .npz of SqueezeNet v1.0"
                )
            with archive:
                arrays = {name: archive[name] for name in archive.files}
    except InputError:
        raise
    except OSError as error:
        raise InputError(
            f"cannot read the perceptual network from {path}: {error.strerror or error}"
        ) from error
    except (ValueError, EOFError, KeyError, BadZipFile) as error:
        raise InputError(
            f"{path} is not an intact .npz archive: expected the weights of SqueezeNet v1.0"
        ) from error
    try:
        return squeezenet_params(arrays)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def perceptual_distance(params: Params, a: Array | np.ndarray, b: Array | np.ndarray) -> Array:
    """Distance of each pair of images, in [0, 2]; the equation is at the top of the module.

    Args:
      params: what `load_squeezenet` gives.
      a: ``[b, H, W, 3]`` uint8 RGB, of any size.
      b: the same.

    Returns:
      ``[b]`` float32.

    Raises:
      InputError: the two are not batches of uint8 images of one shape.
    """
    check_pair(a, b)
    return _in_chunks(lambda *pair: _distance(params, *pair), a, b)


def perceptual_embedding(params: Params, images: Array | np.ndarray) -> Array:
    """One descriptor for each image: fire9 averaged over positions, for precision and recall.

    Args:
      params: what `load_squeezenet` gives.
      images: ``[b, H, W, 3]`` uint8 RGB, of any size.

    Returns:
      ``[b, 512]`` float32, none negative.

    Raises:
      InputError: not a batch of uint8 images.
    """
    check_images(images)
    return _in_chunks(lambda chunk: _embedding(params, chunk), images)


def _in_chunks(function: Callable[..., Array], *batches: Array | np.ndarray) -> Array:
    """Apply ``function`` to at most `CHUNK` images at a time and join the answers.

    A last, shorter chunk is filled up to a power of two by repeating its last image, so that any
    number of images compiles only a handful of programs.
    """
    answers = []
    number = batches[0].shape[0]
    for start in range(0, number, CHUNK):
        count = min(CHUNK, number - start)
        padded = 1 << (count - 1).bit_length()
        rows = np.minimum(np.arange(start, start + padded), number - 1)
        answers.append(function(*(batch[rows] for batch in batches))[:count])
    return jnp.concatenate(answers)


@jax.jit
def _distance(params: Params, a: Array, b: Array) -> Array:
    features_a = squeezenet_features(params, a)
    features_b = squeezenet_features(params, b)
    layers = [
        _squared_distance(features_a.fire4, features_b.fire4),
        _squared_distance(features_a.fire8, features_b.fire8),
    ]
    return jnp.mean(jnp.stack(layers), axis=0)


@jax.jit
def _embedding(params: Params, images: Array) -> Array:
    return squeezenet_features(params, images).pooled


def _squared_distance(a: Array, b: Array) -> Array:
    """``[b, H, W, C]`` twice to ``[b]``: mean over positions of ``||a/|a| - b/|b|||^2``."""
    return jnp.square(_unit(a) - _unit(b)).sum(-1).mean((1, 2))


def _unit(features: Array) -> Array:
    length = jnp.sqrt(jnp.square(features).sum(-1, keepdims=True) + jnp.float32(_EPSILON))
    return features / length
