"""A plain PyTorch StyleGAN2 with PmSFC's composition: what `inversion_step.py` compares with.

Written as one would write it for speed on one's own: channels last, frozen weights, all codes of
all images as one batch, one fused update. A style is applied in one of two ways:

- ``activations``: one kernel for all codes; the style scales what it reads, and the norm of the
  modulated kernel divides what it gives.
- ``grouped``: each code has its own modulated kernel, and all are one convolution in groups, as
  published code has it.

``sliced`` in addition computes, in the last layer of the head, only the channels that a subspace
contributes. The low-pass filter is a convolution of each channel by itself, or by ``shifts`` a sum
of shifted maps.
"""

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F

_EPSILON = 1e-8
_GAIN = math.sqrt(2)
_TAPS = torch.tensor([1.0, 3.0, 3.0, 1.0]) / 4

Way = Literal["activations", "grouped"]


def _channels_last(x: torch.Tensor) -> torch.Tensor:
    return x.contiguous(memory_format=torch.channels_last)


def _maps(x: np.ndarray) -> torch.Tensor:
    """A plane ``[H, W]`` or one with channels ``[H, W, C]`` as ``[1, C, H, W]``."""
    x = np.asarray(x)
    return torch.tensor(x.reshape(*x.shape[:2], -1)).permute(2, 0, 1)[None].contiguous()


class _Layer:
    """A convolution, its affine map and its noise; some of its channels, or all."""

    def __init__(self, params: dict, channels: Sequence[int] | None = None):
        chosen = slice(None) if channels is None else list(channels)
        self.kernel = torch.tensor(np.asarray(params["kernel"])[..., chosen])  # [3, 3, I, O]
        self.matrix = torch.tensor(np.asarray(params["style"]["kernel"]))
        self.shift = torch.tensor(np.asarray(params["style"]["bias"]))
        bias = np.asarray(params["bias"])[chosen].reshape(1, -1, 1, 1)
        self.offset = torch.tensor(bias) + _maps(params["noise"])
        self.direct = _channels_last(self.kernel.permute(3, 2, 0, 1))  # [O, I, 3, 3]
        self.transposed = _channels_last(self.kernel.permute(2, 3, 0, 1))  # [I, O, 3, 3]
        self.squared = self.kernel.square().sum((0, 1))  # [I, O]

    def style(self, w: torch.Tensor) -> torch.Tensor:
        return torch.addmm(self.shift, w, self.matrix)


class TorchInversion:
    """Codes of one batch of images and their Adam steps.

    Args:
      params: of our generator (`pmsfc_jax.nn.stylegan2`, skip architecture without classes or
        clamp, codes in w), numpy arrays.
      layer: the cut.
      target: ``[b, H, W, 3]``.
      z: ``[b, R, K, d]``, in the space w.
      w: weights ``[b, R, K, C]``.
      groups: channels of each subspace.
      way: see the module; so are the next two.
      sliced: of ``activations`` only.
      shifts: likewise.
      learning_rate: Adam's.

    """

    def __init__(
        self,
        params: dict,
        *,
        layer: int,
        target: np.ndarray,
        z: np.ndarray,
        w: np.ndarray,
        groups: Sequence[Sequence[int]],
        way: Way = "activations",
        sliced: bool = False,
        shifts: bool = False,
        learning_rate: float = 0.05,
    ):
        self.layer, self.way, self.sliced, self.shifts = layer, way, sliced, shifts
        count = sum(name.startswith("conv") for name in params)
        self.layers = [_Layer(params[f"conv{i}"]) for i in range(count)]
        self.const = _channels_last(_maps(params["const"]))
        self.images = {}
        for i in range(0, count, 2):
            rgb = params[f"rgb{4 * 2 ** (i // 2)}"]
            arrays = (rgb["kernel"], rgb["bias"], rgb["style"]["kernel"], rgb["style"]["bias"])
            self.images[i] = [torch.tensor(np.asarray(array)) for array in arrays]
        self.target = torch.tensor(np.asarray(target)).permute(0, 3, 1, 2)
        self.z = torch.tensor(np.asarray(z), requires_grad=True)
        self.w = torch.tensor(np.asarray(w), requires_grad=True)
        self.groups = [torch.tensor(list(group)) for group in groups]
        self.inverse = torch.argsort(torch.cat(self.groups))
        self.masks = torch.zeros(len(groups), w.shape[-1])
        for row, group in enumerate(groups):
            self.masks[row, list(group)] = 1
        if sliced:
            self.slices = [_Layer(params[f"conv{layer}"], group) for group in groups]
        self.filter = torch.outer(_TAPS, _TAPS)[None, None]
        self.optimiser = torch.optim.Adam([self.z, self.w], lr=learning_rate, fused=True)

    def _blur(self, x: torch.Tensor) -> torch.Tensor:
        """``[n, C, 2 H + 1, 2 W + 1]`` to ``[n, C, 2 H, 2 W]``."""
        if not self.shifts:
            channels = x.shape[1]
            kernel = self.filter.expand(channels, 1, 4, 4)
            return F.conv2d(x, kernel, padding=1, groups=channels)
        a, b = (float(tap) for tap in _TAPS[:2])
        for axis in (2, 3):
            padding = (0, 0, 1, 1) if axis == 2 else (1, 1)
            wide, length = F.pad(x, padding), x.shape[axis] - 1
            p, q, r, s = (wide.narrow(axis, at, length) for at in range(4))
            x = a * (p + s) + b * (q + r)
        return x

    def _convolve(self, x: torch.Tensor, w: torch.Tensor, i: int, layer: _Layer) -> torch.Tensor:
        style = layer.style(w)
        x = (
            self._grouped(x, style, i, layer)
            if self.way == "grouped"
            else x * style[:, :, None, None]
        )
        if self.way == "activations":
            if i % 2:
                x = self._blur(F.conv_transpose2d(x, layer.transposed, stride=2))
            else:
                x = F.conv2d(x, layer.direct, padding=1)
            norm = torch.rsqrt(style.square() @ layer.squared + _EPSILON)
            x = x * norm[:, :, None, None]
        return F.leaky_relu(x + layer.offset, 0.2, inplace=True) * _GAIN

    def _grouped(self, x: torch.Tensor, style: torch.Tensor, i: int, layer: _Layer) -> torch.Tensor:
        """One convolution in as many groups as there are codes."""
        codes, _, height, width = x.shape
        kernels = layer.direct[None] * style[:, None, :, None, None]  # [n, O, I, 3, 3]
        norm = torch.rsqrt(kernels.square().sum((2, 3, 4), keepdim=True) + _EPSILON)
        kernels = kernels * norm
        x = x.reshape(1, -1, height, width)
        if i % 2:
            kernels = kernels.transpose(1, 2).flatten(0, 1)
            x = F.conv_transpose2d(x, kernels, stride=2, groups=codes)
            x = x.reshape(codes, -1, *x.shape[2:])
            return self._blur(x)
        x = F.conv2d(x, kernels.flatten(0, 1), padding=1, groups=codes)
        return x.reshape(codes, -1, *x.shape[2:])

    def _image(
        self, x: torch.Tensor, w: torch.Tensor, i: int, picture: torch.Tensor | None
    ) -> torch.Tensor:
        """The picture up to the resolution of convolution ``i``, whose output is ``x``."""
        kernel, bias, matrix, shift = self.images[i]
        modulated = x * torch.addmm(shift, w, matrix)[:, :, None, None]
        y = F.conv2d(modulated, kernel.t()[:, :, None, None]) + bias.reshape(1, -1, 1, 1)
        if picture is None:
            return y
        kernel = self.filter.expand(3, 1, 4, 4)
        return y + F.conv_transpose2d(picture, kernel, stride=2, padding=1, groups=3)

    def _stack(
        self, x: torch.Tensor, picture: torch.Tensor | None, w: torch.Tensor, first: int, stop: int
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        for i in range(first, stop):
            if i % 2:
                picture = self._image(x, w, i - 1, picture)
            x = self._convolve(x, w, i, self.layers[i])
        return x, picture

    def _head(
        self, codes: torch.Tensor, mixing: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """The composed feature and the pictures of all codes."""
        b, r, k = self.z.shape[:3]
        x = self.const.expand(len(codes), -1, -1, -1)
        if not self.sliced:
            x, picture = self._stack(x, None, codes, 0, self.layer + 1)
            seen = x.permute(0, 2, 3, 1).unflatten(0, (b, r * k))
            composed = (seen * mixing.flatten(1, 2)[:, :, None, None]).sum(1)
            return composed.permute(0, 3, 1, 2), picture
        x, picture = self._stack(x, None, codes, 0, self.layer)
        if self.layer % 2:
            picture = self._image(x, codes, self.layer - 1, picture)
        # Channels last: [b * r * k, C, H, W] is seen as [b, r, k, H, W, C] without a copy.
        seen = x.permute(0, 2, 3, 1).unflatten(0, (b, r, k))
        own = codes.unflatten(0, (b, r, k))
        parts = []
        for i, (group, layer) in enumerate(zip(self.groups, self.slices, strict=True)):
            part = seen[:, i].flatten(0, 1).permute(0, 3, 1, 2)
            part = self._convolve(part, own[:, i].flatten(0, 1), self.layer, layer)
            part = part.permute(0, 2, 3, 1).unflatten(0, (b, k))
            parts.append((part * mixing[:, i][:, :, None, None, group]).sum(1))
        return torch.cat(parts, -1)[..., self.inverse].permute(0, 3, 1, 2), picture

    def draw(self) -> torch.Tensor:
        """Reconstructions ``[b, 3, H, W]`` (equations 7 and 8)."""
        b, r, k, d = self.z.shape
        mixing = torch.tanh(self.w)
        mixing = mixing / mixing.sum(2, keepdim=True) * self.masks[None, :, None]
        codes = self.z.reshape(-1, d)
        h, pictures = self._head(codes, mixing)
        # What the tail needs beside the feature is the mean of the codes', each by its share.
        mass = mixing.abs().sum(-1).flatten(1)
        share = mass / mass.sum(1, keepdim=True)
        w = torch.einsum("bn,bnd->bd", share, self.z.flatten(1, 2))
        picture = None
        if pictures is not None:
            picture = torch.einsum("bn,bnchw->bchw", share, pictures.unflatten(0, (b, r * k)))
        h, picture = self._stack(h, picture, w, self.layer + 1, len(self.layers))
        return self._image(h, w, len(self.layers) - 1, picture)

    def losses(self) -> torch.Tensor:
        """Mean squared differences ``[b]``."""
        return (self.draw() - self.target).square().mean((1, 2, 3))

    def step(self) -> torch.Tensor:
        """One step of Adam; the losses before it."""
        self.optimiser.zero_grad(set_to_none=True)
        losses = self.losses()
        losses.sum().backward()
        self.optimiser.step()
        return losses.detach()
