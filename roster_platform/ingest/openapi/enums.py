"""The values that the models know of some fields, and what a document has of them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from roster_platform.ingest.openapi.findings import Calibration

KNOWN: Mapping[tuple[str, str], str] = {
    ("programs", "status"): "active, archived",
    ("programs", "commissionType"): "percentage, fixed, tiered",
    ("campaigns", "status"): "draft, active, completed",
    ("campaigns__participants", "status"): "added, sent, opened, joined, completed",
    ("orders", "status"): "paid, partially_refunded, refunded, cancelled",
    ("discount_codes_lookup", "discountRuleKind"): "shareable, leakproof, reward",
    ("events", "type"): "contact.created, contact.stage_changed, program.joined, "
    "program.left, reward.pending, reward.approved, reward.rejected, reward.paid, "
    "reward.redeemed",
    (
        "events",
        "stage",
    ): "Prospect, Pending Application, Ambassador, Invited, Nominated, Declined",
}
"""The values that marts count by, by table and declared field."""


def value_key(value: object) -> str:
    """What is the same for one value in every spelling: ``PartiallyRefunded``."""
    return re.sub(r"[^a-z0-9]", "", str(value).casefold())


def enum_notes(calibration: Calibration) -> Iterator[str]:
    """Say which values of a document the models do not know, or spell otherwise."""
    for endpoint in calibration.findings.endpoints:
        for table, objects in endpoint.objects.items():
            for each in objects.fields:
                known = KNOWN.get((table, each.name), "").split(", ")
                found = calibration.schema_of(endpoint.name, table, each.source)
                if known == [""] or found is None or not found.enum:
                    continue
                keys = {value_key(value) for value in known}
                unknown = [str(v) for v in found.enum if value_key(v) not in keys]
                spelled = [
                    str(v)
                    for v in found.enum
                    if value_key(v) in keys
                    and str(v).casefold() not in map(str.casefold, known)
                ]
                if unknown:
                    yield (
                        f"{table}.{each.name} may be {', '.join(unknown)}, which the "
                        f"models do not know ({', '.join(known)})"
                    )
                if spelled:
                    yield (
                        f"{table}.{each.name} has {', '.join(spelled)}, which the models "
                        f"know in another spelling ({', '.join(known)})"
                    )
