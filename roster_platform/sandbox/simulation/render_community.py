"""The records of the community: channels, posts, comments, likes and campaigns."""

from __future__ import annotations

from typing import Any

from roster_platform.sandbox.simulation import vocabulary as words
from roster_platform.sandbox.simulation.clock import (
    DAY_MS,
    date_text,
    iso,
    maybe_iso,
    opening_ms,
)
from roster_platform.sandbox.simulation.ids import contact_id, program_id
from roster_platform.sandbox.simulation.shop.brand import Brand
from roster_platform.sandbox.simulation.shop.entities import Campaign


class CommunityRenderer:
    """Renders the records of a brand's community by their number."""

    def __init__(self, brand: Brand) -> None:
        self._brand = brand
        self._founded = opening_ms(brand.started) - 30 * DAY_MS

    def channel(self, number: int) -> dict[str, Any]:
        name, description, program = words.CHANNELS[number]
        return {
            "id": f"ch_{number + 1}",
            "name": name,
            "description": description,
            "programId": None if program is None else program_id(program),
            "createdAt": iso(self._founded),
            "updatedAt": iso(self._founded),
        }

    def post(self, number: int) -> dict[str, Any]:
        post = self._brand.posts[number]
        return {
            "id": f"post_{number:07d}",
            "channelId": f"ch_{post.channel + 1}",
            "authorId": contact_id(post.author),
            "authorName": self._name(post.author),
            "body": words.POST_TEXTS[post.text],
            "reach": post.reach,
            "attachments": [
                {
                    "url": f"https://media.example/{number}/{place}.jpg",
                    "type": "image",
                }
                for place in range(post.attachments)
            ],
            "createdAt": iso(post.created),
            "updatedAt": iso(post.created),
        }

    def comment(self, number: int) -> dict[str, Any]:
        comment = self._brand.comments[number]
        return {
            "id": f"cmt_{number:07d}",
            "postId": f"post_{comment.post:07d}",
            "authorId": contact_id(comment.author),
            "authorName": self._name(comment.author),
            "body": words.COMMENT_TEXTS[comment.text],
            "createdAt": iso(comment.created),
            "updatedAt": iso(comment.created),
        }

    def like(self, number: int) -> dict[str, Any]:
        post, author, created = self._brand.likes[number]
        return {
            "id": f"like_{number:07d}",
            "postId": f"post_{post:07d}",
            "authorId": contact_id(author),
            "createdAt": iso(created),
        }

    def campaign(self, number: int) -> dict[str, Any]:
        campaign = self._brand.campaigns[number]
        now = self._brand.now
        participants = [
            _participant(now, contact_id(one.contact), one.added, later)
            for one in campaign.participants
            for later in [(one.sent, one.opened, one.joined, one.completed)]
        ]
        return {
            "id": 1001 + number,
            "name": campaign.name,
            "programId": program_id(campaign.program),
            "status": self._campaign_status(campaign),
            "startDate": date_text(campaign.start_day),
            "endDate": date_text(campaign.end_day),
            "participants": participants,
            "createdAt": iso(campaign.created),
            "updatedAt": iso(self._campaign_updated(campaign)),
        }

    def _campaign_status(self, campaign: Campaign) -> str:
        if self._brand.day < campaign.start_day:
            return "draft"
        return "completed" if self._brand.day > campaign.end_day else "active"

    def _campaign_updated(self, campaign: Campaign) -> int:
        """Return when something of it last changed: a step, the start or the end."""
        moments = [opening_ms(campaign.start_day), opening_ms(campaign.end_day + 1)]
        for one in campaign.participants:
            steps = (one.added, one.sent, one.opened, one.joined, one.completed)
            moments += [step for step in steps if step is not None]
        past = [moment for moment in moments if moment <= self._brand.now]
        return max([campaign.created, *past])

    def _name(self, number: int) -> str:
        contact = self._brand.contacts[number]
        return f"{contact.first_name} {contact.last_name[0]}."


def _participant(
    now: int, contact: str, added: int, later: tuple[int | None, ...]
) -> dict[str, Any]:
    """The funnel as far as it got by now."""
    reached = [moment if moment and moment <= now else None for moment in later]
    steps = ("sent", "opened", "joined", "completed")
    passed = [step for step, moment in zip(steps, reached, strict=True) if moment]
    return {
        "contactId": contact,
        "status": passed[-1] if passed else "added",
        "addedAt": iso(added),
        **{
            f"{step}At": maybe_iso(moment)
            for step, moment in zip(steps, reached, strict=True)
        },
    }
