"""The DuckDB file, read by a client that is not Python's."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.serving.conftest import bring_up

pytestmark = pytest.mark.slow
CLIENT = "@duckdb/node-api@1.5.6-r.1"
READ = """
const { DuckDBInstance } = require('@duckdb/node-api');
(async () => {
  const instance = await DuckDBInstance.create(process.argv[2], { access_mode: 'READ_ONLY' });
  const connection = await instance.connect();
  const answer = await connection.runAndReadAll(process.argv[3]);
  console.log(JSON.stringify(answer.getRowsJson()));
})();
"""


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A script that reads a file, beside DuckDB's client for Node."""
    if shutil.which("npm") is None:
        pytest.skip("Node is not installed (Debian: apt-get install nodejs npm)")
    folder = tmp_path_factory.mktemp("node")
    install = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", CLIENT]
    installed = subprocess.run(install, cwd=folder, check=False, capture_output=True, text=True, timeout=120)
    if installed.returncode:
        pytest.skip(f"npm cannot install {CLIENT}: {installed.stderr.strip()[:300]}")
    script = folder / "read.js"
    script.write_text(READ, encoding="utf-8")
    return script


def test_node_reads_money_dates_booleans_and_nulls_as_the_lake_has_them(lake, tmp_path, client):
    file = tmp_path / "segments.duckdb"
    bring_up(lake, type="duckdb", path=file)
    columns = "customer_id, total_value, first_start_date, is_open"
    sql = f"select {columns} from bi.customer_segments order by customer_id"
    answer = subprocess.run(["node", client, file, sql], check=True, capture_output=True, text=True, timeout=60).stdout
    with lake.warehouse.reader() as connection:
        expected = connection.execute(sql).fetchall()
    assert json.loads(answer) == [
        [None if value is None else value if isinstance(value, bool) else str(value) for value in row]
        for row in expected
    ]
