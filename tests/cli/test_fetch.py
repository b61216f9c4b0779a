"""``pmsfc fetch``: the catalogue, and from a server of our own to converted weights."""

import hashlib
import shlex
import shutil
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from pmsfc_jax.cli.main import main
from pmsfc_jax.weights.fetch.catalogue import PUBLISHED, Published
from pmsfc_jax.weights.store.manifest import read_manifest

GOLDEN = Path(__file__).parents[1] / "golden"


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


@pytest.fixture
def ours(monkeypatch):
    """A server of the golden checkpoint, which is published as ``tiny``."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=GOLDEN))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    checksum = hashlib.sha256((GOLDEN / "pggan_tiny.pth").read_bytes()).hexdigest()
    file = Published(
        "a tiny PGGAN",
        f"http://127.0.0.1:{server.server_port}/pggan_tiny.pth",
        "pggan_tiny.pth",
        checksum,
        1 << 20,
        family="pggan",
        licence="CC BY-NC 4.0",
        side=16,
        facts={"output": "clip"},
        restricted=True,
    )
    monkeypatch.setitem(PUBLISHED, "tiny", file)
    yield file
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.parametrize("command", [["fetch", "tiny"], ["convert", "--fetch", "tiny"]])
def test_fetched_converted_and_recorded(ours, tmp_path, capfd, command):
    command = [*command, "--weights-dir", str(tmp_path), "--samples", "0"]
    assert main(command) == 2
    error = capfd.readouterr().err
    assert "licence: CC BY-NC 4.0" in error
    assert "add --accept-licence" in error
    assert not (tmp_path / "downloads").exists()
    assert main([*command, "--accept-licence"]) == 0
    assert "licence: CC BY-NC 4.0" in capfd.readouterr().out
    source = read_manifest(tmp_path / "tiny").source
    assert (source.licence, source.address) == (ours.licence, ours.address)
    assert source.choices["output"] == {"value": "clip", "from": "given"}
    # There already: said before anything is fetched.
    assert main([*command, "--accept-licence"]) == 2
    assert "already exists" in capfd.readouterr().err


def test_what_is_advised_where_nothing_can_be_fetched_works_when_it_is_typed(
    ours, tmp_path, capfd, monkeypatch
):
    monkeypatch.setitem(PUBLISHED, "tiny", ours._replace(address=f"{ours.address}.absent"))
    monkeypatch.chdir(tmp_path)
    where = ["--weights-dir", str(tmp_path / "weights")]
    assert main(["fetch", "tiny", "--accept-licence", *where]) == 2
    error = capfd.readouterr().err
    assert "answered 404" in error
    shutil.copy(GOLDEN / "pggan_tiny.pth", tmp_path)
    advised = shlex.split(error.strip().partition("and run: pmsfc ")[2])
    assert main([*advised, *where, "--samples", "0"]) == 0
    source = read_manifest(tmp_path / "weights" / "tiny").source
    assert source.choices["output"] == {"value": "clip", "from": "given"}


def test_the_catalogue(capfd):
    assert main(["fetch", "--list"]) == 0
    out = capfd.readouterr().out
    for name, file in PUBLISHED.items():
        assert sum(line.startswith(f"{name} ") for line in out.splitlines()) == 1
        assert f"{name}: {file.address}" in out


def test_mistakes_are_one_line(tmp_path, capfd):
    for words, message in (
        ([], "--list"),
        (["vgg19"], "choose faces64"),
        (["vgg16", "nothing"], "nothing called 'nothing'"),
    ):
        assert main(["fetch", *words, "--weights-dir", str(tmp_path)]) == 2
        assert message in capfd.readouterr().err
    assert list(tmp_path.iterdir()) == []
