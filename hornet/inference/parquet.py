"""Rows as Parquet: the same columns as everywhere, missing values null, one row group after another."""

from __future__ import annotations

import io
from typing import IO, TYPE_CHECKING, Any, Final, Self

import numpy as np

from hornet.classifier import Failure
from hornet.errors import MissingExtra
from hornet.inference.sinks import digits, encode, error_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from hornet.inference.columns import Answer, Column

#: Rows a row group, by place and never by time: the same rows are the same bytes. A few MB in memory.
ROW_GROUP: Final = 16_384


class ParquetSink:
    r"""Writes rows as Parquet; without its last bytes no reader takes the file, so it is whole or nothing.

    Columns: ``path``, ``label`` and ``error`` are UTF-8 strings, ``probability`` is float64, rounded to the
    digits that every format shows. Bytes of a file name that are no text show as ``\udcXX``, as in CSV.

    Args:
        stream: Where to write, binary.
        further: Columns after the usual ones: strings, or float64 with as many digits as everywhere.

    Raises:
        MissingExtra: If pyarrow isn't installed.
    """

    def __init__(self, stream: IO[bytes], further: Sequence[Column] = ()) -> None:
        try:
            import pyarrow as pa
            from pyarrow import parquet
        except ImportError:
            raise MissingExtra("parquet", "--format parquet") from None
        self._pa: Any = pa
        self._schema = pa.schema(
            [
                pa.field("path", pa.string(), nullable=False),
                pa.field("label", pa.string()),
                pa.field("probability", pa.float64()),
                pa.field("error", pa.string()),
                *(
                    pa.field(column.name, pa.string() if column.places is None else pa.float64())
                    for column in further
                ),
            ]
        )
        self._further = further
        self._gate = _Gate(stream)
        with self._gate:
            self._writer = parquet.ParquetWriter(self._gate, self._schema, compression="zstd")
        self._rows: list[Answer] = []

    def write(self, answer: Answer) -> None:
        """Keep one row; write a row group when there are enough."""
        self._rows.append(answer)
        if len(self._rows) == ROW_GROUP:
            self._flush()

    def finish(self) -> None:
        """Write the last row group and what makes the file one."""
        if self._rows:
            self._flush()
        with self._gate:
            self._writer.close()

    def _flush(self) -> None:
        rows, self._rows = self._rows, []
        failed = [isinstance(row, Failure) for row in rows]
        columns = [
            self._strings([row.source for row in rows]),
            self._strings([None if isinstance(row, Failure) else row.label for row in rows]),
            self._numbers(
                np.array(
                    [0.0 if isinstance(row, Failure) else float(digits(row.probability)) for row in rows]
                ),
                np.logical_not(failed),
            ),
            self._strings([error_of(row) if isinstance(row, Failure) else None for row in rows]),
        ]
        for column in self._further:
            texts = [column.text(row) for row in rows]
            columns.append(
                self._strings(texts)
                if column.places is None
                else self._numbers(
                    np.array([0.0 if text is None else float(text) for text in texts]),
                    np.array([text is not None for text in texts]),
                )
            )
        with self._gate:
            self._writer.write_batch(self._pa.record_batch(columns, schema=self._schema))

    # From buffers, not from lists: those make pyarrow import pandas wherever it is installed.

    def _strings(self, values: Sequence[str | None]) -> Any:
        data = [b"" if value is None else encode(value) for value in values]
        offsets = np.zeros(len(data) + 1, np.int32)
        np.cumsum([len(value) for value in data], out=offsets[1:])
        buffers = [_bits([value is not None for value in values]), offsets.tobytes(), b"".join(data)]
        return self._array(self._pa.string(), len(data), buffers)

    def _numbers(self, values: NDArray[np.float64], valid: NDArray[np.bool_]) -> Any:
        return self._array(self._pa.float64(), len(values), [_bits(valid), values.tobytes()])

    def _array(self, kind: Any, length: int, buffers: list[bytes]) -> Any:
        return self._pa.Array.from_buffers(kind, length, [self._pa.py_buffer(part) for part in buffers])


class _Gate(io.RawIOBase):
    """Lets through what is written while it is open.

    A writer of pyarrow that is dropped, as at the end of a run that failed, would end its document: half
    the rows would look like all of them.
    """

    def __init__(self, stream: IO[bytes]) -> None:
        super().__init__()
        self._stream = stream
        self._open = False

    def __enter__(self) -> Self:
        self._open = True
        return self

    def __exit__(self, *_: object) -> None:
        self._open = False

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        if self._open:
            self._stream.write(data)
        return len(data)


def _bits(valid: Sequence[bool] | NDArray[np.bool_]) -> bytes:
    """Return which values are there, one bit each, the lowest first (Arrow's columnar format)."""
    return np.packbits(np.asarray(valid, bool), bitorder="little").tobytes()
