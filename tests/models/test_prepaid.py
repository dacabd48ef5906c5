"""Prepaid models: published fits, the closed forms, and what they must never be used on."""

from pathlib import Path

import pandas as pd
import pytest

from models.prepaid import BetaGeometricBetaBinomial, fit_activity
from models.prepaid_spend import fit_spend

CDNOW = Path(__file__).parent / "data" / "cdnow_customers.csv"
# Fader, Hardie & Shang (2010), Table 1: donations of the 1995 cohort in the six years after, by repeats and last year.
DONATIONS = pd.DataFrame(
    [
        (6, 6, 1203), (5, 6, 728), (4, 6, 512), (3, 6, 357), (2, 6, 234), (1, 6, 129),
        (5, 5, 335), (4, 5, 284), (3, 5, 225), (2, 5, 173), (1, 5, 119),
        (4, 4, 240), (3, 4, 181), (2, 4, 155), (1, 4, 78),
        (3, 3, 322), (2, 3, 255), (1, 3, 129), (2, 2, 613), (1, 2, 277), (1, 1, 1091), (0, 0, 3464),
    ],
    columns=["repeats", "last_month", "customers"],
).assign(months=6)  # fmt: skip
PUBLISHED = BetaGeometricBetaBinomial(1.204, 0.750, 0.657, 2.783)


def history(repeats, last_month, months):
    return pd.DataFrame({"repeats": [repeats], "last_month": [last_month], "months": [months]})


@pytest.fixture(scope="module")
def donations() -> BetaGeometricBetaBinomial:
    return fit_activity(DONATIONS)


class TestPublishedFits:
    def test_donations(self, donations):
        assert DONATIONS["customers"].sum() == 11_104
        found = (donations.alpha, donations.beta, donations.gamma, donations.delta)
        assert [round(each, 3) for each in found] == [1.204, 0.750, 0.657, 2.783]
        assert round(donations.log_likelihood, 1) == -33_225.6
        assert donations.converged

    @pytest.mark.parametrize(
        ("repeats", "last_year", "donations_in_five_years"),
        [(0, 0, 0.07), (6, 6, 3.75)],
    )
    def test_expected_donations_of_the_next_five_years(self, donations, repeats, last_year, donations_in_five_years):
        expected = donations.expected_activity(history(repeats, last_year, 6), 5).sum()
        assert round(expected, 2) == donations_in_five_years

    def test_spend_of_cdnow(self):
        # Fader, Hardie & Lee (2005), "RFM and CLV": p 6.25, q 3.74, gamma 15.44 on the customers who came again.
        customers = pd.read_csv(CDNOW)
        assert (customers["repeats"] > 0).sum() == 946
        found = fit_spend(customers["mean_repeat_spend"], customers["repeats"])
        assert round(found.p, 2) == 6.25
        assert round(found.q, 2) == 3.74
        assert found.gamma == pytest.approx(15.44, abs=0.02)
        assert found.converged
