"""Every degradation, with operands of three small pictures that differ from each other."""

from typing import Any, NamedTuple

import numpy as np

from pmsfc_jax.tasks import degradations as d

HEIGHT, WIDTH, COUNT = 12, 18, 3


class Case(NamedTuple):
    degradation: d.Degradation
    operands: Any
    #: Operands of the same shapes with other values.
    others: Any
    #: How far `simulate` may be from `apply`, in grey levels; None where it cannot be compared.
    levels: float | None = 0.51
    #: How far ``apply(finish(x))`` may be from the observation; None where nothing is put back.
    consistent: float | None = 1e-4


def _masks(seed):
    rng = np.random.default_rng(seed)
    return d.known_where(rng.uniform(size=(COUNT, HEIGHT, WIDTH)) < 0.4, COUNT)


def _kernels(*kernels):
    radius = max(len(kernel) for kernel in kernels) // 2
    padded = [np.pad(k, radius - len(k) // 2) for k in kernels]
    return d.kernels_of(np.stack(padded), COUNT)


_BLURS = _kernels(d.gaussian(0.7), d.motion(4, 30), d.disk(1.6))
_OTHER_BLURS = _kernels(d.disk(2.2), d.gaussian(1.0, 2), d.motion(5, 100))
_SIGMAS = d.sigmas_of(np.array([5.0, 15, 40]), COUNT)
_OTHER_SIGMAS = d.sigmas_of(25, COUNT)
_TABLES = d.tables_of([d.compression_of_quality(q) for q in (20, 50, 90)], COUNT)
_OTHER_TABLES = d.tables_of(d.compression_of_quality(10), COUNT)


def faded(x):
    return 0.5 * x + 0.25


CASES = {
    "grey": Case(d.grey(), (), ()),
    "box": Case(d.downsample((3, 6), "box"), (), (), 1.01),
    "bicubic": Case(d.downsample((3, 6)), (), (), 1.3),
    "lanczos": Case(d.downsample((5, 7), "lanczos"), (), (), 1.3),
    "bilinear": Case(d.downsample((5, 18), "bilinear"), (), (), 1.01),
    "mask": Case(d.mask(), _masks(0), _masks(1)),
    "blur": Case(d.blur(), _BLURS, _OTHER_BLURS, consistent=0.04),
    "noise": Case(d.noise(), _SIGMAS, _OTHER_SIGMAS, None, None),
    "clip": Case(d.clip(40, 200), (), (), 0.51),
    "jpeg": Case(d.jpeg(), _TABLES, _OTHER_TABLES, None, None),
    "jpeg of whole chroma": Case(d.jpeg("4:4:4"), _TABLES, _OTHER_TABLES, None, None),
    "grey and small": Case(d.chain(d.grey(), d.downsample((6, 9))), ((), ()), ((), ()), 1.8),
    "grey with holes": Case(d.chain(d.grey(), d.mask()), ((), _masks(0)), ((), _masks(1)), 0.51),
    "blurred and small": Case(
        d.chain(d.blur(), d.downsample((6, 9), "box")),
        (_BLURS, ()),
        (_OTHER_BLURS, ()),
        1.6,
        0.04,
    ),
    "all together": Case(
        d.chain(d.blur(), d.downsample((6, 9)), d.noise(), d.jpeg("4:2:2"), d.clip(10, 250)),
        (_BLURS, (), _SIGMAS, _TABLES, ()),
        (_OTHER_BLURS, (), _OTHER_SIGMAS, _OTHER_TABLES, ()),
        None,
        None,
    ),
    "a function": Case(d.degradation_of(faded, "tests:faded"), (), (), 0.51, None),
}


def pictures(seed=0):
    """Smooth pictures ``[3, 12, 18, 3]`` uint8 that use most of the levels."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH]
    waves = rng.uniform(0.1, 0.9, (COUNT, 3, 2))
    phase = rng.uniform(0, 6, (COUNT, 3))
    angle = (waves[..., 0, None, None] * rows + waves[..., 1, None, None] * columns) + phase[
        ..., None, None
    ]
    levels = 127.5 + 110 * np.sin(angle) + rng.normal(0, 5, angle.shape)
    return np.clip(np.rint(levels), 0, 255).astype(np.uint8).transpose(0, 2, 3, 1)
