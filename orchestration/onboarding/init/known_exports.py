"""Exports of systems that a preset knows, recognised by their columns."""

from collections.abc import Sequence

from orchestration.onboarding.init.matching import Candidate
from orchestration.settings.presets import Preset, load_presets

# Exports leave out what is null, and add what is new.
_LEAST_SHARE, _FEWEST_COLUMNS = 0.6, 4


def suggestions(candidates: Sequence[Candidate]) -> list[str]:
    """Return for each preset that fits a comment that says how to use it: every location it requires is there."""
    found = []
    for name, preset in load_presets().items():
        places = _places(preset, candidates)
        if places and all(location in places for location, declared in preset.locations.items() if declared.required):
            renamed = ", ".join(
                f"{each.relation.location} to {location}"
                for location, each in places.items()
                if each.relation.location != location
            )
            filled = ", ".join(preset.sources)
            found.append(
                f"This looks like an export of {preset.description}\n"
                f"The preset maps it better than a guess can. To use it: "
                + (f"rename the locations {renamed}; " if renamed else "")
                + f"take out the sources that it fills ({filled}); and add\n"
                + f"  presets: {{{name}: {{}}}}\n"
                + "docs/presets.md has its parameters."
            )
    return found


def _places(preset: Preset, candidates: Sequence[Candidate]) -> dict[str, Candidate]:
    """Return the relation that fits each location of a preset best, one relation for one location."""
    scores = sorted(
        (
            (-_share(set(declared.columns), each), location, each.number)
            for location, declared in preset.locations.items()
            for each in candidates
            if each.relation.table is None
        ),
    )
    by_number = {each.number: each for each in candidates}
    places: dict[str, Candidate] = {}
    for score, location, number in scores:
        is_free = location not in places and all(each.number != number for each in places.values())
        if -score >= _LEAST_SHARE and is_free:
            places[location] = by_number[number]
    return {location: places[location] for location in preset.locations if location in places}


def _share(columns: set[str], candidate: Candidate) -> float:
    """Return how many of the columns a relation has, and of its columns how many are among them: the less."""
    there = {name.split(".")[0].lower() for name in candidate.profiles}
    common = {name.lower() for name in columns} & there
    if len(common) < _FEWEST_COLUMNS:
        return 0.0
    return len(common) / len(columns)
