"""The endpoints of Roster's community: channels, posts, comments, likes, campaigns."""

from __future__ import annotations

from roster_platform.catalogue import Child, Column, Endpoint, Table
from roster_platform.ingest.roster.timestamps import CREATED, CREATED_REQUIRED, UPDATED

COMMUNITY: tuple[Endpoint, ...] = (
    Endpoint(
        table=Table(
            name="channels",
            description="One community channel.",
            primary_key=("id",),
            soft_deletes=True,
            columns={
                "id": Column("text", "The channel's id.", required=True),
                "name": Column("text", "The channel's name."),
                "description": Column(
                    "text", "What the channel is for.", optional=True
                ),
                "programId": Column(
                    "text", "The program it belongs to; NULL for all.", optional=True
                ),
                "createdAt": CREATED,
                "updatedAt": UPDATED,
            },
        ),
        path="v2/community/channels",
        data_selector="result",
    ),
    Endpoint(
        table=Table(
            name="posts",
            description="One community post.",
            primary_key=("id",),
            soft_deletes=True,
            columns={
                "id": Column("text", "The post's id.", required=True),
                "channelId": Column("text", "The channel it was posted in."),
                "authorId": Column("text", "The contact who wrote it.", required=True),
                "authorName": Column("text", "The author's display name.", pii=True),
                "body": Column("text", "The text of the post.", pii=True),
                "reach": Column("bigint", "How many people saw it."),
                "createdAt": CREATED_REQUIRED,
                "updatedAt": UPDATED,
            },
        ),
        path="v2/community/posts",
        data_selector="result",
        order_field="createdAt",
    ),
    Endpoint(
        table=Table(
            name="comments",
            description="One comment on a post.",
            primary_key=("id",),
            soft_deletes=True,
            columns={
                "id": Column("text", "The comment's id.", required=True),
                "postId": Column("text", "The post it is on.", required=True),
                "authorId": Column("text", "The contact who wrote it.", required=True),
                "authorName": Column("text", "The author's display name.", pii=True),
                "body": Column("text", "The text of the comment.", pii=True),
                "createdAt": CREATED_REQUIRED,
                "updatedAt": UPDATED,
            },
        ),
        path="v2/community/comments",
        data_selector="result",
        order_field="createdAt",
    ),
    Endpoint(
        table=Table(
            name="likes",
            description="One like of a post.",
            primary_key=("id",),
            soft_deletes=True,
            columns={
                "id": Column("text", "The like's id.", required=True),
                "postId": Column("text", "The post that was liked.", required=True),
                "authorId": Column("text", "The contact who liked it.", required=True),
                "createdAt": CREATED_REQUIRED,
            },
        ),
        path="v2/community/likes",
        data_selector="result",
        order_field="createdAt",
    ),
    Endpoint(
        table=Table(
            name="campaigns",
            description="One campaign of a program.",
            primary_key=("id",),
            soft_deletes=True,
            columns={
                "id": Column("text", "The campaign's id.", required=True),
                "name": Column("text", "The campaign's name."),
                "programId": Column("text", "The program it addresses."),
                "status": Column("text", "draft, active or completed."),
                "startDate": Column("date", "First day."),
                "endDate": Column("date", "Last day.", optional=True),
                "createdAt": CREATED,
                "updatedAt": UPDATED,
            },
            children=(
                Child(
                    field="participants",
                    name="participants",
                    description="One contact in one campaign, with the funnel's times.",
                    parent_key="campaignId",
                    columns={
                        "contactId": Column("text", "The contact.", required=True),
                        "status": Column(
                            "text", "added, sent, opened, joined, completed."
                        ),
                        "addedAt": Column(
                            "timestamp", "When added (UTC).", required=True
                        ),
                        "sentAt": Column("timestamp", "When invited (UTC)."),
                        "openedAt": Column(
                            "timestamp", "When the invite was opened (UTC)."
                        ),
                        "joinedAt": Column("timestamp", "When joined (UTC)."),
                        "completedAt": Column("timestamp", "When completed (UTC)."),
                    },
                    position=False,
                    primary_key=("contactId",),
                ),
            ),
        ),
        path="v2/campaigns",
        data_selector="data",
    ),
)
