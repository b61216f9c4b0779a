"""Files that users of comparable software met trouble with, each as torch itself reads it."""

import sys
from unittest import mock

import numpy as np
import pytest

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.registry import load_generator
from pmsfc_jax.weights.convert import convert_checkpoint
from pmsfc_jax.weights.store.manifest import read_manifest
from tests.weights.conversion import error, nchw

torch = pytest.importorskip("torch")
pytestmark = [pytest.mark.shared, pytest.mark.torch]
nn = torch.nn
LATENT = 16
WIDTHS = (32, 16, 8)


def network(eps=1e-5, output=None, channels=3):
    layers, incoming = [], LATENT
    for i, width in enumerate(WIDTHS):
        layers.append(
            nn.ConvTranspose2d(incoming, width, 4, *((2, 1) if i else (1, 0)), bias=False)
        )
        layers += [nn.BatchNorm2d(width, eps=eps), nn.ReLU()]
        incoming = width
    layers += [nn.ConvTranspose2d(incoming, channels, 4, 2, 1, bias=False), output or nn.Tanh()]
    net = nn.Module()
    net.main = nn.Sequential(*layers)
    return net.eval()


def tensors(tree):
    """The network's tensors, however torch loads them."""
    tree = tree.get("netG_ema", tree.get("state_dict", tree))
    names = {n.removeprefix("_orig_mod.").removeprefix("generator."): t for n, t in tree.items()}
    return {n: t for n, t in names.items() if n.startswith("main.")}


def loaded(path):
    if path.suffix == ".safetensors":
        return tensors(pytest.importorskip("safetensors.torch").load_file(path))
    if path.name.startswith("whole"):
        return torch.load(path, weights_only=False).state_dict()
    if path.name.startswith("ordered"):
        main = sys.modules["__main__"]
        with mock.patch.object(main, "Ordered", type("Ordered", (dict,), {}), create=True):
            return tensors(torch.load(path, weights_only=False))
    return tensors(torch.load(path, weights_only=False))


CASES = {
    "whole_eps08.pth": ({"eps": 0.8}, {}),
    "whole_sigmoid.pth": ({"output": nn.Sigmoid()}, {"output": "sigmoid"}),
    "netG_and_netG_ema.pth": ({}, {}),
    "negative_view.pth": ({}, {}),
    "compiled.pth": ({}, {}),
    "lightning.pth": ({}, {}),
    "ordered_subclass.pth": ({}, {}),
    "text_among_arrays.pth": ({}, {}),
    "epoch_among_arrays.pth": ({}, {}),
    "st_f8.safetensors": ({}, {}),
    "grey.pth": ({"channels": 1}, {}),
}
PASSED_OVER = {
    "text_among_arrays.pth": "passed over: arch (text)",
    "epoch_among_arrays.pth": "passed over: epoch (a number)",
    "st_f8.safetensors": "passed over: q (of type F8_E4M3)",
    "netG_and_netG_ema.pth": "takes netG_ema, an average; also there: netG",
}


@pytest.mark.parametrize("name", CASES)
def test_pictures_are_torch_s_own(shared, tmp_path, name):
    built, facts = CASES[name]
    path = shared / "cases" / name
    said = []
    folder = convert_checkpoint(
        path, "case", weights_dir=tmp_path, on_recognised=said.append, **facts
    )
    net = network(**built)
    net.load_state_dict(loaded(path))
    z = np.random.default_rng(3).standard_normal((4, LATENT)).astype(np.float32)
    with torch.no_grad():
        expected = net.main(torch.from_numpy(z)[:, :, None, None]).numpy()
    if "sigmoid" in name:
        expected = 2 * expected - 1
    generator, params = load_generator(folder)
    image = nchw(generator(params, z))
    assert error(image, expected.repeat(3 // expected.shape[1], axis=1)) < 1e-4
    assert PASSED_OVER.get(name, "") in "\n".join(said)
    choices = read_manifest(folder).source.choices
    origin = "file" if name.startswith("whole") else "default"
    assert choices["eps"] == {"value": built.get("eps", 1e-5), "from": origin}
    assert ("channels" in choices) == (name == "grey.pth")


def test_what_a_module_says_and_none_can_draw_is_refused_by_name(shared, tmp_path):
    with pytest.raises(InputError, match=r"is a Sigmoid.*--set output=sigmoid"):
        convert_checkpoint(shared / "cases" / "whole_sigmoid.pth", "x", weights_dir=tmp_path)


def test_a_save_that_was_stopped_is_called_so(shared, tmp_path):
    with pytest.raises(InputError, match="is a torch file whose writing was cut short"):
        convert_checkpoint(shared / "cases" / "aborted_save.pth", "x", weights_dir=tmp_path)


def test_no_checkpoint_case_is_left_out(shared):
    kinds = (".pth", ".pt", ".safetensors", ".npz", ".pkl")
    found = {path.name for path in (shared / "cases").iterdir() if path.suffix in kinds}
    assert found == {*CASES, "aborted_save.pth"}
