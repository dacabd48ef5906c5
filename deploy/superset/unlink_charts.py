"""Take all charts off dashboards before an import, so that a renamed chart does not stay beside the new one.

    python deploy/superset/unlink_charts.py SLUG…

Runs in Superset's environment. The charts themselves stay, and so do other dashboards.
"""

import sys

from superset.app import create_app


def main(slugs: list[str]) -> None:
    """Unlink the charts of the dashboards that are there."""
    with create_app().app_context():
        # Superset's models can only be imported once there is an application.
        from superset import db
        from superset.models.dashboard import Dashboard

        for dashboard in db.session.query(Dashboard).filter(Dashboard.slug.in_(slugs)):
            dashboard.slices = []
        db.session.commit()


if __name__ == "__main__":
    main(sys.argv[1:])
