"""``pmsfc invert --start-from``: codes of an earlier run as starting codes."""

import hashlib
from pathlib import Path

import numpy as np

from pmsfc_jax.api import Drawing, InversionConfig, SplitGenerator, Subspaces, load_codes
from pmsfc_jax.cli.invert.options import Options
from pmsfc_jax.core.errors import InputError
from pmsfc_jax.inversion.checks import partition_of
from pmsfc_jax.inversion.drawing import check_drawing, join
from pmsfc_jax.io.images import Photograph
from pmsfc_jax.io.paths import os_reason, shown
from pmsfc_jax.io.runs import RunFolder


def subspaces_path(options: Options) -> Path | None:
    """Where the partition is: where the options say, or else in the run that is gone on from.

    Raises:
      InputError: another partition was asked for than that of the run that is gone on from.

    """
    if options.start_from is not None and options.partition == "random":
        raise InputError("leave --partition out: that of the run in --start-from is used")
    if options.subspaces is not None or options.start_from is None:
        return options.subspaces
    path = options.start_from / "subspaces.npz"
    return path if path.exists() else None


def starting_codes(
    folder: Path,
    generator: SplitGenerator,
    config: InversionConfig,
    subspaces: Subspaces | None,
    photographs: list[Photograph],
) -> Drawing:
    """The drawing of the run in ``folder``, those of each photograph by its name.

    Raises:
      InputError: a photograph has none, or they are of other weights, another method, layer or
        partition.

    """
    run = RunFolder(folder)
    there = set(run.names())
    missing = [p.name for p in photographs if p.name not in there]
    if missing:
        raise InputError(
            f"{shown(folder)} has no codes of {', '.join(missing[:5])}"
            f"{', ...' if len(missing) > 5 else ''}: leave these photographs out, or invert them "
            "without --start-from"
        )
    masks = partition_of(generator, config, subspaces)[1]
    found = [load_codes(run.codes_path(photograph.name)) for photograph in photographs]
    for photograph, codes in zip(photographs, found, strict=True):
        check_drawing(generator, codes)
        _check_same(f"{shown(folder)}, {photograph.name}", codes, config, masks)
    return join(found)


def _check_same(where: str, codes: Drawing, config: InversionConfig, masks: np.ndarray) -> None:
    if (codes.composition, codes.layer) != (config.composition, config.layer):
        raise InputError(
            f"{where}: these codes are of method {codes.composition} at layer {codes.layer}, not "
            f"{config.composition} at layer {config.layer}: give --method {codes.composition} "
            f"--layer {codes.layer}"
        )
    if not np.array_equal(codes.masks, masks):
        raise InputError(
            f"{where}: these codes are of another partition of the channels: leave --subspaces "
            "out, and that of the earlier run is used"
        )


def codes_sha256(folder: Path) -> str:
    """One hash of all codes in a run's folder.

    Raises:
      InputError: there are none, or they cannot be read.

    """
    run, digest = RunFolder(folder), hashlib.sha256()
    for name in run.names():
        try:
            digest.update(name.encode() + b"\0" + run.codes_path(name).read_bytes())
        except OSError as error:
            raise InputError(
                f"cannot read {shown(run.codes_path(name))}: {os_reason(error)}"
            ) from error
    return digest.hexdigest()
