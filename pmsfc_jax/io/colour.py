"""A decoded picture of any mode to 8-bit sRGB."""

import io

import numpy as np
from PIL import ExifTags, Image, ImageCms, features

from pmsfc_jax.io.levels import grey_levels
from pmsfc_jax.io.notices import Notice
from pmsfc_jax.io.refusals import Refused

# A picture whose every pixel is less opaque than this shows nothing.
_VISIBLE = 16
# Levels by which a profile may differ from sRGB and count as the same: encoders round.
_SAME = 2
# Almost all values of a picture at or below this level: nothing is to be seen on it.
_DARK = 31
_ALMOST_ALL = 99.5
# Chromaticities of sRGB's white and primaries, and its approximate gamma, as PNG states them.
_SRGB_CHROMATICITIES = (0.3127, 0.329, 0.64, 0.33, 0.3, 0.6, 0.15, 0.06)
_SRGB_GAMMA = 0.45455
# Code points of ITU-T H.273 that are sRGB's or say nothing.
_USUAL_PRIMARIES = (1, 2)
_HIGH_DYNAMIC_RANGE = (16, 18)


def to_srgb(image: Image.Image, notices: list[Notice]) -> Image.Image:
    """Convert a decoded picture to mode RGB, its colours to sRGB, on white.

    Raises:
      Refused: nothing of it is visible, or it holds values that are not finite numbers.

    """
    profile = image.info.get("icc_profile")
    alpha = None
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        alpha = _opaque_where(image)
        image = Image.fromarray(grey_levels(image, notices))
    elif image.has_transparency_data:
        alpha, image = _without_alpha(image)
    elif image.mode == "LAB":
        return _from_lab(image)
    elif image.mode not in ("L", "RGB", "CMYK"):
        image = image.convert("L" if image.mode == "1" else "RGB")
    told = len(notices)
    rgb = _converted(image, profile, notices)
    if len(notices) == told and image.mode == "CMYK":
        notices.append(Notice("cmyk", "it was converted from CMYK without its colour profile"))
    if alpha is not None:
        rgb = _on_white(rgb, alpha, notices)
    if not any(notice.kind == "dark" for notice in notices):
        _notice_darkness(rgb, notices)
    return rgb


def notice_colours(image: Image.Image, notices: list[Notice]) -> None:
    """Tell of statements about colours, other than a profile, that are not heeded."""
    if image.info.get("icc_profile"):
        return
    text = ""
    gamma, chromaticity = image.info.get("gamma"), image.info.get("chromaticity")
    if "srgb" not in image.info:
        if gamma and abs(gamma - _SRGB_GAMMA) > 0.05:
            text = f"it states a gamma of {gamma:g}"
        elif chromaticity and np.abs(np.subtract(chromaticity, _SRGB_CHROMATICITIES)).max() > 0.01:
            text = "it states primaries that are not sRGB's"
    nclx = image.info.get("nclx_profile") or {}
    if nclx.get("color_primaries", 1) not in _USUAL_PRIMARIES:
        text = "it states primaries that are not sRGB's"
    if nclx.get("transfer_characteristics", 1) in _HIGH_DYNAMIC_RANGE:
        text = "it is of high dynamic range"
    if _says_adobe_rgb(image):
        text = "it says that its colours are Adobe RGB"
    if text:
        notices.append(Notice("colours", f"{text}, and has no colour profile: taken as sRGB"))


def _says_adobe_rgb(image: Image.Image) -> bool:
    try:
        interoperability = image.getexif().get_ifd(ExifTags.IFD.Interop)
        return str(interoperability.get(1, "")).startswith("R03")
    except Exception:  # a broken block of metadata says nothing
        return False


def _without_alpha(image: Image.Image) -> tuple[Image.Image, Image.Image]:
    """The opacity of a picture, mode L, and its colours, mode L or RGB."""
    full = image.convert("RGBA")
    colours = image.convert("LA").getchannel("L") if image.mode in ("LA", "La") else full
    return full.getchannel("A"), colours if colours.mode == "L" else colours.convert("RGB")


def _opaque_where(image: Image.Image) -> Image.Image | None:
    """The opacity of a picture of one wide channel, where it names a transparent value."""
    key = image.info.get("transparency")
    if not isinstance(key, int):
        return None
    return Image.fromarray(np.where(np.asarray(image) == key, 0, 255).astype(np.uint8))


def _on_white(rgb: Image.Image, alpha: Image.Image, notices: list[Notice]) -> Image.Image:
    opacity = np.asarray(alpha)
    if opacity.max() < _VISIBLE:
        raise Refused("nothing of it is visible: it is transparent everywhere")
    if opacity.min() == 255:
        return rgb
    notices.append(Notice("transparent", "its transparent parts were put on white"))
    picture = rgb.copy()
    picture.putalpha(alpha)
    return Image.alpha_composite(Image.new("RGBA", rgb.size, "white"), picture).convert("RGB")


def _converted(image: Image.Image, profile: bytes | None, notices: list[Notice]) -> Image.Image:
    """A picture of mode L, RGB or CMYK by its profile to sRGB; plainly to RGB without one."""
    if not profile:
        return image.convert("RGB")
    if not features.check("littlecms2"):
        text = "its colour profile was ignored: this Pillow was built without Little CMS"
        notices.append(Notice("colours", text))
        return image.convert("RGB")
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if image.mode == "L" and source.profile.xcolor_space.strip() == "RGB":
            image = image.convert("RGB")  # grey pictures often keep the profile they had in colour
        # Tables that make it faster are off by ten levels in the shadows of grey.
        exact = ImageCms.Flags.NOOPTIMIZE if image.mode == "L" else ImageCms.Flags.NONE
        transform = ImageCms.buildTransform(
            source,
            ImageCms.createProfile("sRGB"),
            image.mode,
            "RGB",
            ImageCms.Intent.RELATIVE_COLORIMETRIC,
            ImageCms.Flags.BLACKPOINTCOMPENSATION | exact,
        )
        if image.mode != "CMYK" and _changes_nothing(transform, image.mode):
            return image.convert("RGB")
        name = _printable(ImageCms.getProfileDescription(source))
        converted = transform.apply(image)
    # What Pillow raises on a damaged profile is of several types.
    except Exception:
        text = "its colour profile is damaged or of another kind of picture, and was ignored"
        notices.append(Notice("colours", text))
        return image.convert("RGB")
    notices.append(Notice("profile", f"its colours were converted to sRGB by its profile ({name})"))
    return converted


def _changes_nothing(transform: ImageCms.ImageCmsTransform, mode: str) -> bool:
    """Whether a transform leaves colours as they are: profiles of sRGB have many names."""
    steps = np.linspace(0, 255, 256 if mode == "L" else 9).astype(np.uint8)
    if mode == "L":
        probe = steps[None]
        expected = np.repeat(probe[..., None], 3, 2)
    else:
        probe = expected = np.stack(np.meshgrid(steps, steps, steps), -1).reshape(1, -1, 3)
    got = np.asarray(transform.apply(Image.fromarray(probe)))
    return int(np.abs(got.astype(int) - expected).max()) <= _SAME


def _from_lab(image: Image.Image) -> Image.Image:
    """CIE L*a*b* by its definition; its profile adds nothing."""
    lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    transform = ImageCms.buildTransform(lab, srgb, "LAB", "RGB")
    return transform.apply(image)


def _printable(text: str) -> str:
    """A profile's name as a few words on one line."""
    words = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return words[:60] or "without a name"


def _notice_darkness(rgb: Image.Image, notices: list[Notice]) -> None:
    counts = np.add.reduce(np.reshape(rgb.histogram(), (3, 256)))
    share = 100 * np.cumsum(counts) / counts.sum()
    level = int(np.argmax(share >= _ALMOST_ALL))
    if level <= _DARK:
        text = f"it is dark: almost none of its values is above {level} of 255"
        notices.append(Notice("dark", text))
