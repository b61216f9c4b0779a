from pmsfc_jax.io.notices import PHRASES, Notice, Tally


def test_photographs_are_counted_by_kind_the_most_frequent_first():
    tally = Tally()
    assert tally.text() == ""
    for row in range(5):
        tally.add(row, [Notice("turned", "x")])
    for row in range(18):
        tally.add(row, [Notice("square", f"{row}"), Notice("square", "once more")])
    tally.add(3, [Notice("square", "taken again")])
    assert tally.text() == "18 cropped to squares, 5 turned by EXIF"
    assert tally.counts() == {"square": 18, "turned": 5}


def test_one_is_singular():
    tally = Tally()
    tally.add(0, [Notice(kind, "") for kind in PHRASES])
    assert tally.text().startswith("1 cropped to a square, 1 cropped, ")
    assert "squares" not in tally.text()
