"""Actions against planted persuasion: a part of ``benchmarks.actions``, whose figures stand in docs/actions.md."""

import numpy as np
import pytest

from benchmarks.actions import PLANTED, WITHOUT_EFFECT, coverage, learned_error, money
from simulator.answers import Persuasion, accepts, kinds_of

CAMPAIGNS, CUSTOMERS = 100, 2_000


def test_the_interval_holds_the_planted_uplift_as_often_as_it_says() -> None:
    held, effective = coverage(range(CAMPAIGNS), CUSTOMERS, PLANTED)
    assert 0.75 <= held <= 0.85
    assert effective > 0.1  # large effects are found, so that what follows is not an empty claim


def test_an_offer_without_effect_is_hardly_ever_called_effective() -> None:
    _, effective = coverage(range(CAMPAIGNS), CUSTOMERS, WITHOUT_EFFECT)
    assert effective <= 0.05


def test_arbitration_earns_more_than_the_best_offer_for_all_and_than_chance() -> None:
    for seed in range(3):
        earned = money(seed, 10_000)
        assert earned.arbitration > 1.5 * earned.best_for_all
        assert earned.best_for_all > earned.random


def test_learned_uptake_converges_to_the_planted_one_from_a_wrong_expectation() -> None:
    errors = [np.mean([learned_error(seed, contacts) for seed in range(20)]) for contacts in (0, 50, 500, 5_000)]
    assert errors == sorted(errors, reverse=True)
    assert errors[0] > 0.1
    assert errors[-1] < 0.004


def test_customers_answer_as_their_kind_does_and_keep_their_kind() -> None:
    persuasion = Persuasion(persuadable=0.1, sure_thing=0.05, sleeping_dog=0.02)
    customers = np.arange(50_000)
    kinds = kinds_of(customers, "offer", persuasion, 1)
    contacted, alone = accepts(kinds, np.ones(50_000, bool)), accepts(kinds, np.zeros(50_000, bool))
    assert contacted.mean() == pytest.approx(persuasion.uptake, abs=0.005)
    assert contacted.mean() - alone.mean() == pytest.approx(persuasion.uplift, abs=0.005)
    assert (kinds_of(customers[::-1], "offer", persuasion, 1)[::-1] == kinds).all()
    assert (kinds_of(customers, "another", persuasion, 1) != kinds).any()
    with pytest.raises(ValueError, match="at most 1 together"):
        Persuasion(persuadable=0.9, sure_thing=0.2)
