"""A table with a column of every declared type and two lists, for tests of building."""

from __future__ import annotations

from roster_platform.catalogue import Child, Column, Table

THINGS = Table(
    name="things",
    description="One thing.",
    primary_key=("id",),
    columns={
        "id": Column("text", "Id."),
        "name": Column("text", "A name."),
        "count": Column("bigint", "A count."),
        "hours": Column("double", "Hours."),
        "price": Column("decimal", "A price."),
        "isGood": Column("bool", "A flag."),
        "seenAt": Column("timestamp", "A moment."),
        "day": Column("date", "A day."),
        "extra": Column("json", "Whatever."),
    },
    children=(
        Child(
            field="tags",
            name="tags",
            description="One tag.",
            parent_key="thingId",
            columns={"tag": Column("text", "The tag.")},
        ),
        Child(
            field="lines",
            name="lines",
            description="One line.",
            parent_key="thingId",
            columns={
                "sku": Column("text", "What."),
                "price": Column("decimal", "For how much."),
            },
        ),
    ),
)
