"""How a CSV file is encoded and which letter parts its cells: found in the file, never guessed from the locale."""

from __future__ import annotations

import codecs
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from node.codes import Code
from node.errors import Refusal

_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_DELIMITERS = (",", "\t", ";")
_BLOCK = 1 << 20


@dataclass(frozen=True)
class CsvText:
    """A CSV file with what is needed to read it."""

    path: Path
    encoding: str
    delimiter: str

    def open(self) -> TextIO:
        """Open the file as text; line ends are left to the CSV reader."""
        return self.path.open("r", encoding=self.encoding, newline="")


def open_csv(path: Path) -> CsvText:
    """Find a file's encoding and delimiter.

    A byte order mark decides; else UTF-8 if the whole file is UTF-8; else GB 18030, which Chinese spreadsheets write.

    Raises:
        Refusal: ``INVALID_INPUT``, the file cannot be read.
    """
    try:
        encoding = _encoding(path)
        with path.open("r", encoding=encoding, errors="replace", newline="") as lines:
            header = next((line for line in lines if line.strip()), "")
    except OSError as error:
        raise Refusal(Code.INVALID_INPUT, f"{path} cannot be read: {error.strerror}") from None
    return CsvText(path, encoding, max(_DELIMITERS, key=header.count))


def _encoding(path: Path) -> str:
    with path.open("rb") as source:
        start = source.read(4)
        for mark, name in _MARKS:
            if start.startswith(mark):
                return name
        source.seek(0)
        decoder = codecs.getincrementaldecoder("utf-8")()
        try:
            while block := source.read(_BLOCK):
                decoder.decode(block)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return "gb18030"
    return "utf-8"
