import csv
import errno
import os

import pytest

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.io.metrics_table import MetricsTable


def row(name, value="1.5", source="/photos/a, b.jpg"):
    return {"image": name, "psnr_db": value, "source": source}


def read(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "metrics.csv"


def test_rows_are_appended_and_come_back(path):
    table = MetricsTable(path)
    assert table.rows == {}
    table.add([row("a"), row("b")])
    first = path.stat().st_ino
    table.add([row("c", source='/a "quoted".jpg')])
    MetricsTable(path).add([row("d")])
    assert path.stat().st_ino == first  # the same file grew
    assert read(path) == list(MetricsTable(path).rows.values())
    assert list(MetricsTable(path).rows) == ["a", "b", "c", "d"]
    assert MetricsTable(path).rows["c"] == row("c", source='/a "quoted".jpg')


def test_a_later_row_of_an_image_counts(path):
    table = MetricsTable(path)
    table.add([row("a"), row("b")])
    table.add([row("a", "2")])
    assert len(read(path)) == 3
    again = MetricsTable(path)
    assert again.rows == table.rows == {"a": row("a", "2"), "b": row("b")}
    again.save([])
    assert read(path) == [row("a", "2"), row("b")]


def test_a_line_cut_short_is_passed_over_and_written_over(path):
    table = MetricsTable(path)
    table.add([row("a"), row("b")])
    whole = path.read_bytes()
    for cut in range(len(whole)):
        path.write_bytes(whole[:cut])
        found = MetricsTable(path)
        lines = whole[:cut].count(b"\n")
        assert list(found.rows) == ["a", "b"][: max(lines - 1, 0)]
        found.add([row("c")])
        assert read(path) == list(found.rows.values()) == list(MetricsTable(path).rows.values())


def test_other_columns_write_the_file_anew(path):
    MetricsTable(path).add([{"image": "a", "psnr_db": "1"}])
    table = MetricsTable(path)
    table.add([row("b")])
    assert read(path) == [{"image": "a", "psnr_db": "1", "source": ""}, row("b")]


def test_the_order_at_the_end_keeps_images_that_are_not_asked_for(path):
    table = MetricsTable(path)
    table.add([row("z"), row("b"), row("a")])
    table.save(["a", "b", "unknown"])
    assert [r["image"] for r in read(path)] == ["a", "b", "z"]
    MetricsTable(path.with_name("none.csv")).save([])
    assert not path.with_name("none.csv").exists()


def test_a_full_disk_is_one_line_and_what_was_there_counts(path, monkeypatch):
    table = MetricsTable(path)
    table.add([row("a")])

    def full(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(InputError, match=r"cannot write .*metrics\.csv: the disk is full"):
            table.add([row("b")])
    table.add([row("c")])
    assert list(MetricsTable(path).rows) == ["a", "b", "c"]


@pytest.mark.parametrize("content", [b'image\n"a', b"\xff\xfe\n", b'image\n"a"b\n'])
def test_damage_is_told(path, content):
    path.write_bytes(content)
    if content == b'image\n"a':
        assert MetricsTable(path).rows == {}  # its last line was cut short
        return
    with pytest.raises(InputError, match=r"cannot read .*metrics\.csv: it is damaged"):
        MetricsTable(path)
