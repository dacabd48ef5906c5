"""Reading the lake into frames: batches at customer grain, never a whole history."""

from collections.abc import Iterator, Mapping, Sequence

import duckdb
import pandas as pd

BATCH_ROWS = 100_000


def read_frame(
    connection: duckdb.DuckDBPyConnection, sql: str, parameters: Sequence[object] | Mapping[str, object] = ()
) -> pd.DataFrame:
    """Return the result of ``sql`` as a frame, by way of Arrow."""
    values = dict(parameters) if isinstance(parameters, Mapping) else list(parameters)
    return connection.execute(sql, values).to_arrow_table().to_pandas()


def read_batches(
    connection: duckdb.DuckDBPyConnection,
    sql: str,
    parameters: Sequence[object] | Mapping[str, object] = (),
    rows: int = BATCH_ROWS,
) -> Iterator[pd.DataFrame]:
    """Yield the result of ``sql`` in frames of at most ``rows`` rows; an empty result yields one empty frame."""
    values = dict(parameters) if isinstance(parameters, Mapping) else list(parameters)
    reader = connection.execute(sql, values).to_arrow_reader(rows)
    empty = True
    for batch in reader:
        if batch.num_rows:
            empty = False
            yield batch.to_pandas()
    if empty:
        yield reader.schema.empty_table().to_pandas()
