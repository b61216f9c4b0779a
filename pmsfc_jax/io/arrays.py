"""A few named arrays and a few facts in one ``.npz`` file that plain numpy reads."""

import io
import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.io.atomic import write_bytes_atomic
from pmsfc_jax.io.paths import os_reason, shown

_FACTS = "facts"


def pack_arrays(arrays: dict[str, np.ndarray], facts: dict[str, Any]) -> bytes:
    """The bytes of an ``.npz`` file of ``arrays`` and, as JSON text, ``facts``."""
    buffer = io.BytesIO()
    text = np.array(json.dumps(facts, sort_keys=True))
    np.savez(buffer, allow_pickle=False, **{_FACTS: text, **arrays})
    return buffer.getvalue()


def unpack_arrays(
    data: bytes, name: str, *, kind: str, newest: int
) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """What `pack_arrays` packed. Nothing in the data is executed.

    Args:
      data: content of the file.
      name: what messages call it.
      kind: what ``facts["kind"]`` has to be.
      newest: the highest ``facts["format"]`` that the caller understands.

    Raises:
      InputError: the data are damaged, of another kind, or of a newer format.

    """
    try:
        # From memory: numpy leaves a damaged file open.
        with np.load(io.BytesIO(data), allow_pickle=False) as file:
            facts = json.loads(str(file[_FACTS][()]))
            arrays = {key: file[key] for key in file.files if key != _FACTS}
        if facts["kind"] != kind:
            raise InputError(f"{name} holds {facts['kind']}, not {kind}")
        if facts["format"] > newest:
            raise InputError(f"{name} was written by a newer version of pmsfc_jax: upgrade")
    # What numpy, zipfile and zlib raise on damage is not documented, and is of many types.
    except Exception as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{name} is damaged or holds no {kind} of pmsfc_jax") from error
    return arrays, facts


def save_arrays(
    path: str | os.PathLike[str], arrays: dict[str, np.ndarray], facts: dict[str, Any]
) -> None:
    """Write `pack_arrays` of ``arrays`` and ``facts``; whole or not at all.

    Raises:
      InputError: the file cannot be written.

    """
    write_bytes_atomic(path, pack_arrays(arrays, facts))


def load_arrays(
    path: str | os.PathLike[str], *, kind: str, newest: int
) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Read what `save_arrays` wrote. Nothing in the file is executed.

    Args:
      path: the file.
      kind: what ``facts["kind"]`` has to be.
      newest: the highest ``facts["format"]`` that the caller understands.

    Raises:
      InputError: the file is absent, damaged, of another kind, or of a newer format.

    """
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise InputError(f"cannot read {kind} from {shown(path)}: {os_reason(error)}") from error
    return unpack_arrays(data, shown(path), kind=kind, newest=newest)
