"""Homes of the simulator, each written down by several people, with the truth beside them."""

import numpy as np
import pandas as pd

from simulator import SimulationParameters
from simulator.addresses import address_texts, postal_code_numbers
from simulator.parameters import Addresses
from simulator.population import populate
from simulator.randomness import Draws
from simulator.write import text_ids

WRITERS = 3


def planted_addresses(country: str, homes: int, typo_share: float, seed: int = 5) -> pd.DataFrame:
    """Return WRITERS rows a home: the columns a normaliser takes, and `home`, which is the truth."""
    settings = Addresses(country=country, mess=0.7, typo_share=typo_share)
    parameters = SimulationParameters(customers=max(homes, 1_000), seed=seed, addresses=settings)
    draws = Draws(seed)
    customers = populate(parameters, draws, 0, homes)
    codes = text_ids("", postal_code_numbers(customers), 5).to_pandas()
    rows = np.arange(homes)
    return pd.concat(
        pd.DataFrame(
            {
                "service_address": address_texts(
                    parameters, draws, customers, rows, rows, f"writer {writer}"
                ).to_pandas(),
                "postal_code": codes,
                "country": country,
                "home": customers.address_leader,
            }
        )
        for writer in range(WRITERS)
    ).reset_index(drop=True)


def pair_quality(found: pd.Series, truth: pd.Series) -> tuple[float, float]:
    """Return pairwise precision and recall of a grouping; a missing group is alone. Counts of pairs, not the pairs."""
    groups = found.where(found.notna(), "alone " + found.index.astype(str).to_series(index=found.index))

    def pairs(sizes: pd.Series) -> int:
        return int((sizes * (sizes - 1) // 2).sum())

    together = pairs(pd.DataFrame({"found": groups, "truth": truth}).value_counts())
    return together / pairs(groups.value_counts()), together / pairs(truth.value_counts())
