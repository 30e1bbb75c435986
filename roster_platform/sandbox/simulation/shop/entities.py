"""The brand's programs and rules, and the records of its shop and community."""

from __future__ import annotations

from dataclasses import dataclass, field

from roster_platform.sandbox.simulation.attribution import NOBODY

HISTORY_DAYS = 365
HOUR_MS = 3_600_000
MINUTE_MS = 60_000
CURRENCIES = ("USD", "EUR", "GBP")
STATUSES = ("paid", "partially_refunded", "refunded", "cancelled")
PAID, PARTIALLY_REFUNDED, REFUNDED, CANCELLED = range(4)
EVENT_TYPES = (
    "contact.created",
    "contact.stage_changed",
    "program.joined",
    "program.left",
    "reward.pending",
    "reward.approved",
    "reward.rejected",
    "reward.paid",
    "reward.redeemed",
)
(
    CONTACT_CREATED,
    STAGE_CHANGED,
    PROGRAM_JOINED,
    PROGRAM_LEFT,
    REWARD_PENDING,
    REWARD_APPROVED,
    REWARD_REJECTED,
    REWARD_PAID,
    REWARD_REDEEMED,
) = range(len(EVENT_TYPES))

Event = tuple[int, int, int, str, int, int]
"""Time, type, contact, stage, program or NOBODY, reward or NOBODY."""
Reward = tuple[int, int, int, int, str]
"""Order, contact, program, cents, currency."""

NO_CODES: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Program:
    """An ambassador program and what it pays."""

    name: str
    currency: str
    commission: str
    value: float | None
    look_back_days: int | None = None
    tiers: tuple[tuple[int, float], ...] = ()
    is_archived: bool = False


PROGRAMS = (
    Program("Creators", "USD", "percentage", 10.0),
    Program("Athletes", "USD", "fixed", 15.0),
    Program(
        "Campus",
        "USD",
        "tiered",
        None,
        look_back_days=30,
        tiers=((0, 5.0), (500, 8.0), (2000, 12.0)),
    ),
    Program("Europe", "EUR", "percentage", 12.5),
    Program("Founding members", "GBP", "percentage", 20.0, is_archived=True),
)
OPEN_PROGRAMS = tuple(
    number for number, program in enumerate(PROGRAMS) if not program.is_archived
)


@dataclass(frozen=True, slots=True)
class Rule:
    """A discount rule: it issues codes of one kind."""

    name: str
    kind: str
    suffix: str
    is_personal: bool = False


RULES = (
    Rule("Friends 10%", "shareable", ""),
    Rule("Limited drop", "leakproof", "-DROP"),
    Rule("Own use 25%", "shareable", "-ME", is_personal=True),
    Rule("Free product", "reward", "-GIFT"),
)
SHAREABLE, LEAKPROOF, PERSONAL, REWARD = range(len(RULES))


class Order:
    """One order as numbers; ``ShopRenderer`` in render.py makes JSON of it."""

    __slots__ = (
        "codes",
        "contact",
        "created",
        "currency",
        "email",
        "first_name",
        "lines",
        "method",
        "program",
        "referral_id",
        "refunded",
        "status",
        "subtotal",
        "total",
        "updated",
    )

    def __init__(
        self,
        created: int,
        first_name: str,
        email: str,
        referral_id: str | None,
        codes: tuple[str, ...],
    ) -> None:
        self.created = self.updated = created
        self.first_name = first_name
        self.email = email
        self.referral_id = referral_id
        self.codes = codes
        self.status = PAID
        self.refunded = 0
        self.method = 0
        self.contact = self.program = NOBODY
        self.currency = 0
        self.subtotal = self.total = 0
        self.lines: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Post:
    """A community post."""

    channel: int
    author: int
    text: int
    reach: int
    attachments: int
    created: int


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment on a post."""

    post: int
    author: int
    text: int
    created: int


@dataclass(frozen=True, slots=True)
class Participant:
    """A contact's way through a campaign; later steps may still be in the future."""

    contact: int
    added: int
    sent: int | None
    opened: int | None
    joined: int | None
    completed: int | None


@dataclass(frozen=True, slots=True)
class Campaign:
    """A campaign of one program."""

    name: str
    program: int
    start_day: int
    end_day: int
    created: int
    participants: tuple[Participant, ...]


@dataclass
class Changes:
    """The records that the last days touched, so that only these are rendered again."""

    orders: set[int] = field(default_factory=set)
    contacts: set[int] = field(default_factory=set)
    codes: set[int] = field(default_factory=set)
