"""What a pattern finds beside good files is told, never left out in silence."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from orchestration.errors import SourceError

if TYPE_CHECKING:
    from tests.ingest.conftest import Isp


@pytest.fixture
def with_good_file(isp: Isp) -> Isp:
    isp.write("customers_1.csv", isp.CUSTOMERS)
    isp.map("customers", "customers*.csv")
    return isp


def test_a_link_to_nothing_is_refused_by_its_name(with_good_file: Isp) -> None:
    (with_good_file.folder / "source" / "customers_2.csv").symlink_to("gone.csv")
    with pytest.raises(SourceError, match=r"customers_2\.csv is a link to a file that is not there"):
        with_good_file.ingest("customers")


def test_a_folder_of_a_files_name_is_refused_by_its_name(with_good_file: Isp) -> None:
    (with_good_file.folder / "source" / "customers_2.csv").mkdir()
    with pytest.raises(SourceError, match=r"customers_2\.csv is a folder"):
        with_good_file.ingest("customers")


def test_a_pipe_is_refused_by_its_name(with_good_file: Isp) -> None:
    os.mkfifo(with_good_file.folder / "source" / "customers_2.csv")
    with pytest.raises(SourceError, match=r"customers_2\.csv is not a file"):
        with_good_file.ingest("customers")


def test_folders_stay_aside_where_a_pattern_asks_for_any_name(with_good_file: Isp) -> None:
    (with_good_file.folder / "source" / "done").mkdir()
    with_good_file.map("customers", "*")
    assert with_good_file.ingest("customers")["customers"].rows_accepted == 2
