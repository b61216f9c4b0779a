"""StyleGAN2 generators (Karras et al.: CVPR 2020, arXiv:1912.04958) of all three architectures.

A mapping of dense layers takes z to w. A stack of 3x3 convolutions, one at 4x4 and two at each
resolution above, draws the image; w scales what each of them reads, through an affine map of its
own. Run-time weight scales are not here: converters multiply them into the arrays, and a noise's
strength into the noise, which is constant.

Layer ``i`` is convolution ``i``; the feature at its cut is the tensor after its activation, with
the shortcut of a resnet's block where it ends one. The context is what the tail needs beside it:

- ``w [n, s, style_dim]``: the styles of the convolutions and image layers that follow. They can be
  optimised one by one (W+): `GeneratorSpec.free_contexts` has ``{"w": [s, style_dim]}``.
- ``picture [n, H, W, 3]`` (skip): the image of the resolutions below. The image layer that reads
  the feature itself belongs to the tail.
- ``shortcut [n, H, W, C]`` (resnet, within a block): what the block read.

One convolution serves all codes: the style of a code multiplies what it reads and the norm of the
modulated kernel divides what it gives (equations 1 and 3). That equals modulating the kernel, and
is no grouped convolution.
"""

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax import lax

from pmsfc_jax.core.generator import GeneratorSpec, Prior, SplitGenerator, blend, normal_prior
from pmsfc_jax.core.typing import Array
from pmsfc_jax.nn.blur import blur, upsample_blur
from pmsfc_jax.nn.contextual import labelled, split_with_context, unflattened
from pmsfc_jax.nn.functional import Channels, Groups, PureModule
from pmsfc_jax.nn.layers import conv2d, leaky_relu, pixel_norm
from pmsfc_jax.nn.stylegan2_config import StyleGAN2Config as StyleGAN2Config
from pmsfc_jax.nn.stylegan2_config import config_from_dict as config_from_dict
from pmsfc_jax.nn.transposed import transposed_conv2d

FAMILY = "stylegan2"

#: Added to the squared norm of a modulated kernel.
NORM_EPSILON = 1e-8
_SLOPE = 0.2
_GAIN = math.sqrt(2)


class _Affine(nnx.Module):
    """Kernel ``[I, O]`` and bias ``[O]``."""

    def __init__(self, size: int, out: int, *, rngs: nnx.Rngs, start: float = 0.0):
        self.kernel = nnx.Param(jax.random.normal(rngs.params(), (size, out)) / math.sqrt(size))
        self.bias = nnx.Param(jnp.full((out,), start))

    def __call__(self, x: Array) -> Array:
        return x @ self.kernel[...] + self.bias[...].reshape(*(1,) * (x.ndim - 1), -1)


class _Styled(nnx.Module):
    """A convolution whose input is scaled by a style, with noise of ``side`` pixels or none."""

    def __init__(self, shape: tuple[int, ...], style_dim: int, side: int = 0, *, rngs: nnx.Rngs):
        scale = 1 / math.sqrt(math.prod(shape[:-1]))
        self.kernel = nnx.Param(scale * jax.random.normal(rngs.params(), shape))
        self.bias = nnx.Param(jnp.zeros((shape[-1],)))
        if side:
            self.noise = nnx.Param(jnp.zeros((side, side)))
        self.style = _Affine(style_dim, shape[-2], rngs=rngs, start=1.0)


class _Skip(nnx.Module):
    """The shortcut of a resnet's block; two branches meet, each with half the variance."""

    def __init__(self, size: int, out: int, *, rngs: nnx.Rngs):
        kernel = jax.random.normal(rngs.params(), (size, out))
        self.kernel = nnx.Param(kernel / math.sqrt(2 * size))


class StyleGAN2(nnx.Module):
    """The generator as an NNX module; use it through `split_generator`.

    Params: ``map{i}``, and ``embed`` for classes, each ``kernel [I, O]`` and ``bias [O]``; ``w_mean
    [style_dim]``; ``const [4, 4, C]``; ``conv{i}`` with ``kernel [3, 3, I, O]``, ``bias [O]``,
    ``noise [H, W]`` and the affine map ``style``; ``rgb{R}`` likewise with ``kernel [C, 3]`` and no
    noise; ``skip{R}/kernel [I, O]`` for resnets.
    """

    def __init__(self, config: StyleGAN2Config, *, rngs: nnx.Rngs):
        self.config = config
        style = config.style_dim
        incoming = config.latent_dim + (style if config.num_classes else 0)
        for layer in range(config.mapping_depth):
            affine = _Affine(style if layer else incoming, style, rngs=rngs)
            setattr(self, f"map{layer}", affine)
        if config.num_classes:
            self.embed = _Affine(config.num_classes, style, rngs=rngs)
        self.w_mean = nnx.Param(jnp.zeros((style,)))
        self.const = nnx.Param(jax.random.normal(rngs.params(), (4, 4, config.widths[0])))
        for layer in range(config.num_layers):
            width, side = config.width(layer), config.side(layer)
            width_in = config.width(max(0, layer - 1))
            conv = _Styled((3, 3, width_in, width), style, side, rngs=rngs)
            setattr(self, f"conv{layer}", conv)
            if config.architecture == "resnet" and layer and layer % 2 == 0:
                skip = _Skip(config.width(layer - 2), width, rngs=rngs)
                setattr(self, f"skip{side}", skip)
        for layer in config.images():
            rgb = _Styled((config.width(layer), 3), style, rngs=rngs)
            setattr(self, f"rgb{config.side(layer)}", rgb)

    def mapping(self, noise: Any) -> Any:
        """What the prior draws as codes: in ``w``, or in ``z`` with its class."""
        if self.config.latent_space == "w":
            return self._truncated(self._mapped(noise))
        return {"z": noise["z"], "class": self._embedded(noise["label"])}

    def centre(self) -> Array:
        """The mean w."""
        return self.w_mean[...]

    def head(self, latent: Any, layer: int) -> tuple[Array, dict[str, Array]]:
        """Codes to the feature at ``layer`` and what the tail needs."""
        styles = self._styles(latent)
        x = self._first(styles[:, 0])
        carried: dict[str, Array] = {}
        for below in range(1, layer + 1):
            x, carried = self._layer(x, carried, styles[:, below], below)
        return x, {"w": styles[:, layer + 1 :], **carried}

    def head_sliced(
        self, latent: Any, layer: int, groups: Groups
    ) -> tuple[list[Array], dict[str, Array]]:
        """Codes ``[n, r, ...]`` to the channels ``groups[i]`` of the feature of each ``[:, i]``."""
        outer = jax.tree.leaves(latent)[0].shape[:2]
        latent = jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[2:]), latent)
        styles = self._styles(latent)
        every = unflattened(styles[:, layer], outer)
        if not layer:
            features = [self._first(every[:, i], group) for i, group in enumerate(groups)]
            return features, {"w": unflattened(styles[:, 1:], outer)}
        x, context = self.head(latent, layer - 1)
        below = unflattened(x, outer)
        before = {name: unflattened(leaf, outer) for name, leaf in context.items() if name != "w"}
        features, carried = [], []
        for i, group in enumerate(groups):
            own = {name: leaf[:, i] for name, leaf in before.items()}
            feature, kept = self._layer(below[:, i], own, every[:, i], layer, group)
            features.append(feature)
            carried.append(kept)
        joined = jax.tree.map(lambda *leaves: jnp.stack(leaves, 1), *carried)
        return features, {"w": unflattened(styles[:, layer + 1 :], outer), **joined}

    def tail(self, h: Array, context: dict[str, Array], layer: int) -> Array:
        """``h [b, H, W, C] -> x [b, R, R, 3]``, from the feature at ``layer``."""
        styles = context["w"]
        carried = {name: leaf for name, leaf in context.items() if name != "w"}
        for place, above in enumerate(range(layer + 1, self.config.num_layers)):
            h, carried = self._layer(h, carried, styles[:, place], above)
        return self._image(h, carried, styles[:, -1], self.config.num_layers - 1)

    def _mapped(self, noise: Any) -> Array:
        """From z and class to w, not truncated."""
        config = self.config
        z = noise["z"] if isinstance(noise, dict) else noise
        x = pixel_norm(z)
        if config.num_classes:
            if config.label is not None:
                embedded = self._embedded(jnp.full((len(z),), config.label, jnp.int32))
            else:
                embedded = noise["class"] if "class" in noise else self._embedded(noise["label"])
            x = jnp.concatenate([x, pixel_norm(embedded)], axis=-1)
        for layer in range(config.mapping_depth):
            x = _GAIN * leaky_relu(getattr(self, f"map{layer}")(x), _SLOPE)
        return x

    def _embedded(self, label: Array) -> Array:
        return self.embed.kernel[...][label] + self.embed.bias[...][None]

    def _truncated(self, w: Array) -> Array:
        mean = self.w_mean[...][None]
        return mean + self.config.truncation * (w - mean)

    def _styles(self, latent: Any) -> Array:
        """``[n, num_styles, style_dim]``, from the coarsest to the finest."""
        config = self.config
        in_w = config.latent_space == "w"
        w = latent if in_w else self._mapped(latent)
        styles = jnp.broadcast_to(w[:, None], (len(w), config.num_styles, w.shape[-1]))
        if in_w or config.truncation == 1:
            return styles
        cut = config.truncated_styles or config.num_styles
        truncated = jnp.broadcast_to(self._truncated(w)[:, None], styles.shape)
        return jnp.concatenate([truncated[:, :cut], styles[:, cut:]], axis=1)

    def _first(self, w: Array, channels: Channels | None = None) -> Array:
        x = jnp.broadcast_to(self.const[...][None], (len(w), *self.const.shape))
        return self._convolved(x, w, 0, channels)

    def _layer(
        self,
        x: Array,
        carried: dict[str, Array],
        w: Array,
        layer: int,
        channels: Channels | None = None,
    ) -> tuple[Array, dict[str, Array]]:
        """Convolution ``layer``, and what is carried past it; its style is ``w``.

        The image layer of a resolution shares its style with the convolution that follows.
        """
        config = self.config
        if config.architecture == "skip" and layer % 2:
            carried = {"picture": self._image(x, carried, w, layer - 1)}
        elif config.architecture == "resnet" and layer % 2:
            carried = {"shortcut": x}
        x = self._convolved(x, w, layer, channels)
        if "shortcut" in carried and layer % 2 == 0:
            kernel = getattr(self, f"skip{config.side(layer)}").kernel[...]
            x = x + upsample_blur(carried["shortcut"] @ _chosen(kernel, channels))
            carried = {}
        return x, carried

    def _convolved(self, x: Array, w: Array, layer: int, channels: Channels | None) -> Array:
        conv = getattr(self, f"conv{layer}")
        kernel = _chosen(conv.kernel[...], channels)
        style = conv.style(w)
        x = x * style[:, None, None]
        if layer % 2:
            x = blur(transposed_conv2d(x, kernel, stride=2))
        else:
            x = conv2d(x, kernel)
        norm = jnp.square(style) @ jnp.square(kernel).sum((0, 1)) + NORM_EPSILON
        x = x * lax.rsqrt(norm)[:, None, None]
        bias = _chosen(conv.bias[...], channels).reshape(1, 1, 1, -1)
        x = leaky_relu(x + conv.noise[...][None, :, :, None] + bias, _SLOPE)
        ends_block = self.config.architecture == "resnet" and layer and layer % 2 == 0
        # Two branches meet at the end of a resnet's block, each with half the variance.
        gain = _GAIN * math.sqrt(0.5) if ends_block else _GAIN
        return self._clamped(gain * x, gain / _GAIN)

    def _image(self, x: Array, carried: dict[str, Array], w: Array, layer: int) -> Array:
        """The image up to the resolution of ``layer``, whose output is ``x``."""
        rgb = getattr(self, f"rgb{self.config.side(layer)}")
        y = (x * rgb.style(w)[:, None, None]) @ rgb.kernel[...]
        y = self._clamped(y + rgb.bias[...].reshape(1, 1, 1, -1))
        return y + upsample_blur(carried["picture"]) if "picture" in carried else y

    def _clamped(self, x: Array, share: float = 1.0) -> Array:
        limit = self.config.clamp * share
        return jnp.clip(x, -limit, limit) if limit else x


def _chosen(array: Array, channels: Channels | None) -> Array:
    """Some of the last axis, or all of it."""
    return array if channels is None else array[..., np.array(channels)]


def pure_module(config: StyleGAN2Config) -> PureModule:
    """The generator's structure, to initialise or apply with explicit params."""
    return PureModule(lambda rngs: StyleGAN2(config, rngs=rngs))


def split_generator(config: StyleGAN2Config, name: str = FAMILY) -> SplitGenerator:
    """The generator of ``config`` as pure head and tail functions.

    In ``w`` a code is one vector, and the mapping belongs to `SplitGenerator.draw`. In ``z`` it is
    one vector too, or where no class was chosen ``{"z": [latent_dim], "class": [style_dim]}``, the
    class being a row of its embedding and free to leave it.
    """
    layers = range(config.num_layers)
    in_w = config.latent_space == "w"
    prior = normal_prior(config.latent_dim)
    if config.class_drawn:
        prior = labelled(prior, config.num_classes)
    latent: Any = _vector(config.style_dim if in_w else config.latent_dim)
    if config.class_in_code:
        latent = {"z": latent, "class": _vector(config.style_dim)}
    spec = GeneratorSpec(
        name=name,
        latent=latent,
        image_shape=(config.resolution, config.resolution, 3),
        feature_shapes=tuple((*(config.side(i),) * 2, config.width(i)) for i in layers),
        prior=Prior("other", prior.draw) if in_w else prior,
        free_contexts=tuple(
            {"w": _vector(config.num_styles - i - 1, config.style_dim)} for i in layers
        ),
    )
    return split_with_context(
        pure_module(config),
        spec,
        program=(FAMILY, config),
        join=_join,
        sliced=True,
        mapped=in_w or config.class_in_code,
        centred=in_w,
    )


def _vector(*shape: int) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(shape, jnp.float32)


def _join(contexts: dict[str, Array], share: Array, free: Any) -> dict[str, Array]:
    """Means of styles and pictures over an image's codes; W+ is added to the styles."""
    joined = blend(contexts, share, ())
    return {**joined, "w": joined["w"] + free["w"]} if free else joined
