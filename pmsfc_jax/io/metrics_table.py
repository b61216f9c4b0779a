"""``metrics.csv``: a row an image, a batch at a time, and whole at the end.

While a run works rows are appended, so that a batch costs the same whether it is the first or the
thousandth; an image that comes again has a later row, which counts. A line that a kill has cut
short is passed over.
"""

import csv
import io
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.io.atomic import write_text_atomic
from pmsfc_jax.io.paths import os_reason, shown

Row = dict[str, str]


class MetricsTable:
    """Rows of a file by the names of their images.

    Attributes:
      path: the file, which need not exist.
      rows: ``{column: text}`` by name; ``image`` is the column with the name.

    Raises:
      InputError: the file cannot be read.

    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows: dict[str, Row] = {}
        # Columns of the file that rows can be appended to; none where it has to be written anew.
        self._columns: list[str] = []
        text = self._read()
        whole = text[: text.rfind("\n") + 1]
        try:
            reader = csv.DictReader(io.StringIO(whole), strict=True)
            for row in reader:
                if row.get("image"):
                    self.rows[row["image"]] = {k: v for k, v in row.items() if k and v is not None}
            if whole == text:
                self._columns = list(reader.fieldnames or ())
        except csv.Error as error:
            raise InputError(f"cannot read {shown(path)}: it is damaged") from error

    def add(self, rows: Iterable[Row]) -> None:
        """Append rows, each with its ``image``.

        Raises:
          InputError: the file cannot be written.

        """
        rows = list(rows)
        self.rows |= {row["image"]: row for row in rows}
        if not all(row.keys() <= set(self._columns) for row in rows):
            self._write(list(self.rows.values()))
            return
        columns, self._columns = self._columns, []
        try:
            with self.path.open("a", newline="", encoding="utf-8", errors="backslashreplace") as f:
                f.write(_text(rows, columns, header=False))
                f.flush()
                os.fsync(f.fileno())
        except OSError as error:
            raise InputError(f"cannot write {shown(self.path)}: {os_reason(error)}") from error
        self._columns = columns

    def save(self, order: Sequence[str]) -> None:
        """Write the file whole: images of ``order`` first, then the others in the order they had.

        Raises:
          InputError: the file cannot be written.

        """
        self.rows = {name: self.rows[name] for name in order if name in self.rows} | self.rows
        if self.rows:
            self._write(list(self.rows.values()))

    def _write(self, rows: list[Row]) -> None:
        # Rows of a run that an earlier version began may lack columns.
        columns = list({column: None for row in rows for column in row})
        write_text_atomic(self.path, _text(rows, columns, header=True))
        self._columns = columns

    def _read(self) -> str:
        try:
            return self.path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return ""
        except (OSError, ValueError) as error:
            reason = os_reason(error) if isinstance(error, OSError) else "it is damaged"
            raise InputError(f"cannot read {shown(self.path)}: {reason}") from error


def _text(rows: list[Row], columns: list[str], *, header: bool) -> str:
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, columns, restval="", lineterminator="\n")
    if header:
        writer.writeheader()
    writer.writerows(rows)
    return buffer.getvalue()
