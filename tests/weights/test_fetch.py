"""Fetching from a server of our own on this machine: what comes, and what does not."""

import contextlib
import hashlib
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.weights import fetch as module
from pmsfc_jax.weights.fetch import PUBLISHED, Published, by_hand, fetch

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

    def change(page, sha256=SHA256, most_bytes=1 << 21, at=address):
        file = Published("a network", at + page, "network.pth", sha256, most_bytes)
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
        ("whole", {"sha256": "0" * 64}, "another file than the published one"),
        ("whole", {"sha256": "12345678"}, "another file than the published one"),
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
        fetch("vgg16", tmp_path, timeout=0.3)
    text = str(caught.value)
    assert "\n" not in text
    assert by_hand("vgg16") in text
    assert list(tmp_path.iterdir()) == []


def test_no_server(publish, tmp_path):
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))  # taken, but not listening
        publish("whole", at=f"http://127.0.0.1:{reserved.getsockname()[1]}/")
        with pytest.raises(InputError, match="could not be reached") as caught:
            fetch("vgg16", tmp_path)
    for part in (
        "network.pth",
        PUBLISHED["vgg16"].sha256,
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
        raise module._WriteError(OSError(28, "No space left on device"))

    monkeypatch.setattr(module, "_write", full)
    with pytest.raises(InputError, match=r"cannot write .*network\.pth: No space left"):
        fetch("vgg16", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_unknown_names(tmp_path):
    with pytest.raises(InputError, match="choose vgg16, squeezenet1_0, squeezenet1_1, lpips_vgg"):
        fetch("vgg19", tmp_path)


def test_the_table_of_published_files():
    for name, file in PUBLISHED.items():
        assert file.address.startswith("https://")
        assert len(file.sha256) in (8, 64)
        assert int(file.sha256, 16) >= 0
        if "pytorch.org" in file.address:
            # The digits that torchvision puts into names.
            assert file.address.endswith(f"{file.sha256[:8]}.pth")
            assert file.address.endswith(f"/{file.file}")
        assert f"--name {name}" in by_hand(name)


@pytest.mark.shared
def test_the_checksum_of_the_published_heads(shared):
    path = shared / "checkpoints" / "vgg16_torchvision_lpips" / "lpips_vgg.pth"
    assert hashlib.sha256(path.read_bytes()).hexdigest() == PUBLISHED["lpips_vgg"].sha256
