"""Reading the lake into frames: customer-grain batches, never a whole history."""

from collections.abc import Iterator, Sequence

import duckdb
import pandas as pd

BATCH_ROWS = 100_000


def read_frame(connection: duckdb.DuckDBPyConnection, sql: str, parameters: Sequence[object] = ()) -> pd.DataFrame:
    """Return the result of ``sql`` as a frame, by way of Arrow."""
    return connection.execute(sql, list(parameters)).to_arrow_table().to_pandas()


def read_batches(
    connection: duckdb.DuckDBPyConnection, sql: str, parameters: Sequence[object] = (), rows: int = BATCH_ROWS
) -> Iterator[pd.DataFrame]:
    """Yield the result of ``sql`` in frames of at most ``rows`` rows; an empty result gives one empty frame."""
    reader = connection.execute(sql, list(parameters)).to_arrow_reader(rows)
    empty = True
    for batch in reader:
        if batch.num_rows:
            empty = False
            yield batch.to_pandas()
    if empty:
        yield reader.schema.empty_table().to_pandas()
