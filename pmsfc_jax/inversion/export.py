"""The compiled loop as a program of its own: for other machines, without this package.

What is written is StableHLO, by ``jax.export``, for several platforms at once; the weights are
arguments and not part of it. Reading it back takes jax alone.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import export

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.core.generator import SplitGenerator
from pmsfc_jax.core.operator import IDENTITY, Observation
from pmsfc_jax.core.typing import Array, Params
from pmsfc_jax.inversion.checks import check_settings
from pmsfc_jax.inversion.compose import served_groups
from pmsfc_jax.inversion.compositions import composition_of
from pmsfc_jax.inversion.config import InversionConfig
from pmsfc_jax.inversion.form import form_of, traced
from pmsfc_jax.inversion.initialise import draw_codes
from pmsfc_jax.inversion.optimise import advance, start
from pmsfc_jax.inversion.result import Perceptual
from pmsfc_jax.subspace.subspaces import Subspaces

PLATFORMS = ("cpu", "cuda", "tpu")


class ExportedStep(NamedTuple):
    """Two programs for one generator, one setting and one number of images, ``b``.

    Both are read by ``jax.export.deserialize(program).call``, on one device.

    Attributes:
      begin: ``(params, v_params, key_data [b, 2] uint32, target [b, H, W, 3]) -> carry``: starting
        codes, and all that the loop carries, a tuple of arrays. Targets are in [-1, 1].
      advance: ``(params, v_params, carry, num_steps) -> (carry, told)``: at most ten steps, how
        many as an int32 scalar. ``told`` has ``losses [10, b]``, the objective before each step, of
        which the first ``num_steps`` count; ``latent`` and ``w``, the codes of each image's lowest
        loss so far; ``best_loss [b]``; ``reason [b]``, 0 while an image is not done.

    """

    begin: bytes
    advance: bytes

    def save(self, folder: str | Path) -> None:
        """Write ``begin.jax`` and ``advance.jax`` into a folder, which is made.

        Raises:
          InputError: they cannot be written.

        """
        folder = Path(folder)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for name, program in self._asdict().items():
                (folder / f"{name}.jax").write_bytes(program)
        except OSError as error:
            raise InputError(f"cannot write to {folder}: {error.strerror}") from error


def export_step(
    generator: SplitGenerator,
    params: Params,
    *,
    subspaces: Subspaces | None = None,
    config: InversionConfig | None = None,
    perceptual: Perceptual | None = None,
    platforms: Sequence[str] = PLATFORMS,
) -> ExportedStep:
    """Export the loop that `invert` runs, with settings, partition and rates in it.

    Args:
      generator: cut in two at any layer.
      params: its weights, or their shapes; they are arguments of the programs.
      subspaces: the partition of channels that compositions within subspaces need.
      config: settings; ``batch_size`` is the number of images.
      perceptual: the network V; needed where its weight in the objective is not 0.
      platforms: for which the programs are: of ``cpu``, ``cuda``, ``rocm``, ``tpu``.

    Raises:
      InputError: settings do not fit each other, a platform is unknown, or the package flatbuffers,
        in whose format programs are written, is not installed.

    """
    unknown = set(platforms) - {*PLATFORMS, "rocm"}
    if unknown or not platforms:
        raise InputError(
            f"platforms are {', '.join(platforms) or 'none'}: give some of cpu, cuda, rocm, tpu"
        )
    config = config or InversionConfig()
    cut, masks = check_settings(generator, config, subspaces, perceptual)
    composition = composition_of(config.composition)
    used = perceptual if config.objective.perceptual_weight else None
    groups = served_groups(cut, masks, composition)
    form = form_of(config, cut, IDENTITY, used.extract if used else None, groups)
    count = config.batch_size

    def parts(params: Params, v_params: Params, key_data: Array, target: Array) -> Any:
        settings, seen, rows = traced(config, count), Observation(target), jnp.asarray(masks)
        codes = draw_codes(
            form,
            params,
            v_params,
            jax.random.wrap_key_data(key_data, impl="threefry2x32"),
            seen,
            rows,
            settings,
            codes_per_subspace=config.codes_per_subspace,
            num_candidates=config.num_candidates,
        )
        return *start(form, v_params, codes, seen, rows, settings), settings

    def begin(params: Params, v_params: Params, key_data: Array, target: Array) -> Any:
        leaves = jax.tree.leaves(parts(params, v_params, key_data, target))
        return tuple(jax.lax.convert_element_type(leaf, leaf.dtype) for leaf in leaves)

    arguments = (
        *_shapes((params, {} if used is None else used.params)),
        jax.ShapeDtypeStruct((count, 2), np.uint32),
        jax.ShapeDtypeStruct((count, *generator.spec.image_shape), np.float32),
    )
    structure = jax.tree.structure(jax.eval_shape(parts, *arguments))

    def move(params: Params, v_params: Params, carry: tuple[Array, ...], num_steps: Array) -> Any:
        problem, state, settings = jax.tree.unflatten(structure, carry)
        state, info = advance(form, params, v_params, problem, state, settings, num_steps)
        told = {
            "losses": info.loss,
            "latent": state.best.latent,
            "w": state.best.w,
            "best_loss": state.best_loss,
            "reason": state.reason,
        }
        return tuple(jax.tree.leaves((problem, state, settings))), told

    carry = jax.eval_shape(begin, *arguments)
    count_of_steps = jax.ShapeDtypeStruct((), np.int32)
    programs = (begin, arguments), (move, (*arguments[:2], carry, count_of_steps))
    return ExportedStep(*(_exported(program, shapes, platforms) for program, shapes in programs))


def _exported(program: Any, shapes: tuple[Any, ...], platforms: Sequence[str]) -> bytes:
    try:
        found = export.export(jax.jit(program), platforms=tuple(platforms))(*shapes)
        return bytes(found.serialize())
    except ImportError as error:
        raise InputError(
            "exported programs are written by the package flatbuffers: pip install flatbuffers"
        ) from error


def _shapes(tree: Any) -> Any:
    return jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(np.shape(leaf), leaf.dtype), tree)
