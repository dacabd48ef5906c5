"""A settings file is guessed from files or a database, and says how sure it is."""

import re
import sqlite3
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pytest
from typer.testing import CliRunner

from orchestration.cli.app import app
from orchestration.errors import SettingsError, SourceError
from orchestration.ingest import ingest
from orchestration.lake.contract import load_contract
from orchestration.lake.warehouse import Warehouse
from orchestration.onboarding.init import draft_settings, write_settings
from orchestration.onboarding.init.vocabulary import name_score, vocabulary, words
from orchestration.onboarding.preview import preview_sources
from orchestration.settings import Settings, load_settings
from simulator import SimulationParameters, simulate

FIXTURES = Path(__file__).parents[1] / "presets" / "fixtures"


def drafted(target: Path | str, folder: Path) -> Settings:
    """The settings that init writes, as they load."""
    output = folder / "segmentation.yaml"
    write_settings(draft_settings(str(target), output), output, force=True)
    return load_settings(output)


def comment(folder: Path, column: str, table: str) -> str:
    """What the file says behind a column."""
    text = (folder / "segmentation.yaml").read_text(encoding="utf-8")
    section = re.search(rf"(?ms)^  {table}:\n    location:.*?(?=^  [a-z#]|\Z)", text)
    assert section is not None
    found = re.search(rf"(?m)^      {column}: .*?# (.*)$", section.group())
    assert found is not None, section.group()
    return found.group(1)


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("simulated")
    simulate(SimulationParameters(customers=1_000, months=3), folder, file_format="csv")
    return folder / "source"


def test_init_says_from_when_on_endings_are_on_record(simulated: Path, tmp_path: Path) -> None:
    written = CliRunner().invoke(app, ["init", str(simulated), "--output", str(tmp_path / "segmentation.yaml")])
    assert written.exit_code == 0
    said = " ".join(written.output.split())
    assert "Endings are on record from" in said or "Endings count from" in said


def test_every_column_of_every_table_of_the_simulator_is_mapped_and_sure(simulated: Path, tmp_path: Path) -> None:
    settings = drafted(simulated, tmp_path)
    contract = load_contract()
    tables = {path.name.split(".")[0] for path in simulated.iterdir()}
    assert set(settings.sources) == tables
    for table in tables:
        (file, *_) = sorted([*simulated.glob(f"{table}.csv"), *simulated.glob(f"{table}/*.csv")])
        header = duckdb.read_csv(str(file)).columns
        expected = {name: name for name in contract[table].column_names if name in header}
        assert settings.sources[table].columns == expected
        for name in settings.sources[table].columns:
            # A thousand customers have no reseller among them.
            known = "guess: same name; it has no values" if name == "reseller_customer_id" else "sure"
            assert comment(tmp_path, name, table).startswith(known), name
    grows = {name for name, source in settings.sources.items() if source.growth == "append"}
    assert grows == tables - {"customers", "contracts"}
    assert settings.locations["usage"].files == [str(simulated / "usage" / "usage_*.csv")]
    assert preview_sources(settings).ok


def test_the_same_files_give_the_same_text_with_paths_relative_to_it(tmp_path: Path) -> None:
    exports = tmp_path / "exports"
    exports.mkdir()
    write_german(exports)
    first = draft_settings(str(exports), tmp_path / "segmentation.yaml").text
    assert draft_settings(str(exports), tmp_path / "segmentation.yaml").text == first
    assert "files: exports/verbrauch_*.csv" in first
    assert str(tmp_path) not in first.split("locations:")[1]


def write_german(folder: Path) -> None:
    """Exports with semicolons, decimal commas, German dates and words, in ISO-8859-1."""
    day = date(2023, 1, 5)
    rows = [
        f"{number:06d};{'Geschäftskunde' if number % 5 == 0 else 'Privat'};{day + timedelta(number):%d.%m.%Y};"
        f"0{1000 + number};{'' if number % 5 == 0 else f'{day + timedelta(number):%d.%m.}1980'};"
        f"{'ja' if number % 2 else 'nein'}"
        for number in range(1, 61)
    ]
    header = "Kunden-Nr.;Kundenart;Angelegt am;PLZ;Geburtsdatum;Werbeeinwilligung"
    (folder / "Kundenstamm.csv").write_bytes("\n".join([header, *rows]).encode("iso-8859-1"))
    rows = [
        f"V{number:05d};{(number - 1) % 60 + 1:06d};DSL {50 * (1 + number % 2)};"
        f"{'Internet' if number % 4 else 'Festnetz'};{day + timedelta(number):%d.%m.%Y};"
        f"{'31.12.2024' if number % 7 == 0 else ''};1.0{number % 90 + 10:02d},50;"
        f"{'gekündigt' if number % 7 == 0 else 'aktiv'}"
        for number in range(1, 81)
    ]
    header = "Vertragsnummer;Kunde;Tarif;Sparte;Vertragsbeginn;Vertragsende;Preis pro Monat;Status"
    (folder / "Verträge.csv").write_bytes("\n".join([header, *rows]).encode("iso-8859-1"))
    for month in (1, 2):
        rows = [f"V{number:05d};03.{month:02d}.2025;{number},5;{number}" for number in range(1, 81)]
        text = "\n".join(["Vertragsnr;Datum;Download MB;Upload MB", *rows])
        (folder / f"verbrauch_2025-{month:02d}.csv").write_bytes(text.encode("iso-8859-1"))


def test_german_columns_words_and_numbers_are_read(tmp_path: Path) -> None:
    write_german(tmp_path)
    settings = drafted(tmp_path, tmp_path)
    contracts = settings.locations["vertraege"]
    assert (contracts.options, contracts.decimal_separator, contracts.date_format) == (
        {"delim": ";", "encoding": "latin-1"}, ",", "%d.%m.%Y",
    )  # fmt: skip
    # 'Kunde' is not a usual name of a customer's number; its values are.
    assert settings.sources["contracts"].columns["customer_id"] == "Kunde"
    assert "100% of its values are in customers" in comment(tmp_path, "customer_id", "contracts")
    assert settings.sources["usage"].growth == "append"
    assert preview_sources(settings).ok
    warehouse = Warehouse(settings.warehouse)
    reports = {report.table: report.rows_quarantined for report in ingest(warehouse, settings) if report.is_mapped}
    assert reports == {"customers": 0, "contracts": 0, "usage": 0}
    with warehouse.reader() as connection:
        assert connection.execute(
            "select customer_type, postal_code, birth_year, marketing_consent from raw.customers "
            "where customer_id in ('000004', '000005') order by customer_id"
        ).fetchall() == [("person", "01004", 1980, False), ("organization", "01005", None, True)]
        assert connection.execute(
            "select product_family, monthly_fee::varchar, status from raw.contracts where contract_id = 'V00028'"
        ).fetchall() == [("fixed_voice", "1038.5000", "ended")]
        assert connection.execute(
            "select bytes_down, bytes_up from raw.usage where contract_id = 'V00003' order by usage_date limit 1"
        ).fetchall() == [(3_500_000, 3_000_000)]


def test_one_flat_file_fills_both_required_tables_and_says_what_is_left(tmp_path: Path) -> None:
    header = "customerID,gender,tenure,InternetService,Contract,MonthlyCharges,TotalCharges,Churn"
    rows = [f"{n:04d}-AB,Male,{n % 70},DSL,Month-to-month,{20 + n % 50}.35,{n * 3}.5,No" for n in range(1, 50)]
    (tmp_path / "telco.csv").write_text("\n".join([header, *rows]), encoding="utf-8")
    settings = drafted(tmp_path, tmp_path)
    assert settings.sources["customers"].columns == {"customer_id": "customerID", "gender": "gender"}
    assert settings.sources["contracts"].columns["monthly_fee"] == "MonthlyCharges"
    assert "contract_id" not in settings.sources["contracts"].columns
    report = preview_sources(settings)
    errors = {check.table: check.error for check in report.tables}
    assert "customer_type, created_date" in (errors["customers"] or "")
    assert "contract_id, product_code, product_family, start_date" in (errors["contracts"] or "")
    assert not report.ok


def test_tables_of_a_sqlite_database_are_mapped(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "crm.db") as database:
        database.executescript("""
            create table clients (id integer primary key, companyName text, registrationDate text, zipCode text);
            create table services (
                id integer primary key, clientId integer, servicePlanName text, price real, activeFrom text,
                activeTo text, status text, updated_at text
            );
            create table settings (key text, value text);
            with recursive n(i) as (select 1 union all select i + 1 from n where i < 40)
            insert into clients
            select 1000 + i, case when i % 4 = 0 then 'ACME' end, '2024-01-15', '0' || (1000 + i) from n;
            insert into services
            select id + 4000, id, 'Home 100', 29.9, '2024-02-01', null, 'suspended', '2024-02-01 10:00:00'
            from clients;
        """)
    settings = drafted(tmp_path / "crm.db", tmp_path)
    assert settings.locations["crm"].database == "sqlite"
    customers, contracts = settings.sources["customers"], settings.sources["contracts"]
    assert (customers.table, contracts.table) == ("clients", "services")
    assert customers.columns["customer_id"] == "id"
    assert "companyName" in customers.columns["customer_type"]
    assert {name: contracts.columns[name] for name in ("contract_id", "customer_id", "monthly_fee", "status")} == {
        "contract_id": "id", "customer_id": "clientId", "monthly_fee": "price", "status": "status",
    }  # fmt: skip
    text = (tmp_path / "segmentation.yaml").read_text(encoding="utf-8")
    assert "# cursor: updated_at" in text
    assert "Fills no table: table settings" in text


def test_fields_of_nested_json_are_found(tmp_path: Path) -> None:
    rows = [
        f'{{"id": "C{n}", "type": "residential", "created_at": "2024-01-0{n}T10:00:00Z", '
        f'"address": {{"zip": "0{n}", "gps": {{"lat": 48.5}}}}, "tags": ["a"]}}'
        for n in range(1, 9)
    ]
    (tmp_path / "customers.jsonl").write_text("\n".join(rows), encoding="utf-8")
    columns = drafted(tmp_path, tmp_path).sources["customers"].columns
    assert (columns["postal_code"], columns["latitude"]) == ("address.zip", "address.gps.lat")
    assert "when 'residential' then 'person'" in columns["customer_type"]


def test_days_and_months_that_could_be_swapped_are_a_guess(tmp_path: Path) -> None:
    rows = [f"C{n},person,0{n}/0{n % 5 + 1}/2024" for n in range(1, 9)]
    (tmp_path / "customers.csv").write_text("\n".join(["id,type,created", *rows]), encoding="utf-8")
    drafted(tmp_path, tmp_path)
    assert "day and month could be the other way round" in comment(tmp_path, "created_date", "customers")


def test_how_a_file_writes_dates_and_numbers_is_said_though_no_column_of_it_is_known(tmp_path: Path) -> None:
    rows = [f"X{n};{n % 5 + 20}.0{n}.2024;{n},50" for n in range(1, 9)]
    (tmp_path / "Pauser.csv").write_text("\n".join(["Avtalenr;PauseFra;Belop", *rows]), encoding="utf-8")
    (tmp_path / "customers.csv").write_text("customer_id,type,since\nX1,person,2024-01-01\n", encoding="utf-8")
    found = drafted(tmp_path, tmp_path).locations
    assert (found["pauser"].date_format, found["pauser"].decimal_separator) == ("%d.%m.%Y", ",")
    assert (found["customers"].date_format, found["customers"].decimal_separator) == (None, ".")


def test_the_only_dates_of_a_file_are_guessed_to_be_the_date_it_needs(tmp_path: Path) -> None:
    rows = [f"R{n},C{n},{n % 5 + 20}/0{n}/2024,{n}.50" for n in range(1, 9)]
    (tmp_path / "receipts.csv").write_text("\n".join(["payment_no,account,day,amount", *rows]), encoding="utf-8")
    payments = drafted(tmp_path, tmp_path).sources["payments"].columns
    assert payments["paid_date"] == "day"
    assert comment(tmp_path, "paid_date", "payments") == "guess: by its values, not by its name"


def test_a_log_of_contracts_and_days_that_measures_nothing_fills_no_table(tmp_path: Path) -> None:
    (tmp_path / "customers.csv").write_text("customer_id\n" + "".join(f"A{i}\n" for i in range(9)), encoding="utf-8")
    rows = "".join(f"V{i},2024-01-{i + 10}\n" for i in range(9))
    (tmp_path / "holds.csv").write_text(f"contract_no,date\n{rows}", encoding="utf-8")
    assert "service_quality" not in drafted(tmp_path, tmp_path).sources


def test_a_number_that_is_used_again_is_no_sure_identifier_and_days_of_spreadsheets_are_dates(tmp_path: Path) -> None:
    (tmp_path / "customers.csv").write_text("customer_id\n" + "".join(f"A{i}\n" for i in range(20)), encoding="utf-8")
    rows = [f"S{i},4477{i % 17:04d},A{i},SIM,{45292 + i},12.5" for i in range(20)]
    header = "sub_id,msisdn,account_id,tariff,activated,fee"
    (tmp_path / "subscriptions.csv").write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    columns = drafted(tmp_path, tmp_path).sources["contracts"].columns
    assert columns["start_date"] == "date '1899-12-30' + try_cast(activated as integer)"
    assert columns["contract_id"] == "sub_id" or comment(tmp_path, "contract_id", "contracts").startswith("guess")


def test_a_file_called_invoices_holds_invoices_though_its_columns_would_do_for_balances(tmp_path: Path) -> None:
    (tmp_path / "Accounts.csv").write_text("AccountID,Since\n" + "".join(f"A{i},2024-01-01\n" for i in range(9)))
    rows = "".join(f"I{i},A{i},2025-01-01,{i}.5\n" for i in range(9))
    (tmp_path / "Invoices.csv").write_text(f"Ref,AccountID,Date,Amount\n{rows}")
    sources = drafted(tmp_path, tmp_path).sources
    assert sources["invoices"].columns["net_amount"] == "Amount"
    assert "balances" not in sources


def test_traffic_that_is_more_up_than_down_is_doubted(small_isp_files: Path) -> None:
    drafted(small_isp_files, small_isp_files)
    assert comment(small_isp_files, "bytes_down", "usage").startswith("guess")


@pytest.fixture
def small_isp_files(tmp_path: Path) -> Path:
    rows = [f"K{n},2025-01-0{n},{n},{n * 9}" for n in range(1, 9)]
    (tmp_path / "usage.csv").write_text("\n".join(["contract_id,usage_date,bytes_down,bytes_up", *rows]), "utf-8")
    return tmp_path


def test_exports_that_a_preset_knows_are_recognised(tmp_path: Path) -> None:
    text = draft_settings(str(FIXTURES / "splynx"), tmp_path / "segmentation.yaml").text
    assert "presets: {splynx: {}}" in text
    assert "customers to splynx_customers" in text


def test_a_connection_string_never_reaches_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = "dbname=crm host=127.0.0.1 port=1 user=x password=hunter2secret"
    with pytest.raises(SourceError) as refused:
        draft_settings(f"postgres:{secret}", tmp_path / "segmentation.yaml")
    assert "hunter2secret" not in str(refused.value)
    monkeypatch.setenv("CRM", f"postgres:{secret}")
    with pytest.raises(SettingsError, match="take that off"):
        draft_settings("${CRM}", tmp_path / "segmentation.yaml")


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "has no data files"),
        ({"notes.md": b"# hello"}, "has no data files"),
        ({"customers.csv": b""}, "customers.csv: .* is empty"),
        ({"customers.csv": bytes(range(256)) * 40}, "is not a text file"),
        ({"customers.parquet": b"PAR1 no"}, "customers.parquet"),
        ({"customers.json": b'{"a": '}, "customers.json"),
        ({"customers.csv.gz": b"not compressed"}, "customers.csv.gz"),
    ],
)
def test_a_folder_without_a_table_is_an_error_that_says_so(
    tmp_path: Path, files: dict[str, bytes], message: str
) -> None:
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    with pytest.raises(SourceError, match=message):
        draft_settings(str(tmp_path), tmp_path / "segmentation.yaml")


def test_a_file_that_cannot_be_read_costs_only_itself(tmp_path: Path) -> None:
    (tmp_path / "customers.csv").write_text("id,type,created\nC1,person,2024-01-01\n", encoding="utf-8")
    (tmp_path / "broken.parquet").write_bytes(b"garbage")
    settings = drafted(tmp_path, tmp_path)
    assert list(settings.locations) == ["customers"]
    assert "Not read: broken.parquet" in (tmp_path / "segmentation.yaml").read_text(encoding="utf-8")


def test_the_command_refuses_to_write_over_a_file_without_force(small_isp_files: Path) -> None:
    output = small_isp_files / "segmentation.yaml"
    output.write_text("name: mine\n", encoding="utf-8")
    arguments = ["init", str(small_isp_files), "--output", str(output)]
    refused = CliRunner().invoke(app, arguments)
    assert (refused.exit_code, output.read_text(encoding="utf-8")) == (1, "name: mine\n")
    forced = CliRunner().invoke(app, [*arguments, "--force"])
    assert forced.exit_code == 0
    assert "segmentation check-sources --config" in forced.output
    assert "  usage:" in output.read_text(encoding="utf-8")


def test_a_target_that_is_nothing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="neither a folder"):
        draft_settings(str(tmp_path / "nowhere"), tmp_path / "segmentation.yaml")


def test_the_vocabulary_names_only_what_the_contract_has() -> None:
    contract = load_contract()
    known = {(table, column) for table in contract for column in contract[table].column_names}
    spoken = vocabulary()
    assert {(t, c) for t, columns in spoken["columns"].items() if t != "any" for c in columns} <= known
    for key, values in spoken["values"].items():
        table, column = key.split(".")
        assert set(values) == set(contract[table].column(column).accepted_values)
    required = {
        f"{table}.{column.name}"
        for table in contract
        for column in contract[table].columns
        if column.is_required and column.default is None
    }
    assert set(spoken["fill"]) <= required


@pytest.mark.parametrize(
    ("name", "expected"),
    [("kundenNr", ("kunden", "nr")), ("KUNDEN_NR", ("kunden", "nr")), ("Größe (m²)", ("groesse", "m2")[:1])],
)
def test_names_are_split_into_plain_words(name: str, expected: tuple[str, ...]) -> None:
    assert words(name)[: len(expected)] == expected


def test_a_name_speaks_for_its_own_column_and_not_for_another() -> None:
    assert name_score("Vertragsnummer", "contracts", "contract_id") > 0.9
    assert name_score("acctinputoctets", "usage", "bytes_up") > 0.9
    assert name_score("acctinputoctets", "usage", "bytes_down") < 0.6
    assert name_score("end_date", "contracts", "start_date") < 0.6
    assert name_score("stmt_dt", "invoices", "invoice_date") > 0.9
    assert name_score("svc_cd", "contracts", "product_code") > 0.9
