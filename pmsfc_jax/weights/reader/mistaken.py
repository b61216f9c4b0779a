"""What users mistake for a checkpoint: by what it is known, what it is, and what to do."""

import re
from collections.abc import Iterable

_EXPECTED = "expected a torch checkpoint, a pickle of a network, or safetensors"
_BEGINNINGS = (
    (b"version https://git-lfs", "a Git LFS pointer, not the file itself; run `git lfs pull`"),
    (b"<", "a web page (a download that was refused?); fetch the file again in a browser"),
    (b"\x1f\x8b", "compressed by gzip; unpack it first"),
    (b"BZh", "compressed by bzip2; unpack it first"),
    (b"\xfd7zXZ", "compressed by xz; unpack it first"),
    (b"\x28\xb5\x2f\xfd", "compressed by zstd; unpack it first"),
    (b"Rar!", "a RAR archive; unpack it first"),
    (b"7z\xbc\xaf", "a 7z archive; unpack it first"),
    (b"\x93NUMPY", f"one numpy array; {_EXPECTED}"),
    (b"GGUF", f"a GGUF file, whose numbers are quantised; {_EXPECTED}"),
)
# Version, then the producer's name: the first two fields of its protocol buffer.
_ONNX = re.compile(rb"\x08[\x01-\x1f](\x12[\x01-\x40][ -~]|\x3a)")
# Where POSIX has the word `ustar`.
_TAR_AT = 257
_OLD_TORCH = (b"sys_info\0", b"storages\0", b"tensors\0", b"pickle\0")

#: How the names of a distributed checkpoint's files end.
DISTRIBUTED_NAMES = (".distcp", ".metadata")
DISTRIBUTED = (
    "is part of a distributed checkpoint of torch; join it first: "
    "python -m torch.distributed.checkpoint.format_utils dcp_to_torch FOLDER FILE"
)


def other_kind(head: bytes, size: int) -> str:
    """Say what a file is that is no checkpoint.

    Args:
        head: Its first bytes, 512 where there are as many.
        size: Of the file.

    """
    for beginning, what in _BEGINNINGS:
        if head.lstrip().startswith(beginning):
            return f"is {what}"
    if not size:
        return "is empty; fetch it again"
    if not any(head):
        return "begins with zeros: the download or copy was not finished; fetch it again"
    if head[_TAR_AT : _TAR_AT + 5] == b"ustar":
        if head.startswith(_OLD_TORCH):
            return "is a torch file from before version 0.1.10; load it with torch, save it again"
        return "is a tar archive; unpack it first"
    if _ONNX.match(head):
        return (
            "is an ONNX program, not weights alone; expected the checkpoint that it was exported "
            "from"
        )
    return f"is no checkpoint; {_EXPECTED}"


def folder_kind(names: Iterable[str]) -> str:
    """Say what a folder is, by the names of what it holds."""
    names = set(names)
    if any(name.endswith(DISTRIBUTED_NAMES) for name in names):
        return DISTRIBUTED.replace("is part of", "is")
    if "saved_model.pb" in names:
        return "is a SavedModel of TensorFlow; give a checkpoint file of a published layout"
    if {"data.pkl", "data"} <= names:
        return "is an unpacked torch file; zip its folder again without compression (zip -0 -r)"
    return "is a folder; give a checkpoint file"
