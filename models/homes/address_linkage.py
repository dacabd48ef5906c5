"""Addresses whose streets are written with a typing error, linked to the right ones by Splink (Fellegi, Sunter 1969).

Only addresses of one postal code, house number and unit are compared: an error in those makes the address of somebody
else, and nothing can tell. What speaks for two spellings of one street:

- *Street*: how many letters must be changed. Four of five misspellings are one letter too many, too few, wrong or
  swapped (Damerau 1964); neighbouring streets are seldom that near.
- *Initial*: misspellings seldom begin with the first letter (Pollock and Zamora 1984: one of thirteen).
- *Homes*: at how many addresses of the postal code the street is written like this. Nobody makes the same mistake at
  three doors: where both spellings are seen that often, both streets are real.

The probabilities of each under both hypotheses are constants, not fitted: expectation-maximization over few pairs found
levels that nobody had, and the households of last month would move with every new address. So an address is linked by
what stands in its postal code and nothing else: the order and the batches do not matter.
"""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from splink import SettingsCreator

COLUMNS = ("address_id", "area", "street", "house_number", "unit")
# Share of pairs within a block that are one address. Most blocks hold two streets of the same house numbers.
_PRIOR = 0.02
# Of each level: probability where two addresses are one, and where they are two.
_STREET = ((0.80, 0.010), (0.15, 0.010), (0.05, 0.980))
_INITIAL = ((0.92, 0.150), (0.08, 0.850))
_HOMES = ((0.02, 0.400), (0.68, 0.300), (0.30, 0.300))


_PAIR = ["unique_id_l", "unique_id_r", "homes_l", "homes_r", "match_probability"]


def link_addresses(addresses: pd.DataFrame, threshold: float = 0.9) -> pd.DataFrame:
    """Return a row an address that is linked: `address_id`, `linked_address_id` and the `probability` of that link.

    ``addresses`` has the columns COLUMNS, each address once, and holds postal codes (`area`) as a whole; many can go in
    batches. Links have at least the probability ``threshold``. An address is linked to the likeliest of those whose
    street is written so at more doors; one that is linked itself passes its links on. So the right spelling stays.

    Raises:
        ModuleNotFoundError: Splink is not installed (the extra `linkage`).
    """
    rows = addresses[list(COLUMNS)].sort_values("address_id", ignore_index=True)
    rows["homes"] = rows.groupby(["area", "street"])["address_id"].transform("size")
    # Names of houses are not misspelt streets.
    rows = rows[rows["house_number"] != ""]
    # Alone in its block an address has nobody to be compared with.
    rows = rows[rows.duplicated(["area", "house_number", "unit"], keep=False)]
    return _best_links(_pairs(rows, threshold) if len(rows) else pd.DataFrame(columns=_PAIR))


def _pairs(rows: pd.DataFrame, threshold: float) -> pd.DataFrame:
    from splink import DuckDBAPI, Linker

    database = DuckDBAPI()
    table = database.register(rows.rename(columns={"address_id": "unique_id"}))
    linker = Linker(table, _settings(), log_level=None, validate_settings=False)
    found: pd.DataFrame = linker.inference.predict(threshold_match_probability=threshold).as_pandas_dataframe()
    return found[_PAIR]


def _settings() -> "SettingsCreator":
    from splink import SettingsCreator, block_on
    from splink import comparison_level_library as levels
    from splink import comparison_library as comparisons

    nothing = levels.NullLevel("street")  # never: every address has one, but Splink warns where none is said
    street = [
        levels.DamerauLevenshteinLevel("street", 1),
        levels.DamerauLevenshteinLevel("street", 2),
        levels.ElseLevel(),
    ]
    initial = [levels.CustomLevel("left(street_l, 1) = left(street_r, 1)"), levels.ElseLevel()]
    homes = [
        levels.CustomLevel("least(homes_l, homes_r) >= 3"),
        levels.CustomLevel("least(homes_l, homes_r) = 1 and greatest(homes_l, homes_r) > 1"),
        levels.ElseLevel(),
    ]
    return SettingsCreator(
        "dedupe_only",
        comparisons=[
            comparisons.CustomComparison(
                [
                    nothing,
                    *(
                        level.configure(m_probability=same, u_probability=other)
                        for level, (same, other) in zip(each, probabilities, strict=True)
                    ),
                ],
                name,
            )
            for name, each, probabilities in (
                ("street", street, _STREET),
                ("initial", initial, _INITIAL),
                ("homes", homes, _HOMES),
            )
        ],
        blocking_rules_to_generate_predictions=[block_on("area", "house_number", "unit")],
        probability_two_random_records_match=_PRIOR,
        additional_columns_to_retain=["homes"],
    )


def _best_links(pairs: pd.DataFrame) -> pd.DataFrame:
    """Return one link an address, each followed to its end."""
    # Towards the spelling at more doors, and of two alike towards the lower identifier: so no links go round.
    forward = (pairs["homes_l"] < pairs["homes_r"]) | (
        (pairs["homes_l"] == pairs["homes_r"]) & (pairs["unique_id_l"] > pairs["unique_id_r"])
    )
    links = pd.DataFrame(
        {
            "address_id": np.where(forward, pairs["unique_id_l"], pairs["unique_id_r"]),
            "linked_address_id": np.where(forward, pairs["unique_id_r"], pairs["unique_id_l"]),
            "homes": np.where(forward, pairs["homes_r"], pairs["homes_l"]),
            "probability": pairs["match_probability"].astype(float),
        }
    )
    links = links.sort_values(["probability", "homes", "linked_address_id"], ascending=[False, False, True])
    links = links.drop_duplicates("address_id").sort_values("address_id", ignore_index=True)
    further = links.set_index("address_id")["linked_address_id"]
    end = links["linked_address_id"].astype(object)
    while (goes_on := end.isin(further.index)).any():
        end = end.where(~goes_on, end.map(further))
    return links.assign(linked_address_id=end)[["address_id", "linked_address_id", "probability"]]
