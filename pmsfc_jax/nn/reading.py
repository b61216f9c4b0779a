"""What reads a code, and what reads the feature at a cut: the weights of those maps, as matrices.

Shen and Zhou (*Closed-Form Factorization of Latent Semantics in GANs*, CVPR 2021) find directions
from such a matrix alone. Norms, styles and biases between are not in it.
"""

from typing import Any

import numpy as np

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.core.generator import SplitGenerator
from pmsfc_jax.core.typing import Params
from pmsfc_jax.nn import biggan, dcgan, pggan, stylegan2


def reading_code(generator: SplitGenerator, params: Params) -> np.ndarray:
    """The weights that read one latent code, ``[outputs, d]`` float64.

    Of StyleGAN2's w they are those of the styles of all convolutions; of other families those of
    the first layer.

    Raises:
      InputError: a family whose code is read in several places in different ways.

    """
    family, config = _program(generator)
    if family == pggan.FAMILY:
        kernel = params["conv0"]["kernel"][: config.latent_dim]
        return _rows(kernel, 0)
    if family == dcgan.FAMILY:
        return _rows(params["stage0"]["kernel"], 0 if config.stages[0].kind == "dense" else 2)
    if family == stylegan2.FAMILY and config.latent_space == "w":
        styles = [params[name]["style"]["kernel"] for name in sorted(params) if "conv" in name]
        return np.concatenate([_rows(kernel, 0) for kernel in styles])
    if family == stylegan2.FAMILY and not config.class_in_code:
        return _rows(params["map0"]["kernel"][: config.latent_dim], 0)
    raise InputError(
        f"codes of {generator.spec.name} are read in several places: take the directions of "
        "features instead"
    )


def reading_feature(generator: SplitGenerator, params: Params, layer: int) -> np.ndarray:
    """The weights that read the feature at the cut, ``[outputs, C]`` float64.

    Raises:
      InputError: the generator has no such layer.

    """
    channels = generator.spec.feature_shape(layer)[-1]
    family, config = _program(generator)
    if family == pggan.FAMILY:
        last = layer + 1 == len(config.widths)
        name = f"rgb{config.layer_resolution(layer)}" if last else f"conv{layer + 1}"
    elif family == stylegan2.FAMILY:
        last = layer + 1 == config.num_layers
        name = f"rgb{config.side(layer)}" if last else f"conv{layer + 1}"
    elif family == dcgan.FAMILY:
        name = f"stage{layer + 1}"
    elif family == biggan.FAMILY:
        name = f"stage{layer}" if layer < len(config.stages) else "image"
    else:
        raise InputError(f"it is not known what reads the features of {generator.spec.name}")
    kernels = _kernels(params[name])
    return np.concatenate([_rows(kernel, kernel.ndim - 2) for kernel in kernels]).reshape(
        -1, channels
    )


def _kernels(part: Any) -> list[Any]:
    """Kernels of a layer, or of a block those that read its input."""
    if "kernel" in part:
        return [part["kernel"]]
    readers = ("conv", "conv0", "shortcut", "query", "key", "value")
    return [part[name]["kernel"] for name in readers if name in part]


def _rows(kernel: Any, incoming: int) -> np.ndarray:
    """A kernel as ``[outputs, inputs]``, ``incoming`` being the axis of the inputs."""
    moved = np.moveaxis(np.asarray(kernel, np.float64), incoming, -1)
    return moved.reshape(-1, moved.shape[-1])


def _program(generator: SplitGenerator) -> tuple[str, Any]:
    program = generator.program
    if isinstance(program, tuple) and len(program) == 2:
        return program
    return "", None
