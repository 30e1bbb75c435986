"""One member on demand: refresh a single user of a page between two page reads."""

import dagster as dg
from pydantic import Field

from roster_platform.ingest.autorosters import load_user
from roster_platform.lib.failures import readable_failures


class RosterUser(dg.Config):
    """The member to refresh, and their page."""

    page_id: str = Field(description="The roster page's id.")
    discord_id: str = Field(description="The member's Discord id.")


@dg.op
def refresh_user(context: dg.OpExecutionContext, config: RosterUser) -> None:
    """Read one user and refresh the member's rows in autorosters_data.page_users."""
    with readable_failures(), load_user(config.page_id, config.discord_id) as loaded:
        context.log_event(
            dg.AssetObservation(
                ["autorosters", "page_users"],
                partition=config.page_id,
                metadata={
                    "discord_id": config.discord_id,
                    "rows_read": loaded.report.rows,
                },
            )
        )


@dg.job
def autorosters_user() -> None:
    """Refresh one member of one page (see the op's config)."""
    refresh_user()
