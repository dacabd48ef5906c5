"""Files that arrive are acted upon once, when they have come to rest."""

from pathlib import Path

from orchestration.actions.arrivals import Arrivals, digest_of_files
from orchestration.settings import Settings


def settings(folder: Path) -> Settings:
    return Settings.model_validate(
        {
            "locations": {"days": {"files": f"{folder}/usage/*.csv"}, "people": {"files": f"{folder}/*.csv"}},
            "sources": {"usage": {"location": "days"}, "customers": {"location": "people"}},
        }
    )


def test_the_digest_changes_with_the_files_of_the_tables_that_are_looked_at_alone(tmp_path: Path) -> None:
    (tmp_path / "usage").mkdir()
    given = settings(tmp_path)
    before = digest_of_files(given, ["usage", "balances"])
    (tmp_path / "people.csv").write_text("x")
    assert digest_of_files(given, ["usage", "balances"]) == before
    (tmp_path / "usage" / "1.csv").write_text("x")
    first = digest_of_files(given, ["usage"])
    assert first != before
    (tmp_path / "usage" / "1.csv").write_text("xy")
    assert digest_of_files(given, ["usage"]) not in {first, before}


def test_files_are_acted_upon_once_after_they_have_come_to_rest() -> None:
    acted = []
    state = Arrivals.from_cursor(None)
    looks = [("a", 0), ("a", 100), ("b", 110), ("c", 150), ("c", 200), ("c", 210), ("c", 300), ("d", 310), ("d", 371)]
    for found, now in looks:
        state, is_due = state.looked(found, now, debounce_seconds=60)
        state = Arrivals.from_cursor(state.cursor())
        if is_due:
            acted.append((found, now))
    # What lay there at first is no arrival; b was still being written.
    assert acted == [("c", 210), ("d", 371)]
