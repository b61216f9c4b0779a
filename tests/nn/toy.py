"""A tiny generator with everything that plain stacks lack, to prove the seams of `SplitGenerator`.

A latent code is two vectors. ``content`` makes the first feature; ``style`` scales the channels of
every layer, before and after the cut, and the picture is a sum of what two resolutions draw. So a
tail needs two things that the feature does not hold: the style, and from layer 1 on the picture
drawn so far. It stands in no registry; tests import it.
"""

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from pmsfc_jax.core.generator import GeneratorSpec, Prior, SplitGenerator
from pmsfc_jax.nn.config import config_from
from pmsfc_jax.nn.layers import conv2d, leaky_relu, upsample_conv2d, upsample_nearest
from pmsfc_jax.registry import Family

FAMILY_NAME = "toy"
SIDES = (4, 8, 8)


@dataclass(frozen=True)
class ToyConfig:
    """Lengths of the two vectors, of the style inside, and channels of the three layers."""

    content: int = 5
    style: int = 3
    inside: int = 4
    widths: tuple[int, int, int] = (6, 6, 4)

    def __post_init__(self):
        object.__setattr__(self, "widths", tuple(self.widths))


def abstract_params(config):
    def float32(*shape):
        return jax.ShapeDtypeStruct(shape, jnp.float32)

    first, second, third = config.widths
    return {
        "style": float32(config.style, config.inside),
        "conv0": float32(config.content, 4, 4, first),
        "conv1": float32(3, 3, first, second),
        "conv2": float32(3, 3, second, third),
        "scale0": float32(config.inside, first),
        "scale1": float32(config.inside, second),
        "scale2": float32(config.inside, third),
        "rgb0": float32(first, 3),
        "rgb2": float32(third, 3),
    }


def _scaled(params, h, style, layer):
    return h * (1 + (style @ params[f"scale{layer}"])[:, None, None, :])


def _feature(params, z, layer, channels=None):
    """The feature at ``layer``, some of its channels or all, and the context of the cut there."""

    def kernel(i):
        whole = params[f"conv{i}"]
        return whole if channels is None or i < layer else whole[..., np.array(channels)]

    style = jnp.tanh(z["style"] @ params["style"])
    context = {"style": style}
    first = kernel(0)
    h = (z["content"] @ first.reshape(first.shape[0], -1)).reshape(-1, *first.shape[1:])
    h = leaky_relu(h, 0.2)
    if layer >= 1:
        h = _scaled(params, h, style, 0)
        context["picture"] = h @ params["rgb0"]
        h = leaky_relu(upsample_conv2d(h, kernel(1)), 0.2)
    if layer >= 2:
        h = leaky_relu(conv2d(_scaled(params, h, style, 1), kernel(2)), 0.2)
    return h, context


def _picture(params, h, context, layer):
    style = context["style"]
    if layer < 1:
        h = _scaled(params, h, style, 0)
        context = {**context, "picture": h @ params["rgb0"]}
        h = leaky_relu(upsample_conv2d(h, params["conv1"]), 0.2)
    if layer < 2:
        h = leaky_relu(conv2d(_scaled(params, h, style, 1), params["conv2"]), 0.2)
    h = _scaled(params, h, style, 2)
    return jnp.tanh(h @ params["rgb2"] + upsample_nearest(context["picture"]))


def split_generator(config, name=FAMILY_NAME):
    def float32(*shape):
        return jax.ShapeDtypeStruct(shape, jnp.float32)

    def draw(key, num):
        content, style = jax.random.split(key)
        return {
            "content": jax.random.normal(content, (num, config.content)),
            "style": jax.random.normal(style, (num, config.style)),
        }

    style = {"style": float32(config.inside)}
    both = {**style, "picture": float32(4, 4, 3)}
    spec = GeneratorSpec(
        name=name,
        latent={"content": float32(config.content), "style": float32(config.style)},
        image_shape=(8, 8, 3),
        feature_shapes=tuple((side, side, c) for side, c in zip(SIDES, config.widths, strict=True)),
        prior=Prior("normal", draw),
        free_contexts=(style, both, both),
    )

    def head(params, z, *, layer):
        spec.feature_shape(layer)
        return _feature(params, z, layer)

    def tail(params, h, context, *, layer):
        spec.feature_shape(layer)
        return _picture(params, h, context, layer)

    def head_sliced(params, z, *, layer, groups):
        """Context leaves ``[n, r, ...]``: each code has a context of its own."""
        spec.feature_shape(layer)
        parts, contexts = [], []
        for i, group in enumerate(groups):
            part, context = _feature(
                params, jax.tree.map(lambda leaf, i=i: leaf[:, i], z), layer, group
            )
            parts.append(part)
            contexts.append(context)
        return tuple(parts), jax.tree.map(lambda *leaves: jnp.stack(leaves, 1), *contexts)

    return SplitGenerator(spec, head, tail, head_sliced, program=(FAMILY_NAME, config))


def toy(key, config: ToyConfig | None = None) -> tuple[SplitGenerator, dict[str, Any]]:
    """A generator of 8x8 pictures and its params, of which a style changes a picture visibly."""
    config = config or ToyConfig()
    shapes = abstract_params(config)
    params = {}
    for name, one in zip(sorted(shapes), jax.random.split(key, len(shapes)), strict=True):
        fan_in = int(np.prod(shapes[name].shape[:-1])) // (16 if name == "conv0" else 1)
        gain = 0.5 if name.startswith("rgb") else 1.0
        params[name] = gain * fan_in**-0.5 * jax.random.normal(one, shapes[name].shape)
    return split_generator(config), params


FAMILY = Family(
    name=FAMILY_NAME,
    config_from_dict=lambda architecture: config_from(ToyConfig, architecture, "toy architecture"),
    abstract_params=abstract_params,
    split_generator=split_generator,
)
