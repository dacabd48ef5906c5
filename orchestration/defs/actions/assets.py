"""Triggers, actions and results of a day."""

from collections.abc import Iterator

import dagster as dg

from orchestration.actions.checks import CHECKS, failures
from orchestration.actions.decisions import decide
from orchestration.actions.results import write_results
from orchestration.actions.rules import naming_the_rule, require_sound_rules
from orchestration.actions.tables import ACTIONS, RESULTS, TRIGGERS
from orchestration.actions.triggers import find_triggers
from orchestration.actions.unknown_names import unknown_names
from orchestration.dagster_support.action_days import DAYS, ONE_DAY_PER_RUN, action_spec, day_of, days_of
from orchestration.dagster_support.deployment import WRITER_POOL, Deployment
from orchestration.dagster_support.progress import tell, warn


@dg.multi_asset(
    name="triggers",
    specs=[action_spec(TRIGGERS, [["features", "customer_days"]])],
    partitions_def=DAYS,
    backfill_policy=ONE_DAY_PER_RUN,
    pool=WRITER_POOL,
)
def triggers(context: dg.AssetExecutionContext, deployment: Deployment) -> dg.MaterializeResult:
    """Find the day's triggers, and retract those that late data contradict."""
    settings, day = deployment.settings.actions, day_of(context)
    with deployment.warehouse.writer() as connection:
        require_sound_rules(connection, settings)
        with naming_the_rule(connection, settings):
            found = find_triggers(connection, settings.triggers, days_of(day, settings.recheck_days), day)
    fired = {name: rows for name, rows in found.fired.items() if rows}
    tell(context, f"{sum(fired.values()):,} triggers fired, {found.retracted:,} were retracted because of late data.")
    if found.silent:
        lacks = "; ".join(f"{name} ({tables})" for name, tables in found.silent.items())
        tell(context, f"Not evaluated because source tables are missing: {lacks}.")
    return dg.MaterializeResult(
        asset_key=["segments", TRIGGERS],
        metadata={"fired": sum(fired.values()), "retracted": found.retracted, "restored": found.restored}
        | {"by_trigger": fired, "not_evaluated": dict(found.silent)},
    )


@dg.multi_asset(
    name="customer_actions",
    specs=[action_spec(ACTIONS, [["segments", TRIGGERS]], kinds=["python"])],
    check_specs=[
        dg.AssetCheckSpec(check.name, asset=["segments", ACTIONS], description=check.description, blocking=True)
        for check in CHECKS
    ],
    partitions_def=DAYS,
    backfill_policy=ONE_DAY_PER_RUN,
    pool=WRITER_POOL,
)
def customer_actions(
    context: dg.AssetExecutionContext, deployment: Deployment
) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
    """Choose the actions of the day; every candidate is kept with its outcome."""
    with deployment.warehouse.writer() as connection:
        with naming_the_rule(connection, deployment.settings.actions):
            report = decide(connection, deployment.settings.actions, day_of(context))
        broken = list(failures(connection, day_of(context)))
    counts = f"{report.chosen:,} actions chosen of {report.candidates:,} candidates, {report.held_out:,} held out."
    tell(context, counts)
    if report.kept:
        tell(context, f"{report.kept:,} actions of the day had been handed over before and stand.")
    if report.candidates and report.suppressed.get("no_consent", 0) == report.candidates:
        warn(context, "No customer's consent is known, so nobody is contacted; see actions.contacts.")
    yield dg.MaterializeResult(
        asset_key=["segments", ACTIONS],
        metadata={
            "dagster/row_count": report.candidates,
            "chosen": report.chosen,
            "held_out": report.held_out,
            "expected_value": report.expected_value,
            "suppressed_by": report.suppressed,
        },
    )
    for check, rows in broken:
        yield dg.AssetCheckResult(
            check_name=check.name, asset_key=["segments", ACTIONS], passed=rows == 0, metadata={"rows": rows}
        )


@dg.multi_asset(
    name="action_results",
    specs=[action_spec(RESULTS, [["segments", ACTIONS], ["raw", "contacts"], ["raw", "responses"]], kinds=["python"])],
    partitions_def=DAYS,
    backfill_policy=ONE_DAY_PER_RUN,
    pool=WRITER_POOL,
)
def action_results(context: dg.AssetExecutionContext, deployment: Deployment) -> dg.MaterializeResult:
    """Measure the results of actions whose response period is over."""
    with deployment.warehouse.writer() as connection:
        results = write_results(connection, deployment.settings.actions.results, day_of(context))
        for sentence in unknown_names(connection, deployment.settings.actions, day_of(context)):
            warn(context, sentence)
    verdicts = results[(results["market_segment"] == "all") & (results["period"] == "all")]["verdict"].value_counts()
    return dg.MaterializeResult(
        asset_key=["segments", RESULTS],
        metadata={"dagster/row_count": len(results), "verdicts": {str(name): int(n) for name, n in verdicts.items()}},
    )
