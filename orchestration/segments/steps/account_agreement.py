"""What sales and partners know of customers, beside the segments that were found without it."""

import duckdb

from models.business.tag_agreement import tag_agreement
from orchestration.lake.frames import read_frame
from orchestration.segments.candidate import Candidate
from orchestration.segments.month import SegmentMonth
from orchestration.settings import Settings


def make_month(connection: duckdb.DuckDBPyConnection, candidate: Candidate, settings: Settings) -> SegmentMonth:
    """Compare clusters with the tags of account_knowledge, which no model reads."""
    rows = read_frame(connection, _TAGGED, {"version": candidate.version_id, "as_of": candidate.as_of_date})
    agreement = tag_agreement(rows, settings.organizations.least_tagged)
    return SegmentMonth(
        tables={"account_agreement": [agreement]}, decision=f"{rows['tag'].nunique()} tags of account_knowledge."
    )


_TAGGED = """
with segments as (
    select customer_id, 'behavior_cluster' as scheme, cluster_id as segment
    from segments.customer_behavior
    where version_id = $version
    union all
    select customer_id, 'needs_cluster' as scheme, cluster_id as segment
    from segments.mid_band_needs
    where version_id = $version
)

select segments.scheme, segments.segment, knowledge.tag, knowledge.tag_value
from segments
inner join features.account_knowledge_as_of as knowledge
    on segments.customer_id = knowledge.customer_id
where knowledge.as_of_date = $as_of and segments.segment is not null
"""
