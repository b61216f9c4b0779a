import numpy as np
import pytest

from pmsfc_jax.effects import change


@pytest.fixture(scope="module")
def changes():
    """``[pairs, sets, H, W, 3]``, the last set of the last pair without a change."""
    values = np.random.default_rng(0).standard_normal((4, 3, 5, 7, 3)).astype(np.float32)
    values[3, 2] = 0
    return values


def test_area_counts_the_pixels_that_change():
    energy = np.zeros((3, 4, 5))
    energy[0, 1, 2] = 7
    energy[1, :2] = 3
    energy[2] = 1
    assert np.allclose(change.area(energy), [1 / 20, 10 / 20, 1])
    assert np.isnan(change.area(np.zeros((4, 5))))


def test_radius_is_zero_at_a_point_and_one_for_the_whole_picture():
    energy = np.zeros((3, 6, 9))
    energy[0, 5, 8] = 2
    energy[1] = 1
    energy[2, 0, 0] = energy[2, 5, 8] = 4
    found = change.radius(energy)
    assert np.allclose(found[:2], [0, 1])
    # Opposite corners: half the diagonal, over the RMS distance of all pixels from the middle.
    apart = [np.hypot(y - 2.5, x - 4) for y in range(6) for x in range(9)]
    assert np.isclose(found[2], np.hypot(2.5, 4) / np.sqrt(np.mean(np.square(apart))))


def test_energy_is_split_into_colour_and_grey_and_into_flat_and_structure(changes):
    colour, flat = change.colour_energy(changes), change.flat_energy(changes)
    for pair in range(4):
        for number in range(3):
            image = changes[pair, number].astype(np.float64)
            by_pixel = sum(((pixel - pixel.mean()) ** 2).sum() for row in image for pixel in row)
            assert np.isclose(colour[pair, number], by_pixel)
            by_colour = sum(35 * image[:, :, k].mean() ** 2 for k in range(3))
            assert np.isclose(flat[pair, number], by_colour)
    grey = np.ones((5, 7, 3)) * np.arange(7)[None, :, None]
    assert np.isclose(change.colour_energy(grey), 0)
    assert np.isclose(change.flat_energy(np.ones((5, 7, 3))), 5 * 7 * 3)


def test_cosines_against_a_loop(changes):
    places, signed = change.overlaps(changes), change.alignments(changes)
    for pair in range(3):
        for r in range(3):
            for s in range(3):
                a, b = (changes[pair, k].astype(np.float64) for k in (r, s))
                size = np.linalg.norm(a) * np.linalg.norm(b)
                assert np.isclose(signed[pair, r, s], (a * b).sum() / size)
                lengths = np.linalg.norm(a, axis=-1) * np.linalg.norm(b, axis=-1)
                assert np.isclose(places[pair, r, s], lengths.sum() / size)
    assert np.isnan(signed[3, 2]).all()
    assert np.isnan(places[3, :, 2]).all()


def test_shared_variation_against_second_moments(changes):
    rows = changes.reshape(4, 3, -1).astype(np.float64)

    def product(r, s):
        return sum((rows[p, r] @ rows[q, s]) ** 2 for p in range(4) for q in range(4) if p != q)

    expected = [
        [product(r, s) / np.sqrt(product(r, r) * product(s, s)) for s in range(3)] for r in range(3)
    ]
    assert np.allclose(change.shared_variation(changes), expected)


def test_shared_variation_tells_kinds_of_change_apart():
    rng = np.random.default_rng(1)
    amounts = rng.standard_normal((3, 200, 2))
    changes = np.zeros((200, 3, 4, 5, 1))
    for number, rows in enumerate([(0, 1), (2, 3), (0, 1)]):  # each kind of change has its row
        for kind, row in enumerate(rows):
            changes[:, number, row] = amounts[number, :, kind, None, None]
    found = change.shared_variation(changes)
    assert np.allclose(np.diag(found), 1)
    assert np.isclose(found[0, 1], 0)
    assert abs(found[0, 2] - 1) < 0.1  # independent draws of the same kinds


def test_pooling_takes_block_means_and_leaves_small_pictures_alone(changes):
    assert change.pooled(changes, 7) is not None
    assert np.array_equal(change.pooled(changes, 7), changes)
    found = change.pooled(changes, 3)  # blocks of 3x3 of 5x7
    assert found.shape == (4, 3, 1, 2, 3)
    assert np.allclose(found[1, 2, 0, 1], changes[1, 2, :3, 3:6].mean((0, 1)), atol=1e-6)


def test_mean_of_what_is_defined():
    assert change.mean_defined(np.array([1.0, np.nan, 3.0])) == 2
    found = change.mean_defined(np.array([[np.nan, 1.0], [np.nan, 2.0]]), axis=0)
    assert np.isnan(found[0])
    assert found[1] == 1.5
