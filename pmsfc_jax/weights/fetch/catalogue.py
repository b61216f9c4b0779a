"""Published weights with stable addresses: what they are, whose, and by what they are known.

Only what a layout here reads is listed. Torchvision publishes the first eight digits of a file's
sha256 in its name; where all digits are known they are compared; GAN Dissection, pytorch_GAN_zoo
and OpenMMLab do the same. LPIPS' heads come from one commit of their repository. Keras states the
MD5 sum of its files in its source. NVIDIA and Hugging Face state none.
"""

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from pmsfc_jax.core.errors import InputError

_TORCHVISION = "https://download.pytorch.org/models/"
_KERAS = "https://storage.googleapis.com/tensorflow/keras-applications/vgg16/"
_LPIPS = (
    "https://raw.githubusercontent.com/richzhang/PerceptualSimilarity/"
    "082bb24f84c091ea94de2867d34c4544f68e0963/lpips/weights/v0.1/"
)
_DISSECT = "https://dissect.csail.mit.edu/models/"
_ZOO = "https://dl.fbaipublicfiles.com/gan_zoo/PGAN/"
_OPENMMLAB = "https://download.openmmlab.com/mmgen/stylegan2/official_weights/"
_NVIDIA = "https://nvlabs-fi-cdn.nvidia.com/stylegan2-ada-pytorch/pretrained/"
_HUGGING_FACE = "https://s3.amazonaws.com/models.huggingface.co/biggan/"

#: Who says a checksum, and what that is worth; ``commit``: the address names a commit, whose file
#: we summed.
Origin = Literal["host", "commit", "third party", "nobody"]


class Published(NamedTuple):
    """One published file.

    Attributes:
      what: it is, for messages.
      address: its official place; of a package, its page.
      file: name to store it under.
      checksum: in hexadecimal, or as many of its first digits as are published (8 at least); empty
        where nobody says one.
      most_bytes: no more than this is taken.
      family: of networks.
      licence: of the weights.
      algorithm: of the checksum, ``"sha256"`` or ``"md5"``.
      origin: who says the checksum. That of the host or a commit is demanded; that of a third party
        is told, since it may be wrong; without either the sum of the first download is kept, and
        demanded from then on.
      size: of the file, for people; empty where it is not known.
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
    origin: Origin = "host"
    size: str = ""
    side: int = 0
    requirement: str = ""
    facts: Mapping[str, Any] = {}
    restricted: bool = False

    @property
    def demanded(self) -> bool:
        """Whether a file of another checksum is refused."""
        return self.origin in ("host", "commit")


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


def _openmmlab(what: str, dated: str, digits: str, side: int) -> Published:
    """A StyleGAN2 of NVIDIA's as OpenMMLab publishes it again."""
    file = f"stylegan2-{what}-config-f-official_20210327_{dated}-{digits}.pth"
    return Published(
        f"NVIDIA's StyleGAN2 of {what}, {side}x{side}, as OpenMMLab publishes it",
        f"{_OPENMMLAB}{file}",
        file,
        digits,
        1 << 30,
        family="stylegan2",
        licence="NVIDIA Source Code License-NC",
        side=side,
        restricted=True,
    )


def _nvidia(what: str, file: str, side: int, sha256: str = "") -> Published:
    """A StyleGAN2 that NVIDIA trained with adaptive augmentation."""
    return Published(
        f"NVIDIA's StyleGAN2-ADA of {what}, {side}x{side}",
        f"{_NVIDIA}{file}",
        file.rpartition("/")[2],
        sha256,
        1 << 30,
        family="stylegan2",
        licence="NVIDIA Source Code License, non-commercial (NC)",
        origin="third party" if sha256 else "nobody",
        side=side,
        restricted=True,
    )


def _hugging_face(side: int, size: str = "", sha256: str = "") -> Published:
    """DeepMind's BigGAN-deep as Hugging Face publishes it."""
    file = f"biggan-deep-{side}-pytorch_model.bin"
    return Published(
        f"DeepMind's BigGAN-deep of the classes of ImageNet, {side}x{side}, as Hugging Face "
        "publishes it",
        f"{_HUGGING_FACE}{file}",
        file,
        sha256,
        1 << 30,
        family="biggan",
        licence="MIT (of the code that it comes with)",
        origin="third party" if sha256 else "nobody",
        size=size,
        side=side,
    )


#: Every file that can be fetched, by the name that its converted weights get.
PUBLISHED: dict[str, Published] = {
    "faces64": Published(
        "a DCGAN of 64x64 faces trained on DigiFace-1M, rendered faces of nobody",
        "https://pypi.org/project/gan-face-generate/1.1.1/#files",
        "gan_face_generate-1.1.1-py3-none-any.whl",
        "24102f4be41d164e44251168ede0458a45e498a888c81493e2aea48529640569",
        20 << 20,
        size="13 MiB",
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
    "stylegan2-ffhq1024": _openmmlab("ffhq", "171224", "bce9310c", 1024),
    "stylegan2-church256": _openmmlab("church", "172657", "1d42b7d1", 256),
    "stylegan2-cat256": _openmmlab("cat", "172444", "15bc485b", 256),
    "stylegan2-horse256": _openmmlab("horse", "173203", "ef3e69ca", 256),
    "stylegan2-car512": _openmmlab("car", "172340", "8cfe053c", 512),
    "stylegan2-ada-ffhq1024": _nvidia(
        "faces (FFHQ)",
        "ffhq.pkl",
        1024,
        "a205a346e86a9ddaae702e118097d014b7b8bd719491396a162cca438f2f524c",
    ),
    "stylegan2-ada-ffhq256": _nvidia(
        "faces (FFHQ)",
        "transfer-learning-source-nets/ffhq-res256-mirror-paper256-noaug.pkl",
        256,
    ),
    "stylegan2-ada-metfaces1024": _nvidia("faces in art (MetFaces)", "metfaces.pkl", 1024),
    "stylegan2-ada-afhqcat512": _nvidia("cats (AFHQ)", "afhqcat.pkl", 512),
    "stylegan2-ada-afhqdog512": _nvidia("dogs (AFHQ)", "afhqdog.pkl", 512),
    "stylegan2-ada-afhqwild512": _nvidia("wild animals (AFHQ)", "afhqwild.pkl", 512),
    "stylegan2-ada-cifar32": _nvidia("the ten classes of CIFAR-10", "cifar10.pkl", 32),
    "stylegan2-ada-brecahad512": _nvidia("tissue (BreCaHAD)", "brecahad.pkl", 512),
    "biggan-deep128": _hugging_face(128),
    "biggan-deep256": _hugging_face(
        256,
        "224 MiB",
        "5900ef4065047e3aa0d1b66197b7f2664dceb59b27080e414ad57e203c485bc5",
    ),
    "biggan-deep512": _hugging_face(512),
    "vgg16": Published(
        "torchvision's VGG16, trained on ImageNet",
        f"{_TORCHVISION}vgg16-397923af.pth",
        "vgg16-397923af.pth",
        "397923af8e79cdbb6a7127f12361acd7a2f83e06b05044ddf496e83de57a5bf0",
        560 << 20,
        size="528 MiB",
        licence="BSD-3-Clause",
    ),
    "vgg16-oxford": Published(
        "the authors' VGG16, trained on ImageNet, as Keras publishes it",
        f"{_KERAS}vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5",
        "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5",
        "6d6bbae143d832006294945121d1f1fc",
        64 << 20,
        size="56 MiB",
        licence="CC BY 4.0 (K. Simonyan, A. Zisserman)",
        algorithm="md5",
    ),
    "squeezenet1_0": Published(
        "torchvision's SqueezeNet 1.0, trained on ImageNet",
        f"{_TORCHVISION}squeezenet1_0-b66bff10.pth",
        "squeezenet1_0-b66bff10.pth",
        "b66bff10",
        8 << 20,
        size="5 MiB",
        family="squeezenet",
        licence="BSD-3-Clause",
    ),
    "squeezenet1_1": Published(
        "torchvision's SqueezeNet 1.1, trained on ImageNet",
        f"{_TORCHVISION}squeezenet1_1-b8a52dc0.pth",
        "squeezenet1_1-b8a52dc0.pth",
        "b8a52dc049b60e4b6ab68ad0df457362afab8b6304b2febdc1650a5dab4d7e7b",
        8 << 20,
        size="5 MiB",
        family="squeezenet",
        licence="BSD-3-Clause",
    ),
    "lpips_vgg": Published(
        "the heads of LPIPS v0.1 for VGG16",
        f"{_LPIPS}vgg.pth",
        "lpips_vgg.pth",
        "a78928a0af1e5f0fcb1f3b9e8f8c3a2a5a3de244d830ad5c1feddc79b8432868",
        1 << 20,
        size="7 KiB",
        family="lpips_heads",
        licence="BSD-2-Clause",
        origin="commit",
    ),
}


_SAID_BY: dict[Origin, str] = {
    "host": "who publishes it",
    "commit": "us, of the file at the commit in its address",
    "third party": "a third party, who may be wrong",
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
    facts = "".join(f" --set {fact}={value}" for fact, value in wanted.facts.items())
    compare = f", compare its {checksum_text(wanted)}" if wanted.checksum else ""
    return (
        f"to do it by hand, download {wanted.file} from {wanted.address} {compare}, "
        f"and run: pmsfc convert {wanted.file} --name {name}{facts}"
    )


def checksum_text(wanted: Published) -> str:
    """The checksum of a published file, as far as there is one, and who says it."""
    if not wanted.checksum:
        return "sha256 is said by nobody: that of the first download is kept, and demanded then"
    who = _SAID_BY[wanted.origin]
    if len(wanted.checksum) in (32, 64):
        return f"{wanted.algorithm} {wanted.checksum} (said by {who})"
    return f"{wanted.algorithm} {wanted.checksum}... (said by {who}, no more digits)"
