"""The registry of fitted clusters: reading the model of a version, and what a month needs besides its features."""

from dataclasses import dataclass
from datetime import date

import duckdb
import pandas as pd

from models.behavior.champion import Champion
from models.behavior.features import attribute_columns
from models.behavior.parameters import BehaviorParameters
from orchestration.ingest.sql_text import sql_name, sql_text
from orchestration.lake.frames import read_frame
from orchestration.months import previous_as_of_date
from orchestration.segments.tables import columns_of


@dataclass(frozen=True)
class Population:
    """Customers that are clustered together: where their features and their clusters are stored."""

    name: str
    features: str
    members: str
    condition: str = "true"
    """Which rows of `features` belong to the population."""
    open_condition: str = "true"
    """Which of those are open customers; the mid-band's features contain no others."""


CONSUMER, BUSINESS = (
    Population(name, "features.customer_features", "segments.customer_behavior", f"population = '{name}'", "is_open")
    for name in ("consumer", "business")
)
MID_BAND = Population("mid_band", "features.mid_band_features", "segments.mid_band_needs")


def features_of(population: Population, parameters: BehaviorParameters) -> str:
    """Return SQL of the features of a population: its table, with a column for each configured attribute.

    A known text becomes 0 or 1 for each configured text; unknown values are null.
    """
    columns = []
    for name, values in parameters.attributes.items():
        for column, value in attribute_columns(name, values).items():
            found = "attribute_number" if value is None else f"cast(attribute_value = {sql_text(value)} as double)"
            columns.append(f"max({found}) filter (attribute = {sql_text(name)}) as {sql_name(column)}")
    if not columns:
        return population.features
    return f"""(
        select features.*, attributes.* exclude (as_of_date, customer_id)
        from {population.features} as features
        left join (
            select as_of_date, customer_id, {", ".join(columns)}
            from features.customer_attributes_as_of
            group by as_of_date, customer_id
        ) as attributes using (as_of_date, customer_id)
    )"""


def load_champion(connection: duckdb.DuckDBPyConnection, version_id: str | None, population: str) -> Champion | None:
    """Return the model that scored a population in a version; None if that version has none.

    Raises:
        ValueError: the stored bytes are missing or do not match the registered hash.
    """
    names = ", ".join(columns_of("behavior_models"))
    registered = read_frame(
        connection,
        f"select {names} from segments.behavior_models where version_id = ? and population = ?",
        [version_id, population],
    )
    if registered.empty:
        return None
    first = registered.astype(object).where(registered.notna(), None).iloc[0]
    row = {str(name): value for name, value in first.items()}
    # The version that fitted it is kept even if it has since been superseded or withdrawn.
    stored = connection.execute(
        "select model from segments.behavior_model_files where version_id = ? and model_id = ?",
        [row["fitted_version_id"], row["model_id"]],
    ).fetchone()
    if stored is None:
        raise ValueError(f"model {row['model_id']} is registered and its bytes are not stored")
    names = ", ".join(columns_of("behavior_evidence"))
    evidence = read_frame(
        connection,
        f"select {names} from segments.behavior_evidence where version_id = ? and population = ?"
        " order by shape = 'mixture', k",
        [version_id, population],
    )
    return Champion.load(stored[0], row, evidence)


def customers_of_the_past(
    connection: duckdb.DuckDBPyConnection, as_of_date: date, population: Population, parameters: BehaviorParameters
) -> pd.DataFrame | None:
    """Return open customers as they were some months ago, with their outcomes by the as-of date.

    None if that month was never segmented. `later_churned`: no product left; `later_margin`: mean monthly margin of the
    last three months.
    """
    before = as_of_date
    for _ in range(parameters.outcome_months):
        before = previous_as_of_date(before)
    past = read_frame(
        connection,
        f"""
        select features.*, not coalesce(later.is_open, false) as later_churned, later.margin_3m_mean as later_margin
        from (
            select * from {features_of(population, parameters)}
            where as_of_date = ? and {population.condition} and {population.open_condition}
        ) as features
        left join (
            select customer_id, is_open, margin_3m_mean from features.customer_features where as_of_date = ?
        ) as later using (customer_id)
        order by hash(customer_id), customer_id
        limit ?
        """,
        [before, as_of_date, parameters.fit_sample],
    )
    return None if past.empty else past
