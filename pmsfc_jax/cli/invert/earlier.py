"""``pmsfc invert --start-from``: codes of an earlier run as starting codes."""

import hashlib
from pathlib import Path

import numpy as np

from pmsfc_jax.api import Drawing, InversionConfig, SplitGenerator, Subspaces, load_codes
from pmsfc_jax.cli.invert.options import Options
from pmsfc_jax.core.errors import InputError
from pmsfc_jax.inversion.checks import partition_of
from pmsfc_jax.inversion.drawing import check_drawing, join
from pmsfc_jax.io.naming import names_in_run
from pmsfc_jax.io.paths import os_reason, shown
from pmsfc_jax.io.photographs import PhotographFile
from pmsfc_jax.io.runs import RunFolder


def subspaces_path(options: Options) -> Path | None:
    """Where the partition is: where the options say, or else in the run that is gone on from.

    Raises:
      InputError: another partition was asked for than that of the run that is gone on from.

    """
    earlier, asked = options.what.start_from, options.method
    if earlier is not None and asked.partition == "random":
        raise InputError("leave --partition out: that of the run in --start-from is used")
    if asked.subspaces is not None or earlier is None:
        return asked.subspaces
    path = earlier / "subspaces.npz"
    return path if path.exists() else None


def starting_codes(
    folder: Path,
    generator: SplitGenerator,
    config: InversionConfig,
    subspaces: Subspaces | None,
    files: list[PhotographFile],
) -> Drawing:
    """The drawing of the run in ``folder``: the codes of each photograph, known by its bytes.

    Raises:
      InputError: a photograph has none, or they are of other weights, another method, layer or
        partition.

    """
    run = RunFolder(folder)
    there, rows = set(run.names()), run.metrics().rows
    named = files
    # Runs of earlier versions know photographs by their names alone.
    if any(row.get("source_sha256") for row in rows.values()):
        named = names_in_run(files, rows)
    pairs = list(zip(files, named, strict=True))
    missing = [file.name for file, in_run in pairs if in_run.name not in there]
    if missing:
        raise InputError(
            f"{shown(folder)} has no codes of {', '.join(missing[:5])}"
            f"{', ...' if len(missing) > 5 else ''}: leave "
            f"{'this photograph' if len(missing) == 1 else 'these photographs'} out, or invert "
            f"{'it' if len(missing) == 1 else 'them'} without --start-from"
        )
    masks = partition_of(generator, config, subspaces)[1]
    found = [load_codes(run.codes_path(in_run.name)) for _, in_run in pairs]
    for file, codes in zip(files, found, strict=True):
        check_drawing(generator, codes)
        _check_same(f"{shown(folder)}, {file.name}", codes, config, masks)
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
