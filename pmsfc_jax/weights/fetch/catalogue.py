"""Published weights with stable addresses: what they are, whose, and by what they are known.

Torchvision publishes the first eight digits of a file's sha256 in its name; where all digits are
known they are compared; GAN Dissection and pytorch_GAN_zoo do the same. LPIPS' heads come from one
commit of their repository. Keras states the MD5 sum of its files in its source.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from pmsfc_jax.core.errors import InputError

_TORCHVISION = "https://download.pytorch.org/models/"
_KERAS = "https://storage.googleapis.com/tensorflow/keras-applications/vgg16/"
_LPIPS = (
    "https://raw.githubusercontent.com/richzhang/PerceptualSimilarity/"
    "082bb24f84c091ea94de2867d34c4544f68e0963/lpips/weights/v0.1/"
)
_DISSECT = "https://dissect.csail.mit.edu/models/"
_ZOO = "https://dl.fbaipublicfiles.com/gan_zoo/PGAN/"


class Published(NamedTuple):
    """One published file.

    Attributes:
      what: it is, for messages.
      address: its official place; of a package, its page.
      file: name to store it under.
      checksum: in hexadecimal, or as many of its first digits as are published (8 at least).
      most_bytes: no more than this is taken.
      family: of networks.
      licence: of the weights.
      algorithm: of the checksum, ``"sha256"`` or ``"md5"``.
      side: of a generator's images, in pixels; 0 for a judging network.
      requirement: of the Python package that holds the file, for pip; empty where it has an
        address.
      facts: what the file does not say, as `convert_checkpoint` takes it.
      restricted: whether the licence forbids commercial use, so that it has to be accepted.

    """

    what: str
    address: str
    file: str
    checksum: str
    most_bytes: int
    family: str = "vgg16"
    licence: str = ""
    algorithm: str = "sha256"
    side: int = 0
    requirement: str = ""
    facts: Mapping[str, Any] = {}
    restricted: bool = False


def _dissect(what: str, digits: str, side: int) -> Published:
    """A PGGAN of NVIDIA's as GAN Dissection published it again."""
    file = f"proggan_{what}-{digits}.pth"
    return Published(
        f"NVIDIA's PGGAN of {what}, {side}x{side}, as GAN Dissection publishes it",
        f"{_DISSECT}{file}",
        file,
        digits,
        400 << 20,
        family="pggan",
        licence="CC BY-NC 4.0 (NVIDIA)",
        side=side,
        facts={"output": "linear"},
        restricted=True,
    )


def _zoo(what: str, file: str, side: int) -> Published:
    """A PGGAN that the authors of pytorch_GAN_zoo trained."""
    return Published(
        f"pytorch_GAN_zoo's PGGAN of {what}, {side}x{side}",
        f"{_ZOO}{file}",
        file,
        file.removesuffix(".pth").rpartition("-")[2],
        1 << 30,
        family="pggan",
        licence="BSD-3-Clause",
        side=side,
    )


#: Every file that can be fetched, by the name that its converted weights get.
PUBLISHED: dict[str, Published] = {
    "faces64": Published(
        "a DCGAN of 64x64 faces trained on DigiFace-1M, rendered faces of nobody (13 MiB)",
        "https://pypi.org/project/gan-face-generate/1.1.1/#files",
        "gan_face_generate-1.1.1-py3-none-any.whl",
        "24102f4be41d164e44251168ede0458a45e498a888c81493e2aea48529640569",
        20 << 20,
        family="dcgan",
        licence="MIT",
        side=64,
        requirement="gan-face-generate==1.1.1",
    ),
    "pggan-celebahq1024": _dissect("celebhq", "620d161c", 1024),
    "pggan-bedroom256": _dissect("bedroom", "d8a89ff1", 256),
    "pggan-church256": _dissect("churchoutdoor", "7e701dd5", 256),
    "pggan-conferenceroom256": _dissect("conferenceroom", "21e85882", 256),
    "pggan-diningroom256": _dissect("diningroom", "3aa0ab80", 256),
    "pggan-kitchen256": _dissect("kitchen", "67f1e16c", 256),
    "pggan-livingroom256": _dissect("livingroom", "5ef336dd", 256),
    "pggan-restaurant256": _dissect("restaurant", "b8578299", 256),
    "zoo-celebahq256": _zoo("CelebA-HQ", "celebaHQ_s6_i80000-6196db68.pth", 256),
    "zoo-celebahq512": _zoo("CelebA-HQ", "celebaHQ16_december_s7_i96000-9c72988c.pth", 512),
    "zoo-celeba128": _zoo("CelebA", "celebaCropped_s5_i83000-2b0acc76.pth", 128),
    "zoo-textures128": _zoo("describable textures", "testDTD_s5_i96000-04efa39f.pth", 128),
    "vgg16": Published(
        "torchvision's VGG16, trained on ImageNet (528 MiB)",
        f"{_TORCHVISION}vgg16-397923af.pth",
        "vgg16-397923af.pth",
        "397923af8e79cdbb6a7127f12361acd7a2f83e06b05044ddf496e83de57a5bf0",
        560 << 20,
        licence="BSD-3-Clause",
    ),
    "vgg16-oxford": Published(
        "the authors' VGG16, trained on ImageNet, as Keras publishes it (56 MiB)",
        f"{_KERAS}vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5",
        "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5",
        "6d6bbae143d832006294945121d1f1fc",
        64 << 20,
        licence="CC BY 4.0 (K. Simonyan, A. Zisserman)",
        algorithm="md5",
    ),
    "squeezenet1_0": Published(
        "torchvision's SqueezeNet 1.0, trained on ImageNet (5 MiB)",
        f"{_TORCHVISION}squeezenet1_0-b66bff10.pth",
        "squeezenet1_0-b66bff10.pth",
        "b66bff10",
        8 << 20,
        family="squeezenet",
        licence="BSD-3-Clause",
    ),
    "squeezenet1_1": Published(
        "torchvision's SqueezeNet 1.1, trained on ImageNet (5 MiB)",
        f"{_TORCHVISION}squeezenet1_1-b8a52dc0.pth",
        "squeezenet1_1-b8a52dc0.pth",
        "b8a52dc049b60e4b6ab68ad0df457362afab8b6304b2febdc1650a5dab4d7e7b",
        8 << 20,
        family="squeezenet",
        licence="BSD-3-Clause",
    ),
    "lpips_vgg": Published(
        "the heads of LPIPS v0.1 for VGG16 (7 KiB)",
        f"{_LPIPS}vgg.pth",
        "lpips_vgg.pth",
        "a78928a0af1e5f0fcb1f3b9e8f8c3a2a5a3de244d830ad5c1feddc79b8432868",
        1 << 20,
        family="lpips_heads",
        licence="BSD-2-Clause",
    ),
}


def published(name: str) -> Published:
    """The published file called ``name``.

    Raises:
      InputError: there is none of that name.

    """
    if name not in PUBLISHED:
        raise InputError(f"nothing called {name!r} can be fetched; choose {', '.join(PUBLISHED)}")
    return PUBLISHED[name]


def by_hand(name: str) -> str:
    """What to do where a file cannot be fetched: address, checksum and the command to run."""
    wanted = published(name)
    whole = len(wanted.checksum) in (32, 64)
    digits = wanted.algorithm if whole else f"beginning of the {wanted.algorithm}"
    facts = "".join(f" --set {fact}={value}" for fact, value in wanted.facts.items())
    return (
        f"to do it by hand, download {wanted.file} from {wanted.address} , compare its {digits} "
        f"with {wanted.checksum}, and run: pmsfc convert {wanted.file} --name {name}{facts}"
    )
