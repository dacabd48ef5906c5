"""Tables and views in the lake."""

import duckdb


def relations(connection: duckdb.DuckDBPyConnection) -> dict[tuple[str, str], str]:
    """Return the kind, ``table`` or ``view``, of everything in the lake, by schema and name.

    Derived from the list of columns: DuckDB's list of tables looks up the statistics of every table, for each of which
    DuckLake queries its catalog, again after every commit.
    """
    found = connection.execute(
        "select distinct columns.schema_name, columns.table_name, if(views.view_name is null, 'table', 'view')"
        " from duckdb_columns() as columns"
        " left join duckdb_views() as views on columns.database_name = views.database_name"
        " and columns.schema_name = views.schema_name and columns.table_name = views.view_name"
        " where columns.database_name = current_database()"
    ).fetchall()
    return {(schema, name): kind for schema, name, kind in found}
