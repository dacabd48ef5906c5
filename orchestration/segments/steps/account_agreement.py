"""What sales and partners know about customers, compared with the segments found without it."""

import duckdb

from models.business.tag_agreement import names_by_tag, tag_agreement
from orchestration.lake.frames import read_frame
from orchestration.segments.candidate import Candidate
from orchestration.segments.month import SegmentMonth
from orchestration.settings import Settings


def make_month(connection: duckdb.DuckDBPyConnection, candidate: Candidate, settings: Settings) -> SegmentMonth:
    """Compare clusters with the tags of account_knowledge, which no model reads, and name them by those that agree."""
    organizations = settings.organizations
    rows = read_frame(connection, _TAGGED, {"version": candidate.version_id, "as_of": candidate.as_of_date})
    agreement = tag_agreement(rows, organizations.least_tagged)
    names = names_by_tag(
        rows, agreement, organizations.least_tagged, organizations.naming_agreement, organizations.naming_share
    )
    return SegmentMonth(
        tables={"account_agreement": agreement, "segment_tags": names},
        decision=f"{rows['tag'].nunique()} tags of account_knowledge; {len(names)} clusters are known by one.",
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
