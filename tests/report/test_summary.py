"""What a run prints at its end: nothing of it is cut, neither in a pipe nor on a narrow terminal."""

import io

import duckdb
import pytest
from rich.console import Console

from orchestration.printing import print_whole
from orchestration.report.summary import run_summary
from orchestration.settings import Settings


def printed(lake: duckdb.DuckDBPyConnection, settings: Settings, **console: object) -> str:
    lake.execute("update bi.value_deciles set total_value = 1234567890123.45 where value_decile = 3")
    lake.execute(
        "update bi.segmentation_versions set as_of_date = date '2026-10-31', status = 'published', revision = 1,"
        f" changes = 'settings {'x' * 120}'"
    )
    written = io.StringIO()
    print_whole(Console(file=written, **console), run_summary(lake, settings, ["2026-10"]))  # type: ignore[arg-type]
    return written.getvalue()


def test_without_a_terminal_tables_take_the_width_they_need(
    lake: duckdb.DuckDBPyConnection, settings: Settings
) -> None:
    text = printed(lake, settings, width=80)
    assert "1,234,567,890,123.45" in text
    assert f"settings {'x' * 120} " in text
    assert "…" not in text


@pytest.mark.parametrize("width", [60, 80])
def test_on_a_narrow_terminal_amounts_go_on_below_instead_of_being_cut(
    lake: duckdb.DuckDBPyConnection, settings: Settings, width: int
) -> None:
    text = printed(lake, settings, width=width, force_terminal=True, color_system=None)
    table = text.split("Value deciles")[1].split("Behavioral clusters")[0]
    cells = [line.split("│")[6].strip() for line in table.splitlines() if line.startswith("│")]
    assert "1,234,567,890,123.45" in "".join(cells)
    assert "…" not in text


def test_numbers_end_at_one_edge_and_text_begins_at_one(lake: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    table = printed(lake, settings, width=80).split("Value deciles")[1].split("Behavioral clusters")[0]
    totals = [line.split("│")[6] for line in table.splitlines() if line.startswith("│")]
    assert len({len(cell) - len(cell.rstrip()) for cell in totals}) == 1
    assert len({len(cell.strip()) for cell in totals}) > 1
    stages = printed(lake, settings, width=80).split("Lifecycle stages")[1]
    names = [line.split("│")[1] for line in stages.splitlines() if line.startswith("│")]
    assert len({len(cell) - len(cell.lstrip()) for cell in names}) == 1
