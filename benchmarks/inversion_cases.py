"""What `inversion_step.py` times: generators, cuts, partitions, and the PyTorch of each."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np

import pmsfc_jax as pm
from pmsfc_jax.core.generator import default_layer
from pmsfc_jax.inversion.codes import Codes
from pmsfc_jax.nn import pggan, stylegan2
from pmsfc_jax.nn.stylegan2 import StyleGAN2Config

R, K = 4, 4
#: Widths at 4x4, 8x8, ... of the full-size PGGAN (Karras et al. 2018, table 2).
PGGAN_WIDTHS = (512, 512, 512, 512, 256, 128, 64, 32, 16)
#: The same of the full-size StyleGAN2 (Karras et al. 2020, configuration F).
STYLEGAN2_WIDTHS = (512, 512, 512, 512, 512, 256, 128)
PGGAN_CASES = ("prior", "256", "1024")
CASES = (*PGGAN_CASES, "stylegan2-256")
#: Batch sizes that are tried.
BATCHES = {"prior": (1, 2, 4, 8, 16), "256": (1, 2), "1024": (1,), "stylegan2-256": (1, 2)}


class Peer(NamedTuple):
    """A PyTorch version: ``make(params, **arrays) -> inversion`` with ``step() -> losses [b]``."""

    make: Callable[..., Any]
    sliced: bool


class Case(NamedTuple):
    """One generator, cut, with a partition of its channels.

    Attributes:
      config: of the generator, as its family has it.
      generator: what draws.
      params: its weights.
      layer: the cut.
      groups: channels of each subspace.
      layer_macs: multiply-adds of a layer for one code.
      image_macs: those of the last image layer.
      peers: PyTorch versions by name.

    """

    config: Any
    generator: pm.SplitGenerator
    params: Any
    layer: int
    groups: tuple[tuple[int, ...], ...]
    layer_macs: Callable[[int], float]
    image_macs: float
    peers: dict[str, Peer]

    @property
    def side(self) -> int:
        """Of the images, in pixels."""
        return self.generator.spec.image_shape[0]

    def macs(self, *, sliced: bool) -> float:
        """Multiply-adds of one image's forward pass: 16 heads and one tail."""
        total = self.image_macs
        for i in range(self.generator.spec.num_layers):
            codes = R * K if i <= self.layer else 1
            total += self.layer_macs(i) * codes / (R if sliced and i == self.layer else 1)
        return total


def make_case(name: str) -> Case:
    """The shipped prior, or a PGGAN or StyleGAN2 of full width with random weights."""
    return _stylegan2(name) if name.startswith("stylegan2") else _pggan(name)


def start_arrays(case: Case, batch: int) -> tuple[np.ndarray, Codes]:
    """Targets and codes to start from; the first image is the same for every batch."""
    rng = np.random.default_rng(1)
    target = rng.uniform(-1, 1, (batch, *case.generator.spec.image_shape)).astype(np.float32)
    channels = case.generator.spec.feature_shape(case.layer)[-1]
    latent = case.generator.spec.latent.shape[0]
    z = rng.standard_normal((batch, R, K, latent)).astype(np.float32)
    w = (0.5 + 0.05 * rng.standard_normal((batch, R, K, channels))).astype(np.float32)
    return target, Codes(z, w)


def _partition(generator: pm.SplitGenerator, layer: int) -> tuple[tuple[int, ...], ...]:
    channels = np.random.default_rng(0).permutation(generator.spec.feature_shape(layer)[-1])
    return tuple(tuple(sorted(map(int, part))) for part in np.array_split(channels, R))


def _pggan(name: str) -> Case:
    if name == "prior":
        generator, params = pm.load_generator("pggan_tops32")
        widths = tuple(params[f"conv{i}"]["kernel"].shape[-1] for i in range(len(params) - 1))
        config = pggan.PGGANConfig(generator.spec.latent.shape[0], widths)
    else:
        levels = int(name).bit_length() - 2
        config = pggan.PGGANConfig(512, tuple(w for w in PGGAN_WIDTHS[:levels] for _ in (0, 1)))
        generator = pggan.split_generator(config, name)
        params = pggan.pure_module(config).init(jax.random.key(0))
    layer = default_layer(generator.spec)

    def layer_macs(i: int) -> float:
        """As a plain 3x3 convolution would have, though ours does a doubling one with fewer."""
        if i == 0:
            return config.latent_dim * 16 * config.widths[0]
        return 9 * config.widths[i - 1] * config.widths[i] * config.layer_resolution(i) ** 2

    def peer(sliced: bool) -> Peer:
        def make(params: Any, **arrays: Any) -> Any:
            from torch_pggan import TorchInversion

            doubles = [config.doubles(i) for i in range(len(config.widths))]
            return TorchInversion(params, doubles, sliced=sliced, **arrays)

        return Peer(make, sliced)

    return Case(
        config,
        generator,
        params,
        layer,
        _partition(generator, layer),
        layer_macs,
        3 * config.widths[-1] * config.resolution**2,
        {"PyTorch": peer(False), "PyTorch, sliced": peer(True)},
    )


def _stylegan2(name: str) -> Case:
    levels = int(name.partition("-")[2]).bit_length() - 2
    config = StyleGAN2Config(512, 512, 8, STYLEGAN2_WIDTHS[:levels])
    generator = stylegan2.split_generator(config, name)
    params = stylegan2.pure_module(config).init(jax.random.key(0))
    layer = default_layer(generator.spec)

    def layer_macs(i: int) -> float:
        """A doubling convolution reads each pixel of the small map once; filters are left out."""
        side = config.side(i) / (2 if i % 2 else 1)
        return 9 * config.width(max(0, i - 1)) * config.width(i) * side**2

    def peer(**how: Any) -> Peer:
        def make(params: Any, **arrays: Any) -> Any:
            from torch_stylegan2 import TorchInversion

            return TorchInversion(params, **how, **arrays)

        return Peer(make, bool(how.get("sliced")))

    return Case(
        config,
        generator,
        params,
        layer,
        _partition(generator, layer),
        layer_macs,
        3 * config.width(config.num_layers - 1) * config.resolution**2,
        {
            "PyTorch": peer(),
            "PyTorch, sliced": peer(sliced=True),
            "PyTorch, sliced, filter by shifts": peer(sliced=True, shifts=True),
            "PyTorch, grouped": peer(way="grouped"),
        },
    )
