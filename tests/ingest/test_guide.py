"""The guide's snippets are settings that load and SQL that parses, and its commands exist."""

import gzip
import re
import shlex
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
import yaml
from typer.main import get_command

from orchestration.cli.app import app
from orchestration.lake.contract import load_contract
from orchestration.onboarding.preview import preview_sources
from orchestration.settings import Settings, load_settings

DOCS = Path(__file__).parents[2] / "docs"
GUIDE, README = DOCS / "your-data.md", DOCS.parent / "README.md"
PAGES = [*sorted(DOCS.glob("*.md")), README, DOCS.parent / "CONTRIBUTING.md", DOCS.parent / "simulator" / "README.md"]


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"(?ms)^```{language}\n(.*?)^```", page.read_text(encoding="utf-8"))


SNIPPETS = [
    pytest.param(text, id=f"{page.stem}-{number}")
    for page in (GUIDE, README)
    for number, text in enumerate(blocks(page, "yaml"), 1)
]


def loaded(text: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    for name in re.findall(r"\$\{(\w+)\}", text):
        monkeypatch.setenv(name, "a value of more than sixteen letters")
    document = yaml.safe_load(text)
    # A snippet shows what it is about; the location it reads may be in the one before.
    document.setdefault("locations", {"crm": {"files": "crm.csv"}})
    (folder / "segmentation.yaml").write_text(yaml.safe_dump(document), encoding="utf-8")
    return load_settings(folder / "segmentation.yaml")


@pytest.mark.parametrize("text", SNIPPETS)
def test_a_snippet_is_settings_whose_sql_parses(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = loaded(text, tmp_path, monkeypatch)
    contract = load_contract()
    for table, source in settings.sources.items():
        assert set(source.columns) <= set(contract[table].column_names)
        parts = [f"select ({expression})" for expression in source.columns.values()]
        parts += [source.query] if source.query else []
        parts += [f"select ({part})" for part in (source.where, *source.cursor) if part]
        for part in parts:
            (parsed,) = duckdb.execute("select json_serialize_sql(?)", [part]).fetchall()[0]
            assert '"error":false' in parsed, f"{part}: {parsed}"
        read = [name for name in settings.locations if re.search(rf"\b{name}\b", source.query or "")]
        assert source.location in settings.locations or read


@pytest.mark.parametrize("page", PAGES, ids=lambda page: f"{page.parent.name}-{page.stem}")
def test_the_commands_of_a_page_exist(page: Path) -> None:
    lines = [line for text in blocks(page, "sh") for line in text.splitlines() if re.match(r"\S*segmentation ", line)]
    for line in lines:
        words = shlex.split(line.partition("  #")[0])
        words = words[[Path(word).name for word in words].index("segmentation") + 1 :]
        command = get_command(app)
        while hasattr(command, "commands") and words and words[0] in command.commands:
            command = command.commands[words.pop(0)]
        assert not hasattr(command, "commands"), line
        options = {name for parameter in command.params for name in parameter.opts}
        assert {word for word in words if word.startswith("-")} <= options, line


def anchors(page: Path) -> set[str]:
    """Return what links may name after a page: its headings, as GitHub writes them."""
    text = re.sub(r"(?ms)^```.*?^```", "", page.read_text(encoding="utf-8"))
    headings = re.findall(r"(?m)^#+ (.*)$", text)
    return {re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: f"{page.parent.name}-{page.stem}")
def test_the_links_of_a_page_lead_somewhere(page: Path) -> None:
    for target, anchor in re.findall(r"\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)", page.read_text(encoding="utf-8")):
        file = page.parent / target if target else page
        assert file.exists(), target
        assert not anchor or anchor in anchors(file), f"{target}#{anchor}"


RECIPES = [
    pytest.param(
        "born as date",
        {"crm.csv": "customer_id,customer_type,created,born\n1,person,20240131,1980-05-01\n2,person,31/01/24,x\n"},
        "customers",
        {"created_date": [date(2024, 1, 31)] * 2, "birth_year": [1980, None]},
        id="dates",
    ),
    pytest.param(
        "from residential",
        {
            "exports/residential1.csv": "id,since\n1,2024-01-01\n",
            "exports/business.parquet": "select 7 as number, date '2024-02-01' as signed, 40 as staff",
            "exports/ledger/2025/a.csv": "x\n1\n",
        },
        "customers",
        {"customer_id": ["B-7", "R-1"], "employee_count": [40, None]},
        id="several_files",
    ),
    pytest.param(
        "from residential",
        {
            "exports/ledger/2025/a.csv": "entry_id,entry_type,customer_id,booked,amount\n1,receipt,C1,2025-01-01,9.5\n"
            "2,invoice,C1,2025-01-01,9.5\n"
        },
        "payments",
        {"payment_id": ["1"], "status": ["settled"], "amount": [Decimal("9.5")]},
        id="one_kind_of_rows",
    ),
    pytest.param(
        "from bill_lines",
        {
            "exports/bill_lines.csv": "bill_no,client_no,contract_no,issued,due,is_credit_note,charge,net,vat,"
            "period_from,period_to\n"
            "B1,C1,K1,2025-01-01,2025-01-15,N,access,30,6,2025-01-01,2025-01-31\n"
            "B1,C1,K1,2025-01-01,2025-01-15,N,loyalty discount,-5,-1,2025-01-01,2025-01-31\n"
            "B1,C1,K2,2025-01-01,2025-01-15,N,calls abroad,7,1.4,2024-12-01,2024-12-31\n"
            "B2,C1,K1,2025-02-01,2025-02-15,Y,goodwill,4,0.8,2025-01-01,2025-01-31\n"
        },
        "invoices",
        {
            "invoice_id": ["B1", "B1-usage", "B2"],
            "net_amount": [Decimal(25), Decimal(7), Decimal(-4)],
            "kind": ["recurring", "usage", "credit"],
            "contract_id": ["K1", "K2", "K1"],
        },
        id="bill_lines",
    ),
    pytest.param(
        "from changes",
        {
            "exports/service_changes.csv": "change_id,changed_at,effective,service_id,client_no,action,plan,price\n"
            "1,2025-01-10 10:00,2025-01-20,S1,C1,order,P50,50\n"
            "3,2025-06-01 17:00,2025-06-01,S1,C1,change,P80,80\n"
            "2,2025-06-01 09:00,2025-06-01,S1,C1,change,P70,\n"
            "4,2025-09-20 09:00,2025-12-01,S1,C1,cancel,,\n"
        },
        "contracts",
        {
            "valid_from_date": [date(2025, 1, 10), date(2025, 6, 1), date(2025, 9, 20)],
            "product_code": ["P50", "P80", "P80"],
            "monthly_fee": [Decimal("50.0000"), Decimal("80.0000"), Decimal("80.0000")],
            "start_date": [date(2025, 1, 20)] * 3,
            "end_date": [None, None, date(2025, 12, 1)],
        },
        id="change_log",
    ),
    pytest.param(
        "from snapshots",
        {
            "exports/contracts_2025-01-31.csv": "line_id,client_no,plan,since,price\nK1,C1,P50,2020-01-01,50\n"
            "K2,C2,P50,2020-01-01,50\n",
            "exports/contracts_2025-02-28.csv": "line_id,client_no,plan,since,price\nK1,C1,P80,2020-01-01,80\n"
            "K3,C3,P50,2025-02-10,50\n",
            "exports/contracts_2025-03-31.csv": "line_id,client_no,plan,since,price\nK1,C1,P80,2020-01-01,80\n",
        },
        "contracts",
        {
            "contract_id": ["K1", "K2", "K3"],
            "end_date": [None, date(2025, 2, 28), date(2025, 3, 31)],
            "product_code": ["P80", "P50", "P50"],
        },
        id="deleted_when_ended",
    ),
    pytest.param(
        "generate_series(date '2015-01-01'",
        {"rates/fixed.csv": "code,per_euro\nHRK,7.5345\n"},
        "exchange_rates",
        {"currency": ["HRK"] * 3, "rate": [Decimal("0.1327228084")] * 3},
        id="fixed_rate",
    ),
    pytest.param(
        "list_filter",
        {
            "exports/customers.jsonl": '{"id": "1", "type": "residential", "createdAt": "2024-01-31T23:30:00Z", '
            '"address": {"zip": "01067"}, "identifiers": [{"kind": "vat", "value": "x"}]}\n'
        },
        "customers",
        {"customer_type": ["person"], "postal_code": ["01067"], "has_tax_number": [True]},
        id="nested_json",
    ),
    pytest.param(
        "concat_ws(' ', street, house, unit)",
        {
            "exports/customers.csv": "id,since,zip,street,house,unit\n"
            "1,2024-01-01,1010,Müllerstraße,5,Top 2\n"
            "2,2024-01-01, 1010 ,MULLER-STR.,5, top  2\n"
            "3,2024-01-01,1010,Müller Strasse,52,\n"
        },
        "customers",
        {
            "service_address": ["Müllerstraße 5 Top 2", "MULLER-STR. 5  top  2", "Müller Strasse 52"],
            "postal_code": ["1010", "1010", "1010"],
            "country": ["AT", "AT", "AT"],
        },
        id="addresses",
    ),
    pytest.param(
        "acctuniqueid",
        {
            "radius/detail_1.csv.gz": "acctuniqueid,username,acctstarttime,acctupdatetime,acctstoptime,acctinputoctets,"
            "acctoutputoctets\na,K1,2025-01-01 10:00:00,,2025-01-01 11:00:00,10,900\n"
        },
        "usage_sessions",
        {"bytes_down": [900], "bytes_up": [10], "reported_at": [datetime(2025, 1, 1, 11)]},
        id="sessions",
    ),
    pytest.param(
        "sum(mb_down)",
        {
            "events/1.parquet": "select 'K1' as line_id, timestamp '2025-01-01 10:00' + to_hours(i) as ended_at, "
            "1.5 as mb_down, 1 as mb_up from range(3) as hours(i)"
        },
        "usage",
        {"bytes_down": [4_500_000], "bytes_up": [3_000_000], "usage_date": [date(2025, 1, 1)]},
        id="events",
    ),
    pytest.param(
        "date_trunc('month', try_cast(start_date",
        {
            "exports/contracts.csv": "contract_id,customer_id,start_date,end_date,monthly_fee\n"
            "K1,C1,2026-05-10,,30\nK2,C1,2026-01-31,2026-02-01,20\n"
        },
        "invoices",
        {
            "invoice_id": ["K1-202605", "K1-202606", "K2-202601"],
            "period_end": [date(2026, 5, 31), date(2026, 6, 30), date(2026, 1, 31)],
        },
        id="invoices_of_contracts",
    ),
    pytest.param(
        "document_type = 'CN'",
        {
            "exports/documents.csv": "invoice_id,customer_id,invoice_date,due_date,period_start,period_end,net,vat,"
            "currency,document_type\n1,C1,2025-01-01,2025-01-15,2025-01-01,2025-01-31,10,2,EUR,CN\n"
        },
        "invoices",
        {"kind": ["credit"], "net_amount": [Decimal(-10)], "tax_amount": [Decimal(-2)]},
        id="credits",
    ),
    pytest.param(
        "case status",
        {
            "exports/services.csv": "contract_id,customer_id,product_code,product_family,start_date,monthly_fee,"
            "status\nK1,C1,N,internet,2025-01-01,9,1\nK2,C1,N,internet,2025-01-01,9,7\nK3,C1,N,internet,2025-01-01,9,8\n"
        },
        "contracts",
        {"contract_id": ["K1"], "status": ["active"]},
        id="codes",
    ),
    pytest.param(
        "'erased-' || line_no",
        {
            "exports/clients.csv": "client_no,company,since\nC1,,2025-01-01\n",
            "exports/lines.csv": "line_no,client_no,tariff,started,ended,price\nL1,C1,HOME,2025-01-01,,9\n"
            "L2,,BIZ 1,2024-01-01,2024-07-01,9\n",
        },
        "customers",
        {"customer_id": ["C1", "erased-L2"], "customer_type": ["organization", "person"]},
        id="erased",
    ),
    pytest.param(
        "max_age_days",
        {"rates/1.csv": "code,day,per_euro\nCHF,2025-01-01,0.8\n"},
        "exchange_rates",
        {"rate": [Decimal("1.25")]},
        id="rates",
    ),
]


@pytest.mark.parametrize(("marker", "files", "table", "expected"), RECIPES)
def test_a_recipe_gives_rows_of_the_contract(
    marker: str,
    files: dict[str, str],
    table: str,
    expected: dict[str, list[object]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, content in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if name.endswith(".parquet"):
            duckdb.sql(content).write_parquet(str(path))
        else:
            path.write_bytes(gzip.compress(content.encode()) if name.endswith(".gz") else content.encode())
    (text,) = [text for text in blocks(GUIDE, "yaml") if marker in text]
    report = preview_sources(loaded(text, tmp_path, monkeypatch))
    check = next(check for check in report.tables if check.table == table)
    assert check.error is None
    rows = sorted(check.sample, key=str)
    assert {name: sorted((row[name] for row in rows), key=str) for name in expected} == {
        name: sorted(values, key=str) for name, values in expected.items()
    }
