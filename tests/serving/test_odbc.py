"""PostgreSQL over ODBC, as Excel and Power BI read it: by the driver of Debian and its command-line client."""

import shutil
import subprocess

import pytest

from tests.serving.conftest import bring_up

pytestmark = pytest.mark.slow
DRIVER = "PostgreSQL Unicode"


def _isql(database: str, sql: str) -> list[list[str]]:
    parts = dict(part.split("=", 1) for part in database.split())
    reached = f"Servername={parts['host']};Port={parts['port']};Database={parts['dbname']};UID={parts['user']}"
    # -b: rows alone; -d: separated by a bar; -k: a connection string instead of a data source.
    command = ["isql", "-b", "-d|", "-k", f"Driver={{{DRIVER}}};{reached}"]
    answer = subprocess.run(command, input=f"{sql}\n", capture_output=True, text=True, check=True, timeout=60)
    return [line.split("|") for line in answer.stdout.splitlines() if line]


@pytest.mark.skipif(
    shutil.which("isql") is None, reason="ODBC is not installed (Debian: apt-get install odbc-postgresql unixodbc)"
)
def test_odbc_reads_money_dates_booleans_and_nulls_as_the_lake_has_them(lake, postgres_database):
    bring_up(lake, type="postgres", connection=postgres_database)
    columns = ["customer_id", "total_value", "first_start_date", "is_open", "gb_month_3m"]
    with lake.warehouse.reader() as connection:
        expected = connection.execute(
            f"select {', '.join(columns)} from bi.customer_segments order by customer_id"
        ).fetchall()
    found = _isql(postgres_database, f"select {', '.join(columns)} from bi.customer_segments order by customer_id")
    assert len(found) == len(expected) == 40
    for shown, (customer, value, start, is_open, gigabytes) in zip(found, expected, strict=True):
        assert shown[0] == customer
        assert shown[1] == ("" if value is None else str(value))
        assert shown[2] == ("" if start is None else str(start))
        assert shown[3] == ("" if is_open is None else str(int(is_open)))
        assert shown[4] == "" if gigabytes is None else float(shown[4]) == pytest.approx(gigabytes)
