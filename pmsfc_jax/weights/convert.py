"""From a published checkpoint file to a folder of verified weights."""

import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.weights.layouts.layout import Layout
from pmsfc_jax.weights.layouts.options import Choices
from pmsfc_jax.weights.layouts.options import parse_options as parse_architecture
from pmsfc_jax.weights.layouts.table import Recognised, described_layout, recognise
from pmsfc_jax.weights.layouts.unknown import passed_over_text
from pmsfc_jax.weights.networks.names import is_average
from pmsfc_jax.weights.reader import Checkpoint, read_checkpoint
from pmsfc_jax.weights.store.folder import Network, check_replaceable, save_weights
from pmsfc_jax.weights.store.manifest import Source
from pmsfc_jax.weights.store.search import default_weights_dir
from pmsfc_jax.weights.wheel import SUFFIX, unpacked

__all__ = ["convert_checkpoint", "parse_architecture"]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def convert_checkpoint(
    source: str | os.PathLike[str],
    name: str,
    *,
    weights_dir: str | os.PathLike[str] | None = None,
    which: str | None = None,
    overwrite: bool = False,
    on_recognised: Callable[[str], None] = lambda _: None,
    licence: str = "",
    address: str = "",
    **architecture: Any,
) -> Path:
    """Convert a published checkpoint of a generator or a judging network; nothing is executed.

    Args:
      source: the checkpoint file, or the wheel of a Python package that holds one.
      name: what the converted weights are called.
      weights_dir: folder to put them in; by default the first of PMSFC_WEIGHTS, else
        ``ported_weights`` in the current folder.
      which: the network of the file to take; by default the averaged generator.
      overwrite: replace converted weights of the same name.
      on_recognised: called with a description of the file (its container, layout and networks) once
        it is read, before it is converted.
      licence: of the weights, for the manifest; by default what a wheel says of itself.
      address: where the file is published, for the manifest.
      **architecture: facts that the file does not hold, such as ``output="clip"`` or ``step=5``; an
        error says which are needed and what the codebases use. ``architecture="stack.json"``
        describes a generator of no known codebase (see the top of `layouts.dcgan.described`).

    Returns:
      The folder of the converted weights; `pmsfc_jax.load_generator` takes it or ``name``.

    Raises:
      InputError: the file is unreadable or of no known layout; keys are missing, unused or
        misshapen (all are listed); a fact is needed, unknown or impossible; the name is taken or
        is no name.

    """
    if not _NAME.fullmatch(name):
        raise InputError(
            f"{name!r} cannot be the name of weights: use letters, digits, '.', '_' and '-', "
            "beginning with a letter or digit"
        )
    folder = (default_weights_dir() if weights_dir is None else Path(weights_dir)) / name
    check_replaceable(folder, overwrite=overwrite)
    with _opened(source) as (path, file, found_licence):
        networks, origin = _convert(path, file or source, which, architecture, on_recognised)
    origin = replace(
        origin, file=file or origin.file, licence=licence or found_licence, address=address
    )
    save_weights(folder, networks, name=name, source=origin, overwrite=overwrite)
    return folder.absolute()


def _convert(
    path: str | os.PathLike[str],
    source: str | os.PathLike[str],
    which: str | None,
    architecture: dict[str, Any],
    on_recognised: Callable[[str], None],
) -> tuple[dict[str, Network], Source]:
    """Read and convert a file that messages call ``source``.

    What was read is let go on return, before as much is written again.
    """
    layout = _described_layout(architecture)
    checkpoint = read_checkpoint(path)
    with _naming(source):
        found = recognise(checkpoint.tree, which, described=layout)
    on_recognised(_described(checkpoint, found))
    remark = f" (layout {found.layout.name})"
    with _naming(source, remark, found.group.passed_over):
        choices = Choices(found.layout.name, found.layout.options, architecture)
        conversion = found.layout.convert(found.group, choices)
        choices.check_all_used()
        if conversion.grey:
            choices.note("channels", 1)
    origin = Source(
        file=checkpoint.source,
        sha256=checkpoint.sha256,
        layout=found.layout.name,
        group=found.name,
        choices={c.name: {"value": c.value, "from": c.origin} for c in choices.settled},
        native_cuts=conversion.native_cuts,
    )
    network = Network(conversion.family, conversion.architecture, conversion.params)
    return {conversion.role: network}, origin


@contextmanager
def _opened(source: str | os.PathLike[str]) -> Iterator[tuple[Any, str, str]]:
    """The checkpoint file, its name where that is not the file's own, and its licence."""
    if os.fsdecode(source).endswith(SUFFIX):
        wheel = Path(source)
        with unpacked(wheel) as found:
            yield found.path, f"{wheel.name}/{found.name}", found.licence
    else:
        yield source, "", ""


def _described_layout(architecture: dict[str, Any]) -> Layout | None:
    """The layout of the file that ``architecture`` names; ``None`` where it names none."""
    described = architecture.get("architecture")
    if described is None:
        return None
    if not isinstance(described, str | os.PathLike):
        raise InputError(f"architecture is {described!r}; it has to be the path of a JSON file")
    architecture["architecture"] = os.fspath(described)
    return described_layout(architecture["architecture"])


def _described(checkpoint: Checkpoint, found: Recognised) -> str:
    arrays = found.group.arrays
    numbers = sum(array.size for array in arrays.values())
    lines = [
        f"{checkpoint.source}: {checkpoint.container}, {checkpoint.size:,} bytes, "
        f"sha256 {checkpoint.sha256[:16]}",
        f"layout {found.layout.name} ({found.layout.codebases})",
        f"{len(arrays)} arrays, {numbers:,} numbers",
    ]
    if found.name:
        others = [name for name in found.candidates if name != found.name]
        average = ", an average" if is_average(found.group) else ""
        also = f"; also there: {', '.join(others)}" if others else ""
        lines.append(f"takes {found.name}{average}{also}")
    if found.group.passed_over:
        lines.append(f"passed over: {passed_over_text(found.group.passed_over)}")
    if checkpoint.trailing:
        lines.append(f"passed over: {checkpoint.trailing:,} bytes behind the end of the file")
    return "\n".join(lines)


@contextmanager
def _naming(
    source: str | os.PathLike[str], remark: str = "", passed_over: Mapping[str, str] | None = None
) -> Iterator[None]:
    """Begin the errors of the block with the file's name, and end them with what was not read."""
    try:
        yield
    except InputError as error:
        unread = f"; passed over were {passed_over_text(passed_over)}" if passed_over else ""
        raise InputError(f"{os.fspath(source)}{remark}: {error}{unread}") from error
