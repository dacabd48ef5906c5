"""Uptake learned from results: Beta-Binomial, segments shrunk to their offer and offers to their expected uptake."""

import pandas as pd


def learned_uptake(outcomes: pd.DataFrame, expected: pd.DataFrame, segment_weight: float) -> pd.DataFrame:
    """Return the uptake of each offer in each market segment.

    An offer starts with a Beta prior of mean ``uptake`` and a weight of ``uptake_weight`` contacts; its posterior mean
    is the prior mean of each of its segments, with a weight of ``segment_weight`` contacts. See Gelman et al.,
    "Bayesian Data Analysis", 3rd ed., section 5.1, with the weights given instead of estimated.

    Args:
        outcomes: one row per offer and segment: offer_id, market_segment, treated, accepted.
        expected: one row per offer: offer_id, uptake (0 to 1), uptake_weight (contacts, above 0).
        segment_weight: contacts, above 0.

    Returns:
        offer_id, market_segment, uptake: one row per offer and segment in ``outcomes``, and per offer in ``expected``
        one row with a null segment, for all other segments.
    """
    totals = outcomes.groupby("offer_id")[["treated", "accepted"]].sum()
    offers = expected.set_index("offer_id").join(totals).fillna({"treated": 0, "accepted": 0})
    prior = offers["uptake"].astype(float) * offers["uptake_weight"].astype(float)
    offers["uptake"] = (prior + offers["accepted"]) / (offers["uptake_weight"] + offers["treated"])
    segments = outcomes.join(offers["uptake"].rename("offer_uptake"), on="offer_id", how="inner")
    segments["uptake"] = (segments["offer_uptake"] * segment_weight + segments["accepted"]) / (
        segment_weight + segments["treated"]
    )
    others = offers.reset_index()[["offer_id", "uptake"]].assign(market_segment=None)
    columns = ["offer_id", "market_segment", "uptake"]
    return pd.concat([segments[columns].astype({"market_segment": object}), others[columns]], ignore_index=True)
