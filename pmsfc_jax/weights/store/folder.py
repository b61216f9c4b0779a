"""Converted weights on disk: a folder with a manifest and one Orbax checkpoint a network.

    ported_weights/<name>/manifest.json
    ported_weights/<name>/generator/        Orbax, the nested dict of arrays
    ported_weights/<name>/discriminator/    where one is shipped

A folder is complete or not there: it is written under a temporary name and moved into place. Orbax
does not notice every flipped byte, so files and arrays are checked against their sha256.
"""

import contextlib
import hashlib
import logging
import os
import shutil
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import orbax.checkpoint as ocp

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.core.typing import Params
from pmsfc_jax.weights.store.manifest import (
    MANIFEST_FILE,
    NETWORK_NAME,
    ArrayFacts,
    Manifest,
    NetworkFacts,
    Source,
    plain_json,
    read_manifest,
)
from pmsfc_jax.weights.store.placing import place, settled, temporary_sibling

GENERATOR = "generator"
DISCRIMINATOR = "discriminator"


class Network(NamedTuple):
    """One network to store: its family's name, its configuration as plain values, its params."""

    family: str
    architecture: Mapping[str, Any]
    params: Params


def save_weights(
    folder: str | os.PathLike[str],
    networks: Mapping[str, Network],
    *,
    name: str | None = None,
    source: Source | None = None,
    card: Mapping[str, Any] | None = None,
    overwrite: bool = False,
) -> Manifest:
    """Write networks as the folder ``folder``, whole or not at all.

    Args:
      folder: its last part is the weights' name, unless ``name`` is given.
      networks: by role, ``"generator"`` and optionally ``"discriminator"``.
      name: what the manifest calls the weights.
      source: the file they were converted from.
      card: free notes of plain JSON values.
      overwrite: replace converted weights that are there. Stopped at any moment, the old or the new
        ones can be loaded.

    Returns:
      The manifest that was written.

    Raises:
      InputError: the folder exists (and is not to be replaced, or is something else than converted
        weights), cannot be written, or the architecture or card are not plain values.

    """
    folder = Path(folder).absolute()
    check_replaceable(folder, overwrite=overwrite)
    arrays = {role: _host_arrays(network.params) for role, network in networks.items()}
    facts = {
        role: NetworkFacts(
            network.family,
            plain_json(dict(network.architecture), f"the {role}'s architecture"),
            {path: _facts(array) for path, array in arrays[role].items()},
        )
        for role, network in networks.items()
    }
    manifest = Manifest(
        name=name or folder.name,
        networks=facts,
        source=source,
        card=plain_json(dict(card or {}), "the card"),
    )
    temporary = temporary_sibling(folder)
    try:
        temporary.mkdir(parents=True)
        for role in networks:
            if not NETWORK_NAME.fullmatch(role):
                raise ValueError(f"{role!r} cannot be the name of a network")
            _save_arrays(temporary / role, _nested(arrays[role]))
            facts[role].files.update(_hash_files(temporary / role))
        (temporary / MANIFEST_FILE).write_text(manifest.to_json(), encoding="utf-8")
        place(temporary, folder, replace=overwrite)
    except OSError as error:
        raise InputError(f"cannot write {folder}: {error.strerror or error}") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return manifest


def check_replaceable(folder: str | os.PathLike[str], *, overwrite: bool) -> None:
    """Check that weights may be written to ``folder``.

    Raises:
      InputError: it exists and is not to be replaced, or is something else than converted weights.

    """
    here = settled(Path(folder).absolute())
    if here.exists() and not overwrite:
        raise InputError(f"{folder} already exists; choose another name or ask to overwrite it")
    if here.exists() and not (here / MANIFEST_FILE).is_file():
        raise InputError(f"{folder} is not a folder of converted weights; choose another name")


def load_weights(
    folder: str | os.PathLike[str], role: str = GENERATOR, *, family: str | None = None
) -> tuple[Manifest, Params]:
    """Read one network of a folder of converted weights, every array verified.

    Args:
      folder: as `save_weights` wrote it.
      role: which of its networks.
      family: what family the network has to be of; any, if ``None``.

    Returns:
      The folder's manifest and the network's params, on jax's default device.

    Raises:
      InputError: the folder, its manifest or the network is missing; the manifest is damaged or of
        a later format; the family is another; arrays are missing, extra, or not the ones that the
        manifest lists.

    """
    folder = settled(Path(folder).absolute())
    manifest = read_manifest(folder)
    facts = manifest.network(role)
    if family is not None and facts.family != family:
        raise InputError(f"the {role} of {folder} is of family {facts.family}, not {family}")
    arrays = _load_arrays(folder / role, facts)
    return manifest, jax.tree.map(jnp.asarray, _nested(arrays))


def _host_arrays(params: Params) -> dict[str, np.ndarray]:
    """Params as ``"conv0/kernel" -> numpy`` in C order and little-endian, sorted by path."""
    flat: dict[str, np.ndarray] = {}
    for path, leaf in sorted(_by_path(params).items()):
        array = np.asarray(leaf, order="C")
        flat[path] = array.astype(array.dtype.newbyteorder("<"), copy=False)
    return flat


def _nested(flat: Mapping[str, Any]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for path, array in flat.items():
        *parents, leaf = path.split("/")
        node = tree
        for parent in parents:
            node = node.setdefault(parent, {})
        node[leaf] = array
    return tree


def _facts(array: np.ndarray) -> ArrayFacts:
    digest = hashlib.sha256(array.reshape(-1).view(np.uint8)).hexdigest()
    return ArrayFacts(tuple(array.shape), array.dtype.name, digest)


@contextlib.contextmanager
def _orbax() -> Iterator[ocp.Checkpointer]:
    """A checkpointer that finishes before it returns, and keeps its logging to itself."""
    logger = logging.getLogger("absl")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with ocp.Checkpointer(ocp.StandardCheckpointHandler()) as checkpointer:
                yield checkpointer
    finally:
        logger.setLevel(level)


def _save_arrays(path: Path, tree: Params) -> None:
    with _orbax() as checkpointer:
        checkpointer.save(path, args=ocp.args.StandardSave(tree))
    # Orbax notes in it the absolute path it wrote to, which is nobody else's business.
    marker = path / "commit_success.txt"
    if marker.exists():
        marker.write_text("complete", encoding="ascii")


def _hash_files(path: Path) -> dict[str, str]:
    """The sha256 of every file below ``path``, sorted by name."""
    files = sorted(file for file in path.rglob("*") if file.is_file())
    return {file.relative_to(path).as_posix(): _hash_file(file) for file in files}


def _hash_file(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _load_arrays(path: Path, facts: NetworkFacts) -> dict[str, np.ndarray]:
    """Numpy arrays of an Orbax checkpoint, exactly those that ``facts`` lists."""
    advice = "convert the weights again, or take the folder from where it was whole"
    try:
        faults = [n for n, sha256 in facts.files.items() if _hash_file(path / n) != sha256]
    except OSError as error:
        raise InputError(f"{error.filename}: {error.strerror}; {advice}") from error
    if faults:
        raise InputError(f"{path} is damaged: wrong checksum of {', '.join(faults)}; {advice}")
    expected = facts.arrays
    try:
        with _orbax() as checkpointer:
            stored = _by_path(checkpointer.metadata(path).item_metadata.tree)
            faults = [f"{name} is missing" for name in expected if name not in stored]
            for name, array in stored.items():
                kind = (tuple(array.shape), np.dtype(array.dtype).name)
                if name not in expected:
                    faults.append(f"{name} is extra")
                elif kind != expected[name][:2]:
                    faults.append(f"{name} is of shape and type {kind}")
            if faults:
                raise InputError(
                    f"{path} does not hold what its manifest lists: {'; '.join(faults)}"
                )
            # Restored as numpy: jax would bring the arrays back to the devices they came from.
            targets = {
                name: np.broadcast_to(np.zeros((), array.dtype), array.shape)
                for name, array in expected.items()
            }
            tree = checkpointer.restore(path, args=ocp.args.StandardRestore(_nested(targets)))
    except InputError:
        raise
    except Exception as error:  # Orbax and TensorStore raise whatever the damage leads them to.
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise InputError(f"{path} is damaged ({reason}); {advice}") from error
    arrays = {name: array for name, array in _host_arrays(tree).items() if name in expected}
    faults = [name for name, array in expected.items() if _facts(arrays[name]) != array]
    if faults:
        raise InputError(f"{path} is damaged: wrong checksum of {', '.join(faults)}; {advice}")
    return arrays


def _by_path(tree: Any, prefix: str = "") -> dict[str, Any]:
    """Leaves of a nested dict by their path, ``"conv0/kernel"``."""
    if not isinstance(tree, Mapping):
        return {prefix: tree}
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        if not isinstance(key, str) or not key or "/" in key:
            raise ValueError(f"params have the key {key!r}; keys are names without slashes")
        flat |= _by_path(value, f"{prefix}/{key}" if prefix else key)
    return flat
