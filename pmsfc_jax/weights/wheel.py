"""Take a checkpoint out of a Python package's wheel, a zip archive; nothing of it is run."""

import contextlib
import re
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from pmsfc_jax.core.errors import InputError

SUFFIX = ".whl"
_CHECKPOINTS = {".pth", ".pt", ".tar", ".bin", ".ckpt", ".pkl", ".npz", ".safetensors", ".h5"}
# A wheel is compressed; weights shrink by a few percent.
_MOST_BYTES = 4 << 30
_MOST_RATIO = 100
_CHUNK = 1 << 20


class Unpacked(NamedTuple):
    """A checkpoint out of a wheel: its file, its name in the wheel, and the package's licence."""

    path: Path
    name: str
    licence: str


@contextlib.contextmanager
def unpacked(wheel: Path) -> Iterator[Unpacked]:
    """The checkpoint in a wheel as a file, for as long as the block runs.

    Raises:
      InputError: the wheel cannot be read, or does not hold exactly one file that looks like a
        checkpoint.

    """
    with contextlib.ExitStack() as stack:
        try:
            archive = stack.enter_context(zipfile.ZipFile(wheel))
            member = _checkpoint(archive)
            folder = stack.enter_context(tempfile.TemporaryDirectory())
            path = Path(folder) / PurePosixPath(member.filename).name
            with archive.open(member) as packed, path.open("wb") as file:
                while chunk := packed.read(_CHUNK):
                    file.write(chunk)
            licence = _licence(archive)
        except InputError as error:
            raise InputError(f"{wheel}: {error}") from error
        except OSError as error:
            raise InputError(f"{wheel}: cannot be read ({error.strerror or error})") from error
        except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError) as error:
            raise InputError(f"{wheel}: is no whole wheel ({error}); fetch it again") from error
        yield Unpacked(path, member.filename, licence)


def _checkpoint(archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    found = [
        member
        for member in archive.infolist()
        if PurePosixPath(member.filename).suffix in _CHECKPOINTS
    ]
    if len(found) != 1:
        names = ", ".join(member.filename for member in found[:8]) or "none"
        raise InputError(
            f"holds {len(found)} files that look like checkpoints ({names}); expected one: unzip "
            "the wheel and give the file itself"
        )
    size, packed = found[0].file_size, found[0].compress_size
    if size > _MOST_BYTES or size > _MOST_RATIO * packed + _CHUNK:
        raise InputError(f"unpacks {found[0].filename} to {size >> 20} MiB, which no weights need")
    return found[0]


def _licence(archive: zipfile.ZipFile) -> str:
    """The licence as the package's metadata names it, ``""`` where they do not."""
    for member in archive.infolist():
        if member.filename.endswith(".dist-info/METADATA") and member.file_size < _CHUNK:
            head = archive.read(member).decode("utf-8", "replace").split("\n\n")[0]
            named = re.search(r"^License-Expression: (.{1,100})$", head, re.MULTILINE)
            classified = re.search(r"^Classifier: License ::.* :: (.{1,100})$", head, re.MULTILINE)
            match = named or classified
            return match[1].strip() if match else ""
    return ""
