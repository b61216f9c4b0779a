"""Small colour profiles (ICC.1:2001-04), written by hand."""

import struct

import numpy as np

#: Columns: red, green, blue in XYZ under D50, as the profiles of these spaces hold them.
SRGB = np.array(
    [[0.4360747, 0.3850649, 0.1430804], [0.2225045, 0.7168786, 0.0606169],
     [0.0139322, 0.0971045, 0.7141733]]
)  # fmt: skip
DISPLAY_P3 = np.array(
    [[0.515121, 0.291977, 0.157104], [0.241196, 0.692245, 0.066574],
     [-0.001053, 0.041885, 0.784073]]
)  # fmt: skip
_D50 = (0.9642, 1.0, 0.8249)


def _xyz(values):
    return b"XYZ \0\0\0\0" + b"".join(struct.pack(">i", round(v * 65536)) for v in values)


def _curve(gamma):
    return b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256)) + b"\0\0"


def _description(text):
    ascii_text = text.encode() + b"\0"
    data = b"desc\0\0\0\0" + struct.pack(">I", len(ascii_text)) + ascii_text
    return data + b"\0" * (4 + 4 + 2 + 1 + 67)


def profile(space, tags):
    """The bytes of a display profile."""
    tags = {b"cprt": b"text\0\0\0\0none\0", b"wtpt": _xyz(_D50)} | tags
    table, data = b"", b""
    start = 128 + 4 + 12 * len(tags)
    for name, content in tags.items():
        content += b"\0" * (-len(content) % 4)
        table += name + struct.pack(">II", start + len(data), len(content))
        data += content
    body = struct.pack(">I", len(tags)) + table + data
    header = struct.pack(
        ">I4sI4s4s4s", 128 + len(body), b"\0" * 4, 0x02100000, b"mntr", space, b"XYZ "
    )
    header += struct.pack(">6H", 2026, 1, 1, 0, 0, 0) + b"acsp" + b"\0" * 24
    header += struct.pack(">I", 0) + b"".join(struct.pack(">i", round(v * 65536)) for v in _D50)
    return header.ljust(128, b"\0") + body


def rgb_profile(matrix, gamma, name="made for a test"):
    """A matrix profile: columns of ``matrix`` are the primaries, ``gamma`` the curve of all."""
    tags = {b"desc": _description(name)}
    for column, letter in enumerate("rgb"):
        tags[f"{letter}XYZ".encode()] = _xyz(matrix[:, column])
        tags[f"{letter}TRC".encode()] = _curve(gamma)
    return profile(b"RGB ", tags)


def grey_profile(gamma):
    return profile(b"GRAY", {b"desc": _description("grey"), b"kTRC": _curve(gamma)})


def to_srgb(linear):
    """Linear light to sRGB's levels, 0 to 255 (IEC 61966-2-1)."""
    linear = np.clip(linear, 0, 1)
    return 255 * np.where(
        linear <= 0.0031308, 12.92 * linear, 1.055 * np.maximum(linear, 1e-9) ** (1 / 2.4) - 0.055
    )
