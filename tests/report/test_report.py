import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
import pytest

from orchestration.errors import VersionError
from orchestration.report import report_path, write_report
from orchestration.report.build import build_report
from orchestration.report.data import read_report_data
from orchestration.settings import ReportSettings, Settings
from tests.report.conftest import VERSION
from tests.report.page import Page, words_of

SECTIONS = [
    "headline", "deciles", "concentration", "observation", "retention", "clusters", "lifecycle", "market", "mid-band",
    "homes", "actions", "changes", "quality", "definitions",
]  # fmt: skip


@pytest.fixture
def page(document: str) -> Page:
    return Page(document)


def test_every_section_is_there_and_can_be_linked_to(page: Page) -> None:
    assert list(page.words) == SECTIONS
    assert len(page.ids) == len(set(page.ids))
    assert {f"#{section}" for section in SECTIONS} <= set(page.loads)


def test_the_file_needs_nothing_but_itself(document: str) -> None:
    assert all(target.startswith("#") for target in Page(document).loads)
    without_names = re.sub(r'xmlns(:\w+)?="[^"]*"', "", document)
    assert not re.search(r"https?://|@import|url\((?!#)|<script", without_names)
    assert len(document.encode()) < 400_000


def test_the_same_version_gives_the_same_file(
    lake: duckdb.DuckDBPyConnection, settings: Settings, document: str
) -> None:
    assert build_report(lake, VERSION, settings) == document


def test_headline_figures_compare_with_the_month_before(page: Page) -> None:
    words = page.words["headline"]
    assert "710 of 1,000 customers to date are open and pay CHF 42,400 a month" in words
    assert "Change in open customers since 30 September 2026: +5" in words
    assert "+20,000 (+1.5%)" in words


def test_the_deciles_say_what_the_best_and_the_last_tenth_hold(
    lake: duckdb.DuckDBPyConnection, settings: Settings
) -> None:
    best, last = lake.execute(
        "select max(ranked_value_share) filter (value_decile = 1), max(ranked_value_share) filter (value_decile = 10)"
        " from bi.value_deciles where scope = 'all'"
    ).fetchall()[0]
    words = words_of("deciles", lake, settings)
    assert f"The best tenth of customers holds {best * 100:.1f}% of all value" in words
    assert f"the last tenth holds {last * 100:.1f}%" in words
    assert "Not ranked: 14 customers worth CHF" in words


def test_the_deciles_say_how_much_of_the_value_lies_beyond_36_months(
    lake: duckdb.DuckDBPyConnection, settings: Settings
) -> None:
    past, near, total = lake.execute(
        "select sum(past_value), sum(future_value_36m), sum(total_value) from bi.value_deciles where scope = 'all'"
    ).fetchall()[0]
    words = words_of("deciles", lake, settings)
    assert (
        f"{past / total:.0%} of the value is already earned, {near / total:.0%} is expected within the next 36 months"
        f" and {(total - past - near) / total:.0%} lies beyond them."
    ) in words

    lake.execute("update bi.value_deciles set future_value_36m = null")
    words = words_of("deciles", lake, settings)
    assert "of the value is already earned, the rest is expected." in words, "a version from before it was published"


def test_the_report_names_the_value_that_customers_are_ranked_by(
    lake: duckdb.DuckDBPyConnection, settings: Settings
) -> None:
    lake.execute("update bi.value_deciles set rank_by = '36_months'")
    lake.execute("update bi.value_concentration set is_ranked_by = value_measure = '36_months'")
    page = Page(build_report(lake, VERSION, settings, only=["deciles", "concentration"]))
    assert "of all 36-month value" in page.words["deciles"]
    assert "Customers ranked by 36-month value in ten groups" in page.words["deciles"]
    assert "Half of 36-month value is held by" in page.words["concentration"]


def test_a_last_decile_below_zero_is_said_to_cost(lake: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    lake.execute("update bi.value_deciles set past_value = -9000, ranked_value = -8000 where value_decile = 10")
    words = words_of("deciles", lake, settings)
    assert "the last tenth costs CHF 8,000 more than it brings" in words


def test_clusters_show_rule_evidence_and_stability(page: Page) -> None:
    words = page.words["clusters"]
    assert "Consumer customers fall into 3 groups" in words
    assert "business customers differ in degree, not in kind" in words
    assert "gb_month_3m < 212 and evening_share_3m >= 0.31" in words
    assert words.count("Sales and partners call") == 1
    assert "Sales and partners call 82% of the customers they have tagged “focus: design studios”." in words
    assert "3 (chosen)" in words
    assert "doubtful" in words
    assert "new" in words
    assert "“Daytime uploaders with cloud” was split off “Heavy night downloaders”." in words
    assert "Fitted this month on 790 customers: night share has drifted. Largest drift (PSI): 0.31." in words
    assert "The model of 2026-09 is still used" in words
    assert "Left since" in words
    assert "Tells of margin" in words


def test_mid_size_companies_have_needs_headroom_routes_and_evidence(
    lake: duckdb.DuckDBPyConnection, settings: Settings, page: Page
) -> None:
    words = page.words["mid-band"]
    assert "60 mid-size companies bring CHF 6,000 of margin a month" in words
    assert "room for CHF 1,500 more" in words
    assert "The best route to 75% of them is desk; 20% buy through a reseller." in words
    assert "10 to 999 employees of the whole group" in words
    assert "Chosen: two kinds of needs." in words
    assert "Many-site companies sites > 2.5 30 50.0%" in words
    assert "nan" not in words
    assert "Sites: 4, others 1" in words
    assert "Between clusters 5" in words
    assert "Too short a history 5" in words
    # Of those without it look-alikes hold cloud more often than they do themselves.
    assert "Cloud 25.0%  60.0%  45 675" in words
    assert "Of 1 of 2 product families the look-alikes by needs say more than bands of staff do" in words
    assert "Desk 45 4,500 1,125 900 3,625 1" in words
    assert "Mid-band" not in page.words["clusters"]
    lake.execute("update bi.b2b_mid_band set headroom = null")
    lake.execute("delete from bi.b2b_headroom")
    lake.execute("delete from bi.b2b_evidence")
    alone = words_of("mid_band", lake, settings)
    assert "they are too few to be compared with one another" in alone
    assert "What they could buy" not in alone


def test_wholesale_shows_the_lines_downstream_of_who_is_open(
    lake: duckdb.DuckDBPyConnection, settings: Settings, page: Page
) -> None:
    words = page.words["mid-band"]
    # Two customers buy through both resellers.
    assert "3 wholesale customers, with 18 lines downstream of them: 10 customers who pay CHF 800 a month." in words
    assert "Resellers 2 0 2 100 10 18 800 460 5,000" in words
    lake.execute("delete from bi.b2b_mid_band")
    lake.execute("delete from bi.wholesale_customers where is_reseller")
    alone = words_of("mid_band", lake, settings)
    assert "No mid-size company has a contract open." in alone
    assert "1 wholesale customer; no contract of another customer names one of them." in alone
    lake.execute("delete from bi.wholesale_customers")
    nobody = words_of("mid_band", lake, settings)
    assert "No mid-size company and no wholesale customer is in this version." in nobody


def test_stocks_and_flows_are_checked_in_the_open(lake: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    agree = "Stocks and flows agree in every stage: 985 at the start + 85 in − 70 out = 1,000"
    assert agree in words_of("lifecycle", lake, settings)
    lake.execute("update bi.lifecycle_stages set inflow = inflow + 1 where lifecycle_stage = 'mature'")
    assert "do not agree" in words_of("lifecycle", lake, settings)


def test_the_contract_end_window_is_told_with_its_fees(page: Page) -> None:
    assert "40 open customers with CHF 2,000 of monthly fees are in the last 3 months" in page.words["lifecycle"]
    assert (
        "For 21 open customers with CHF 1,050 of monthly fees a discount ends within 3 months"
        in (page.words["lifecycle"])
    )


def test_the_kinds_of_churn_and_the_doubts_about_segments_are_told(page: Page) -> None:
    assert "10 customers left since the month before: 8 voluntary and 2 moved." in page.words["lifecycle"]
    assert "6.0% of customers have some evidence for another segment, and 3.0% are uncertain" in page.words["market"]


def test_work_at_home_that_cannot_be_told_is_said_to_be_unknown(
    lake: duckdb.DuckDBPyConnection, settings: Settings, page: Page
) -> None:
    assert "are expected to run a business at home" in page.words["homes"]
    lake.execute(
        "update bi.customer_segment_history set nanobusiness_probability = null, home_worker_probability = null,"
        " home_business = if(home_business = 'none', 'none', 'unknown') where home_business is not null"
    )
    words = words_of("homes", lake, settings)
    assert "How many run a business at home cannot be told" in words
    assert "Unknown: 100 persons who may work at home" in words


def test_a_month_without_moves_says_so(lake: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    lake.execute("delete from bi.segment_migrations where from_segment is distinct from to_segment")
    words = words_of("changes", lake, settings)
    assert "No customer changed lifecycle stage, market segment or value decile since 30 September 2026." in words


def test_moves_between_segments_are_counted_by_scheme(page: Page) -> None:
    words = page.words["changes"]
    assert "Lifecycle stage 586 51 8.7%" in words
    assert "8.7% of customers changed their lifecycle stage, 7.8% their value decile and 1.0% their market" in words
    assert "Onboarding → Mature: 18" in words


def test_only_loads_of_the_time_count_and_missing_sources_are_named(page: Page) -> None:
    words = page.words["quality"]
    assert "7,777" not in words
    assert "Usage clusters rest on products and billing" in words
    assert "Contracts customer_id No such customer 2 c9 contracts.parquet, row 5" in words
    assert "Row accounting: 24,788 accepted + 7 quarantined + 3 duplicate = 24,798" in words
    assert "but 24,800 rows were read" in words
    unknown = words.partition("Without a value for any customer: ")[2].partition(".")[0]
    assert "gb_month_3m" in unknown
    assert "total_value" not in unknown
    assert "2 of 2 checks passed" in words


def test_the_source_checks_shown_are_the_last_ones_before_the_version(page: Page) -> None:
    words = page.words["quality"]
    assert "1 of 2 checks made after the last load passed." in words
    assert "1 source check found something to look at." in words
    assert (
        "Usage Upload share Warning 90.0% of the recent traffic is upload. at most 0.5 Swap bytes_down and bytes_up."
        in words
    )
    assert "Customers Row accounting All there. at most 0" in words
    assert "Overtaken" not in words
    assert "Too late" not in words


def test_a_version_without_rows_says_why_in_every_section(
    empty_lake: duckdb.DuckDBPyConnection, settings: Settings
) -> None:
    empty_lake.execute(
        "insert into segments.versions (version_id, as_of_date, revision, status, created_at, published_at)"
        f" values ('{VERSION}', '2026-10-31', 1, 'published', '2026-11-02 04:00', '2026-11-02 04:01')"
    )
    document = build_report(empty_lake, VERSION, settings)
    assert list(Page(document).words) == SECTIONS
    assert document.count('<p class="none">') == len(SECTIONS) - 1


def test_a_version_that_is_not_published_is_marked(lake: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    lake.execute(
        "insert into segments.versions (version_id, as_of_date, revision, status, created_at)"
        " values ('2026-11-30.1', '2026-11-30', 1, 'candidate', '2026-12-02 04:00')"
    )
    document = build_report(lake, "2026-11-30.1", settings)
    assert "This version is candidate, not published" in document
    assert "show published versions only" in document


def test_an_unknown_version_is_an_error_that_names_those_there_are(
    lake: duckdb.DuckDBPyConnection,
) -> None:
    with pytest.raises(VersionError, match=r"no version 1999-01-31\.1.*2026-10-31\.1, 2026-09-30\.1"):
        read_report_data(lake, "1999-01-31.1")


def test_what_data_say_is_text_and_never_markup(lake: duckdb.DuckDBPyConnection) -> None:
    evil = '<script>alert(1)</script> $x_1$ & "q" \' {{ 7*7 }}'
    lake.execute("update bi.behavior_clusters set cluster_name = $1, rule = $1, rule_in_words = $1", [evil])
    lake.execute("update bi.segment_migrations set to_segment = $1 where to_segment = 'mature'", [evil])
    lake.execute("update ops.quarantine set reason = $1, column_name = $1, value = $1, file = $1", [evil])
    lake.execute("update ops.source_checks set message = $1, advice = $1", [evil])
    lake.execute(
        "update bi.retention_cohorts set retention_cohort = $1 where retention_cohort like 'consumer/consumer/mobile%'",
        [f"m/{evil}/a/b/free"],
    )
    document = build_report(lake, VERSION, Settings(title=evil))
    assert "<script" not in document
    assert "49" not in re.findall(r"\{\{ (.*?) \}\}", document)
    assert "&lt;script&gt;alert(1)" in document
    Page(document)


def test_a_cluster_has_its_rule_in_words_and_as_a_condition(document: str) -> None:
    words = "GB a month under 212, evening share at least 31%"
    assert f"{words}<br><code>gb_month_3m &lt; 212 and evening_share_3m &gt;= 0.31</code>" in document
    # A version from before words were written has the condition alone.
    assert '<p class="rule"><code>upload_share_3m &gt;= 0.22</code></p>' in document


def test_the_file_appears_whole_under_its_version(
    lake: duckdb.DuckDBPyConnection, settings: Settings, tmp_path: Path
) -> None:
    target = settings.model_copy(update={"report": ReportSettings(path=tmp_path / "reports")})
    path = write_report(_warehouse(lake), target, VERSION)
    assert path == report_path(target, VERSION) == tmp_path / "reports" / f"{VERSION}.html"
    assert [each.name for each in path.parent.iterdir()] == [path.name]
    assert path.read_text(encoding="utf-8").rstrip().endswith("</html>")
    with pytest.raises(VersionError):
        write_report(_warehouse(lake), target, "1999-01-31.1")
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_importing_the_package_does_not_load_what_only_drawing_needs() -> None:
    code = "import sys, orchestration.report; print('matplotlib' in sys.modules, 'jinja2' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.split() == ["False", "False"]


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("chromium") is None, reason="no browser here")
def test_a_browser_lays_the_page_out(document: str, tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    page.write_text(document, encoding="utf-8")
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
    subprocess.run(
        ["chromium", *flags, f"--user-data-dir={tmp_path}", f"--print-to-pdf={tmp_path}/report.pdf", page.as_uri()],
        check=True, capture_output=True, timeout=120,
    )  # fmt: skip
    assert (tmp_path / "report.pdf").read_bytes().startswith(b"%PDF")


def _warehouse(connection: duckdb.DuckDBPyConnection) -> Any:
    @contextmanager
    def reader() -> Iterator[duckdb.DuckDBPyConnection]:
        yield connection

    return SimpleNamespace(reader=reader)
