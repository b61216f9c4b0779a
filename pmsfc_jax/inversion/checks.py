"""Do images, settings, subspaces, V and generator fit together?"""

from typing import Any

import numpy as np

from pmsfc_jax.core.cut import Cut
from pmsfc_jax.core.errors import InputError
from pmsfc_jax.core.generator import GeneratorSpec, SplitGenerator
from pmsfc_jax.core.operator import IDENTITY, Observation, Operator
from pmsfc_jax.inversion.compositions import composition_of
from pmsfc_jax.inversion.config import InversionConfig
from pmsfc_jax.inversion.result import Perceptual
from pmsfc_jax.inversion.terms import coarse_fits
from pmsfc_jax.subspace.subspaces import Subspaces, check_subspaces

#: Values of targets that are this far off [-1, 1] are no slip of an interpolation.
_MOST = 1.5


def partition_of(
    generator: SplitGenerator, config: InversionConfig, subspaces: Subspaces | None
) -> tuple[Cut, np.ndarray]:
    """The cut and the masks ``[R, C]`` of an inversion.

    Raises:
      InputError: settings and subspaces contradict each other, one is missing, or the subspaces
        are of another generator.

    """
    composition, layer = composition_of(config.composition), config.layer
    if composition.by_subspace and subspaces is None:
        raise InputError(
            f"{composition.name} composes features within subspaces: give subspaces= (see "
            "discover_subspaces), or choose the composition mganprior or single"
        )
    if subspaces is not None:
        if layer is None:
            layer = subspaces.layer
        elif layer != subspaces.layer and composition.by_subspace:
            raise InputError(
                f"the subspaces are of layer {subspaces.layer} and the inversion is at layer "
                f"{layer}: use one layer for both"
            )
    if layer is None:
        raise InputError(f"{composition.name} needs a layer to cut at: set config.layer")
    cut = Cut(generator, layer)
    if not composition.by_subspace or subspaces is None:
        return cut, np.ones((1, cut.channels), np.float32)
    check_subspaces(generator, subspaces)
    return cut, np.asarray(subspaces.masks, np.float32)


def check_observation(
    spec: GeneratorSpec, observation: Observation, operator: Operator = IDENTITY
) -> Observation:
    """An observation as float32 of the shape that the operator gives.

    Raises:
      InputError: another shape or type, no image, values that are not finite or far off [-1, 1].

    """
    array = np.asarray(observation.target)
    expected = operator.shape(spec.image_shape)
    if array.ndim != 4 or array.shape[1:] != expected or not len(array):
        what = f"draws images of {expected}"
        if operator != IDENTITY:
            what += f" after {operator.name}"
        raise InputError(
            f"targets have shape {array.shape}: {spec.name} {what}, so give "
            f"[n, {', '.join(map(str, expected))}]"
        )
    if not np.issubdtype(array.dtype, np.floating):
        raise InputError(f"targets are {array.dtype}: give floats in [-1, 1] (pixels / 127.5 - 1)")
    if not np.isfinite(array).all() or np.abs(array).max() > _MOST:
        raise InputError("targets must be finite and in [-1, 1] (pixels / 127.5 - 1)")
    return observation._replace(target=array.astype(np.float32))


def check_objective(
    spec: GeneratorSpec, config: InversionConfig, operator: Operator, perceptual: Perceptual | None
) -> None:
    """Can every term of the objective be taken?

    Raises:
      InputError: a V or a norm that is missing, a pull of codes that are not normal, sides that
        cannot be halved twice.

    """
    objective = config.objective
    if objective.perceptual_weight and perceptual is None:
        raise InputError(
            f"perceptual_weight is {objective.perceptual_weight} but there is no perceptual "
            "network: give perceptual=, or set perceptual_weight to 0"
        )
    norm = perceptual.norm if objective.perceptual_weight and perceptual is not None else None
    if norm not in (None, objective.perceptual_norm):
        assert perceptual is not None
        raise InputError(
            f"{perceptual.name} is a distance of {norm} and perceptual_norm is "
            f"{objective.perceptual_norm}: set perceptual_norm to {norm}"
        )
    if objective.latent_weight and spec.prior.kind != "normal":
        raise InputError(
            f"latent_weight is {objective.latent_weight}, which pulls |z|/sqrt(d) to 1, and the "
            f"codes of {spec.name} are not normally distributed: set latent_weight to 0"
        )
    shape = operator.shape(spec.image_shape)
    if objective.coarse_weight and not coarse_fits(shape):
        raise InputError(
            f"coarse_weight compares pictures at a half and a quarter of their size, and these are "
            f"{shape[1]}x{shape[0]}: set coarse_weight to 0"
        )


def check_settings(
    generator: SplitGenerator,
    config: InversionConfig,
    subspaces: Any,
    perceptual: Perceptual | None,
    operator: Operator = IDENTITY,
) -> tuple[Cut, np.ndarray]:
    """Everything that can be checked before an image is seen; gives cut and masks.

    Raises:
      InputError: as `partition_of` and `check_objective`.

    """
    cut, masks = partition_of(generator, config, subspaces)
    check_objective(generator.spec, config, operator, perceptual)
    return cut, masks
