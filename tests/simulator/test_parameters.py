"""Parameters say what is wrong with them."""

import numpy as np
import pytest
from pydantic import ValidationError

from simulator import SimulationParameters
from simulator.parameters import Usage
from simulator.randomness import Draws


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"customers": 999}, "greater than or equal to 1000"),
        ({"customers": 10_000_001}, "less than or equal to 10000000"),
        ({"end_month": "2025-13"}, "must be a month like 2025-12"),
        ({"months": 2}, "greater than or equal to 3"),
        ({"dirt": 0.5}, "less than or equal to 0.2"),
        ({"custommers": 3000}, "Extra inputs are not permitted"),
    ],
)
def test_a_wrong_parameter_is_named(values: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        SimulationParameters(**values)


def test_shares_of_archetypes_must_add_up() -> None:
    light = Usage().consumer["light"]
    with pytest.raises(ValidationError, match=r"shares of usage\.consumer add up to 0\.2000"):
        SimulationParameters(usage=Usage(consumer={"light": light}))


def test_draws_depend_on_seed_stream_entity_and_step_alone() -> None:
    ids = np.arange(100_000)
    whole = Draws(1).uniform("churn", ids, 5)
    assert (Draws(1).uniform("churn", ids[500:600], 5) == whole[500:600]).all()
    for other in (Draws(2).uniform("churn", ids, 5), Draws(1).uniform("x", ids, 5), Draws(1).uniform("churn", ids, 6)):
        assert abs(np.corrcoef(whole, other)[0, 1]) < 0.015
    assert abs(np.corrcoef(whole[:-1], whole[1:])[0, 1]) < 0.015
    assert whole.mean() == pytest.approx(0.5, abs=0.005)
    assert (whole > 0).all()
    assert (whole < 1).all()


def test_poisson_counts_have_their_mean() -> None:
    counts = Draws(0).poisson("contacts", np.arange(200_000), np.full(200_000, 0.4), most=8)
    assert counts.mean() == pytest.approx(0.4, abs=0.01)
    assert counts.var() == pytest.approx(0.4, abs=0.02)
