"""A plain PyTorch PGGAN with PmSFC's composition: what `inversion_step.py` compares with.

Written as one would write it for speed on one's own: channels last, frozen weights, all codes of
all images as one batch, one fused update. ``sliced`` in addition computes, in the last layer of the
head, only the channels that a subspace contributes.
"""

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F

_EPSILON = 1e-8


def _pixel_norm(x: torch.Tensor) -> torch.Tensor:
    return x * torch.rsqrt(x.square().mean(1, keepdim=True) + _EPSILON)


def _leaky(x: torch.Tensor) -> torch.Tensor:
    return F.leaky_relu(x, 0.2, inplace=True)


def _mix(h: torch.Tensor, mixing: torch.Tensor) -> torch.Tensor:
    """``h [b * n, C, H, W]``, channels last, and ``mixing [b, n, C]`` to ``[b, H, W, C]``."""
    seen = h.permute(0, 2, 3, 1).unflatten(0, mixing.shape[:2])
    return (seen * mixing[:, :, None, None]).sum(1)


class TorchInversion:
    """Codes of one batch of images and their Adam steps.

    Args:
      params: of our generator (`pmsfc_jax.nn.pggan`), numpy arrays.
      doubles: for each convolution, whether it reads a map of half its resolution.
      layer: the cut.
      target: ``[b, H, W, 3]``.
      z: ``[b, R, K, d]``.
      w: ``[b, R, K, C]``.
      groups: channels of each subspace.
      sliced: see the module.
      learning_rate: Adam's.

    """

    def __init__(
        self,
        params: dict,
        doubles: Sequence[bool],
        *,
        layer: int,
        target: np.ndarray,
        z: np.ndarray,
        w: np.ndarray,
        groups: Sequence[Sequence[int]],
        sliced: bool,
        learning_rate: float = 0.05,
    ):
        self.layer, self.sliced, self.doubles = layer, sliced, doubles
        self.first = torch.tensor(np.asarray(params["conv0"]["kernel"]))  # [d, 4, 4, C]
        self.biases = [self._bias(params[f"conv{i}"]) for i in range(len(doubles))]
        self.kernels = [None] + [
            self._kernel(params[f"conv{i}"]["kernel"]) for i in range(1, len(doubles))
        ]
        rgb = next(value for name, value in params.items() if name.startswith("rgb"))
        self.rgb = self._kernel(np.asarray(rgb["kernel"])[None, None])
        self.rgb_bias = self._bias(rgb)
        self.target = torch.tensor(np.asarray(target)).permute(0, 3, 1, 2)
        self.z = torch.tensor(np.asarray(z), requires_grad=True)
        self.w = torch.tensor(np.asarray(w), requires_grad=True)
        channels = w.shape[-1]
        self.groups = [torch.tensor(list(group)) for group in groups]
        self.inverse = torch.argsort(torch.cat(self.groups))
        self.masks = torch.zeros(len(groups), channels)
        for row, group in enumerate(groups):
            self.masks[row, list(group)] = 1
        if sliced:
            self.slices = [
                (self._channels_last(self.kernels[layer][g]), self.biases[layer][:, g])
                for g in self.groups
            ]
        self.optimiser = torch.optim.Adam([self.z, self.w], lr=learning_rate, fused=True)

    @staticmethod
    def _channels_last(x: torch.Tensor) -> torch.Tensor:
        return x.contiguous(memory_format=torch.channels_last)

    def _kernel(self, kernel: np.ndarray) -> torch.Tensor:
        return self._channels_last(torch.tensor(np.asarray(kernel)).permute(3, 2, 0, 1))

    @staticmethod
    def _bias(layer: dict) -> torch.Tensor:
        return torch.tensor(np.asarray(layer["bias"])).reshape(1, -1, 1, 1)

    def _convolve(
        self, h: torch.Tensor, i: int, kernel: torch.Tensor, bias: torch.Tensor
    ) -> torch.Tensor:
        h = _pixel_norm(h)
        if self.doubles[i]:
            h = F.interpolate(h, scale_factor=2, mode="nearest")
        return _leaky(F.conv2d(h, kernel, padding=1) + bias)

    def _stack(self, h: torch.Tensor, first: int, stop: int) -> torch.Tensor:
        for i in range(first, stop):
            h = self._convolve(h, i, self.kernels[i], self.biases[i])
        return h

    def _first(self, z: torch.Tensor) -> torch.Tensor:
        d, height, width, channels = self.first.shape
        h = (_pixel_norm(z) @ self.first.reshape(d, -1)).reshape(-1, height, width, channels)
        return _leaky(self._channels_last(h.permute(0, 3, 1, 2)) + self.biases[0])

    def draw(self) -> torch.Tensor:
        """Reconstructions ``[b, 3, H, W]`` (equations 7 and 8)."""
        b, r, k, d = self.z.shape
        mixing = torch.tanh(self.w)
        mixing = mixing / mixing.sum(2, keepdim=True)
        h = self._stack(self._first(self.z.reshape(-1, d)), 1, self.layer)
        if self.sliced:
            # Channels last: [b * r * k, C, H, W] is seen as [b, r, k, H, W, C] without a copy.
            seen = h.permute(0, 2, 3, 1).unflatten(0, (b, r, k))
            parts = []
            for i, (group, (kernel, bias)) in enumerate(zip(self.groups, self.slices, strict=True)):
                part = seen[:, i].flatten(0, 1).permute(0, 3, 1, 2)
                part = self._convolve(part, self.layer, kernel, bias)
                parts.append(_mix(part, mixing[:, i][:, :, group]))
            composed = torch.cat(parts, -1)[..., self.inverse]
        else:
            h = self._stack(h, self.layer, self.layer + 1)
            composed = _mix(h, (mixing * self.masks[None, :, None]).flatten(1, 2))
        composed = composed.permute(0, 3, 1, 2)
        h = self._stack(composed, self.layer + 1, len(self.doubles))
        return F.conv2d(_pixel_norm(h), self.rgb) + self.rgb_bias

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
