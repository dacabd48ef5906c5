"""Make Superset's metadata and import the dashboards, in one process: starting Superset is most of each command.

    SUPERSET_USER=… SUPERSET_PASSWORD=… python deploy/superset/prepare.py BUNDLE SLUG…

Runs in Superset's environment.
"""

import os
import sys

from flask.cli import ScriptInfo
from superset.app import create_app
from superset.cli.main import superset


def unlink_charts(slugs: list[str]) -> None:
    """Take all charts off dashboards, so that a renamed chart does not stay beside the new one.

    The charts themselves stay, and so do other dashboards.
    """
    # Superset's models can only be imported once there is an application.
    from superset import db
    from superset.models.dashboard import Dashboard

    for dashboard in db.session.query(Dashboard).filter(Dashboard.slug.in_(slugs)):
        dashboard.slices = []
    db.session.commit()


def main(bundle: str, *slugs: str) -> None:
    """Bring the metadata to this release, make the administrator, and import the bundle over what is there."""
    app = create_app()

    def command(*arguments: str) -> None:
        superset.main(arguments, obj=ScriptInfo(create_app=lambda: app), standalone_mode=False)

    command("db", "upgrade")
    command(
        *("fab", "create-admin", "--username", os.environ["SUPERSET_USER"]),
        *("--password", os.environ["SUPERSET_PASSWORD"]),
        *("--firstname", "Segment", "--lastname", "Admin", "--email", "admin@example.com"),
    )
    command("init")
    with app.app_context():
        unlink_charts(list(slugs))
    command("import-directory", "--overwrite", bundle)


if __name__ == "__main__":
    main(*sys.argv[1:])
