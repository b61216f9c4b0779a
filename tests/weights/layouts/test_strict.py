"""What a layout does with files that are not quite of it, and with facts that no file holds."""

import numpy as np
import pytest

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.weights.layouts.options import OPTIONS, parse_options
from pmsfc_jax.weights.layouts.table import LAYOUTS, recognise
from pmsfc_jax.weights.reader.records import Record
from tests.weights import native, native_dcgan
from tests.weights.conversion import converted

WIDTHS = (4, 6)
#: One random network of each layout, with the facts it needs.
NETWORKS = {
    "pggan_mganprior": (native.draw_mganprior(1, 5, WIDTHS), {}),
    "pggan_genforce": (native.draw_genforce(1, 5, WIDTHS), {}),
    "pggan_ptrblck": (native.draw_ptrblck(1, 5, WIDTHS), {}),
    "pggan_gandissect": (native.draw_gandissect(1, 5, WIDTHS), {"output": "linear"}),
    "pggan_zoo": (native.draw_zoo(1, 5, WIDTHS), {"output": "linear", "equalised": True}),
    "pggan_akanimax": (native.draw_akanimax(1, 5, WIDTHS), {"equalised": True}),
    "pggan_akanimax_v2": (native.draw_akanimax(1, 5, WIDTHS, version=2), {"equalised": True}),
    "pggan_rosinality": (native.draw_rosinality(1, 5, WIDTHS), {"label": 1, "step": 1}),
    "pggan_odegeasslbc": (native.draw_odegeasslbc(1, 5, 4), {"step": 2, "output": "tanh"}),
    "pggan_tf": (native.draw_tf(1, 5, WIDTHS), {}),
    "dcgan_pytorch_examples": (native_dcgan.pytorch_examples(1, 5, WIDTHS), {}),
    "dcgan_fletchersarip93": (native_dcgan.fletchersarip93(1, 5, WIDTHS), {}),
}
#: For the networks above, what must be asked for.
ASKED = {
    "pggan_gandissect": {"output": "ganseeing clip"},
    "pggan_zoo": {"output": "WGANGP", "equalised": "true"},
    "pggan_akanimax": {"equalised": "deviation"},
    "pggan_akanimax_v2": {"equalised": "deviation"},
    "pggan_rosinality": {"label": "0 to 2", "step": "8x8"},
    "pggan_odegeasslbc": {"step": "256x256", "output": "tanh"},
}
every_layout = pytest.mark.parametrize("layout", NETWORKS)


def fails(tree, **options):
    with pytest.raises(InputError) as caught:
        converted(tree, **options)
    message = str(caught.value)
    assert "\n" not in message
    return message


def unwrapped_name(name):
    """As messages have it: the zoo's layers stand in wrappers."""
    return name.replace(".module.", ".")


def test_every_layout_is_here():
    names = [layout.name for layout in LAYOUTS]
    assert set(NETWORKS) == {name for name in names if name.startswith(("pggan_", "dcgan_"))}
    assert len(set(names)) == len(names)


@every_layout
def test_is_recognised_and_converts(layout):
    arrays, options = NETWORKS[layout]
    assert recognise(arrays).layout.name == layout
    # In any order, with a wrapper of data-parallel training, and inside other things.
    for tree in (dict(reversed(arrays.items())), {f"module.{n}": a for n, a in arrays.items()}):
        assert recognise({"epoch": 3, "net": {"weights": tree}}).layout.name == layout
        assert converted(tree, **options).architecture == converted(arrays, **options).architecture


@every_layout
def test_each_missing_key_is_named(layout):
    arrays, options = NETWORKS[layout]
    for name in arrays:
        rest = {other: array for other, array in arrays.items() if other != name}
        assert unwrapped_name(name) in fails(rest, **options).split("not used")[0]


@every_layout
def test_an_unknown_key_is_named(layout):
    arrays, options = NETWORKS[layout]
    extra = {"somewhere.else": np.zeros((2, 3), np.float32)}
    message = fails(arrays | extra, **options)
    assert "not used by this layout: somewhere.else (2, 3)" in message


@every_layout
def test_each_misshapen_array_is_named(layout):
    arrays, options = NETWORKS[layout]
    for name, array in arrays.items():
        assert unwrapped_name(name) in fails(arrays | {name: array[None]}, **options)
        # A longer code or more classes are another architecture, not a fault.
        free = len(array) == 5 if array.ndim else True
        if not free and name != "label_embed.weight":
            padded = np.concatenate([array, array[:1]])
            assert unwrapped_name(name) in fails(arrays | {name: padded}, **options)


@every_layout
def test_each_array_has_to_hold_finite_floats(layout):
    arrays, options = NETWORKS[layout]
    for name, array in arrays.items():
        broken = array.copy()
        broken.reshape(-1)[-1] = np.nan
        expected = f"not finite floats: {unwrapped_name(name)}"
        assert expected in fails(arrays | {name: broken}, **options)
    first = next(iter(arrays))
    assert unwrapped_name(first) in fails(
        arrays | {first: arrays[first].astype(np.int32)}, **options
    )


def test_all_faults_are_in_one_message():
    arrays = dict(NETWORKS["pggan_mganprior"][0])
    del arrays["layer1.wscale.bias"], arrays["output0.conv.weight"]
    arrays["layer3.conv.weight"] = arrays["layer3.conv.weight"][:, :5]
    arrays["layer2.conv.weight"] = np.full_like(arrays["layer2.conv.weight"], np.inf)
    arrays["stray"] = np.zeros(3, np.float32)
    message = fails(arrays)
    assert message == (
        "the keys do not fit: missing: layer1.wscale.bias (4), output0.conv.weight (3, 4, 1, 1); "
        "not used by this layout: stray (3); of the wrong shape: layer3.conv.weight is "
        "(6, 5, 3, 3) and not (6, 6, 3, 3); not finite floats: layer2.conv.weight"
    )


def test_half_precision_is_read():
    arrays, _ = NETWORKS["pggan_mganprior"]
    halves = {name: array.astype(np.float16) for name, array in arrays.items()}
    kernel = converted(halves).params["conv1"]["kernel"]
    assert kernel.dtype == np.float32
    np.testing.assert_allclose(kernel, converted(arrays).params["conv1"]["kernel"], rtol=1e-2)


@pytest.mark.parametrize(
    ("tree", "expected"),
    [
        ({"conv.weight": np.zeros(3)}, "no known layout: the 1 keys begin with conv.weight"),
        ({"epoch": 3}, "no named arrays"),
        ([], "no named arrays"),
    ],
)
def test_what_is_no_layout(tree, expected):
    assert expected in fails(tree)


# Facts that the file does not hold.


@pytest.mark.parametrize("layout", ASKED)
def test_missing_facts_are_asked_for_together(layout):
    arrays, _ = NETWORKS[layout]
    message = fails(arrays)
    for name, hint in ASKED[layout].items():
        assert f"--set {name}=" in message
        assert hint in message


@every_layout
def test_facts_of_other_layouts_are_refused(layout):
    arrays, options = NETWORKS[layout]
    takes = next(la.options for la in LAYOUTS if la.name == layout)
    values = {"output": "tanh", "label": 0, "step": 1, "depth": 2, "lod": 0, "alpha": 1.0}
    for name in values.keys() - set(takes):
        message = fails(arrays, **(options | {name: values[name]}))
        assert f"no {name} to set" in message


@pytest.mark.parametrize(
    ("layout", "given", "expected"),
    [
        ("pggan_mganprior", {"lod": -1}, "lod is -1.0"),
        ("pggan_mganprior", {"lod": 2}, "with 2 levels it ends at 1"),
        ("pggan_genforce", {"lod": 1.5}, "with 2 levels it ends at 1"),
        ("pggan_genforce", {"fused": "yes"}, "true or false"),
        ("pggan_genforce", {"fused": True}, "layer2.weight is (6, 4, 3, 3) and not (4, 6, 3, 3)"),
        ("pggan_gandissect", {"output": "relu"}, "one of linear, tanh, clip"),
        ("pggan_zoo", {"alpha": 1.5}, "from 0 to 1"),
        ("pggan_zoo", {"alpha": 1}, "nothing of the last resolution"),
        ("pggan_akanimax", {"alpha": 0.0}, "nothing of the last resolution"),
        ("pggan_akanimax", {"depth": 4}, "depths 2 to 3"),
        ("pggan_akanimax_v2", {"depth": 3}, "depths 1 to 2"),
        ("pggan_rosinality", {"label": 3}, "labels 0 to 2"),
        ("pggan_rosinality", {"step": 2}, "steps 0 to 1"),
        ("pggan_rosinality", {"step": True}, "a whole number"),
        ("pggan_odegeasslbc", {"step": 0}, "steps 1 to 6"),
        ("pggan_odegeasslbc", {"step": 7}, "steps 1 to 6"),
    ],
)
def test_impossible_facts(layout, given, expected):
    arrays, options = NETWORKS[layout]
    assert expected in fails(arrays, **(options | given))


def test_one_class_needs_no_label():
    arrays = native.draw_rosinality(1, 5, WIDTHS, classes=1)
    assert converted(arrays, step=1).architecture["label_dim"] == 1


def test_the_network_s_own_settings_are_used():
    arrays, _ = NETWORKS["pggan_tf"]

    def network(**settings):
        state = {"static_kwargs": settings, "variables": list(arrays.items())}
        return Record("tfutil.Network", (), state)

    plain = converted(network()).architecture
    assert plain == converted(arrays).architecture
    changed = converted(
        network(normalize_latents=False, use_pixelnorm=False, use_leakyrelu=False)
    ).architecture
    assert (changed["unnormalised"], changed["slope"]) == ((0, 1, 2, 3, 4), 0.0)
    raw = converted(network(use_wscale=False)).params["conv1"]["kernel"]
    np.testing.assert_array_equal(raw, arrays["4x4/Conv/weight"])
    assert "conditional" in fails(network(label_size=10))
    assert "pixelnorm_epsilon" in fails(network(pixelnorm_epsilon=1e-4))
    assert converted(network(label_size=np.arange(3))).architecture == plain


def test_zoo_s_configuration_is_used():
    arrays, _ = NETWORKS["pggan_zoo"]

    def tree(**settings):
        config = Record("models.utils.config.BaseConfig", (), settings)
        return {"config": config, "avgG": arrays}

    full = {"lossCriterion": "MSE", "equalizedlR": True, "alpha": 0.5, "leakyReluLeak": 0.1}
    got = converted(tree(**full)).architecture
    assert (got["output"], got["fade"], got["slope"]) == ("tanh", 0.5, 0.1)
    assert converted(tree(**full), output="linear").architecture["output"] == "linear"
    assert "--set output" in fails(tree(**full | {"lossCriterion": "unheard of"}))
    assert "conditional" in fails(tree(**full | {"categoryVectorDim": 4}))
    assert "pixel norm" in fails(tree(**full | {"perChannelNormalization": False}))
    assert "alpha is nan" in fails(tree(**full | {"alpha": float("nan")}))
    assert "equalised is 'yes'" in fails(tree(**full | {"equalizedlR": "yes"}))
    scalar = converted(tree(**full | {"alpha": np.float64(0.5)})).architecture
    assert scalar["fade"] == 0.5
    # What no configuration holds counts as not said.
    assert converted(tree(**full | {"alpha": [1, 2]})).architecture["fade"] == 0.0
    assert "--set output" in fails(tree(**full | {"lossCriterion": ["MSE"]}))


# Several networks in a file.


def test_which_takes_another_network():
    averaged, raw = (native.draw_genforce(seed, 5, WIDTHS) for seed in (1, 2))
    tree = {"models": {"generator": raw, "generator_smooth": averaged}, "step": 3}
    assert recognise(tree).name == "generator_smooth"
    assert recognise(tree, "generator").name == "generator"
    assert recognise(tree, "models.generator").name == "generator"
    with pytest.raises(InputError, match="choose one of: generator, generator_smooth"):
        recognise(tree, "discriminator")
    with pytest.raises(InputError, match="several generators; choose one with --which: a, b"):
        recognise({"a": raw, "b": averaged})


def test_networks_of_the_same_name_stay_apart():
    first, second = (native.draw_genforce(seed, 5, WIDTHS) for seed in (1, 2))
    found = recognise({"generator": first, "models": {"generator": second}})
    assert found.candidates == ("generator", "models.generator")


# Facts on the command line.


def test_parse_options():
    parsed = parse_options(["output=clip", "equalised=false", "step=3", "lod=0.5", "fused=1"])
    assert parsed == {
        "output": "clip",
        "equalised": False,
        "step": 3,
        "lod": 0.5,
        "fused": True,
    }
    assert parse_options([]) == {}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("outptu=clip", "output"),
        ("output", "field=value"),
        ("step=many", "a whole number"),
        ("step=1.5", "a whole number"),
        ("lod=nan", "a number from 0 up"),
        ("equalised=maybe", "true or false"),
        ("output=relu", "linear, tanh, clip"),
    ],
)
def test_parse_options_refuses(text, expected):
    with pytest.raises(InputError, match=expected):
        parse_options([text])


def test_layouts_take_options_that_there_are():
    assert {name for layout in LAYOUTS for name in layout.options} <= set(OPTIONS)
