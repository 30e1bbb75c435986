"""The brand behind the Roster API: contacts, codes, orders, rewards, community.

It lives one day at a time, each day from its own random numbers (seed and date), so
that two days in one step and two steps of one day end in the same world. History is
lived, not invented backwards: memberships change first, then the day's orders are
placed and attributed by the rules, then rewards and edits that fall due happen.
Orders are kept as slots and numbers, and become JSON only when served.
"""

from __future__ import annotations

import random
from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from roster_platform.sandbox.simulation import vocabulary as words
from roster_platform.sandbox.simulation.attribution import (
    FOREVER,
    NOBODY,
    OWN_CODES,
    REFERRED,
    Attribution,
    Code,
    Contact,
)
from roster_platform.sandbox.simulation.clock import (
    DAY_MS,
    moment_in,
    number_of,
    opening_ms,
)

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

_NO_CODES: tuple[str, ...] = ()
_APPROVAL_DAYS = 14
_PAYOUT_DAYS = 7


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
_OPEN_PROGRAMS = tuple(
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


class Brand:
    """The brand's world up to ``day``."""

    def __init__(
        self, seed: int, orders: int, as_of: int, discord_names: Sequence[str]
    ) -> None:
        self.seed = seed
        self.started = as_of - HISTORY_DAYS
        self.day = self.started - 1
        self.attribution = Attribution()
        self.contacts = self.attribution.contacts
        self.codes: list[Code] = []
        self.orders: list[Order] = []
        self.rewards: list[Reward] = []
        self.events: list[Event] = []
        self.posts: list[Post] = []
        self.comments: list[Comment] = []
        self.likes: list[tuple[int, int, int]] = []
        self.deleted_posts: set[int] = set()
        self.campaigns: list[Campaign] = []
        self.changes = Changes()
        self._planned_orders = orders
        self._planned_contacts = max(60, min(4000, orders // 50))
        self._orders_per_day = max(3, round(orders / HISTORY_DAYS))
        self._first_live_day = as_of + 1
        self._spare_discord_names = deque(discord_names)
        self._customers: list[tuple[str, str]] = []
        self._active: list[int] = []
        self._former: list[int] = []
        self._idle_codes: list[str] = []
        self._agenda: dict[int, list[tuple[str, int]]] = defaultdict(list)
        self._due_approvals: dict[int, list[int]] = defaultdict(list)
        self._due_payouts: dict[int, list[int]] = defaultdict(list)
        self._due_refunds: dict[int, list[tuple[int, int]]] = defaultdict(list)
        self._recent_revenue: dict[tuple[int, int, int], deque[tuple[int, int]]] = (
            defaultdict(deque)
        )
        self._baskets: dict[tuple[tuple[int, int], ...], tuple] = {}
        self._likers: dict[int, set[int]] = {}
        self._today: list[Event] = []
        self._rng = random.Random()
        self._start = self._end = 0
        while self.day < as_of:
            self.live_day()

    # -- one day ----------------------------------------------------------------

    def live_day(self) -> None:
        """Live the next day."""
        self.day += 1
        self._rng = random.Random(f"{self.seed}:brand:{self.day}")
        self._end = opening_ms(self.day)
        self._start = self._end - DAY_MS
        self._today = []
        orders_before = len(self.orders)
        self._live_contacts()
        self._take_stock_of_members()
        self._place_orders()
        self._edit_orders(orders_before)
        self._settle_rewards()
        self._chat()
        self._plan_campaigns()
        self._today.sort(key=lambda event: event[0])
        self.events.extend(self._today)

    @property
    def now(self) -> int:
        """The end of the last day lived: nothing served is later."""
        return self._end

    @property
    def is_live(self) -> bool:
        """Past the history the world starts with: somebody may be watching."""
        return self.day >= self._first_live_day

    def _moment(self) -> int:
        return moment_in(self._rng, self._start, self._end)

    # -- contacts ---------------------------------------------------------------

    def _live_contacts(self) -> None:
        if self.day == self.started:
            for _ in range(8):
                self._issue_code(SHAREABLE, self._start + MINUTE_MS, "SPARE")
        for action, number in self._agenda.pop(self.day, ()):
            _ACTIONS[action](self, number)
        for _ in range(self._new_contacts_today()):
            self._create_contact()
        self._some_leave_or_switch()

    def _new_contacts_today(self) -> int:
        if self.is_live:
            return max(1, number_of(self._rng, self._planned_contacts * 0.6 / 365))
        lived = self.day - self.started
        due = int(self._planned_contacts * (0.4 + 0.6 * lived / HISTORY_DAYS))
        return due - len(self.contacts)

    def _create_contact(self) -> None:
        rng = self._rng
        number = len(self.contacts)
        first, last = rng.choice(words.FIRST_NAMES), rng.choice(words.LAST_NAMES)
        plain = _plain(first) + "." + _plain(last)
        has_email = rng.random() >= 0.12
        created = moment_in(rng, self._start, self._end - 2 * HOUR_MS)
        stage = rng.choices(
            ("Prospect", "Pending Application", "Invited", "Nominated"),
            (35, 35, 18, 12),
        )[0]
        contact = Contact(
            number=number,
            first_name=first,
            last_name=last,
            email=f"{plain}{number}@{rng.choice(words.MAIL_HOSTS)}"
            if has_email
            else None,
            social_handle=(
                f"@{plain.replace('.', '_')}{number}"
                if not has_email or rng.random() < 0.7
                else None
            ),
            discord_handle=self._discord_handle(plain, number),
            referral_id=(
                str(70_000_000 + number * 7919)
                if rng.random() < 0.4
                else f"{plain.replace('.', '-')}-{number}"
            ),
            created=created,
            updated=created,
            stage=stage,
            stage_before=stage,
            stage_since=created,
        )
        self.contacts.append(contact)
        self.attribution.by_referral[contact.referral_id] = number
        if contact.email:
            self.attribution.by_email[contact.email] = number
        self._happen(created, CONTACT_CREATED, contact)
        self._plan_answer(contact)

    def _discord_handle(self, plain: str, number: int) -> str | None:
        rng = self._rng
        if rng.random() >= 0.3:
            return None
        if self._spare_discord_names and rng.random() < 0.75:
            name = self._spare_discord_names.popleft()
            # People write their own handle differently from place to place.
            return name.capitalize() if rng.random() < 0.3 else name
        return f"{plain.replace('.', '')}_{number}"

    def _plan_answer(self, contact: Contact) -> None:
        """Decide an application, now or some days later."""
        rng = self._rng
        outcome = rng.random()
        if self.day == self.started and outcome < 0.75:
            self._join(contact.number)
        elif outcome < 0.75:
            self._agenda[self.day + rng.randint(1, 10)].append(("join", contact.number))
        elif outcome < 0.87:
            self._agenda[self.day + rng.randint(1, 20)].append(
                ("decline", contact.number)
            )

    def _join(self, number: int) -> None:
        contact = self.contacts[number]
        moment = self._moment_after(contact)
        if contact.stage != "Ambassador":
            contact.move_to("Ambassador", moment)
            self._happen(moment, STAGE_CHANGED, contact)
        self._start_period(contact, moment, self._rng.choice(_OPEN_PROGRAMS))
        if not contact.codes:
            self._equip(contact, moment)

    def _start_period(self, contact: Contact, moment: int, program: int) -> None:
        contact.periods.append((moment, FOREVER, program))
        contact.updated = moment
        self.changes.contacts.add(contact.number)
        self._happen(moment, PROGRAM_JOINED, contact, program)

    def _end_period(self, contact: Contact, moment: int) -> int:
        joined, _, program = contact.periods[-1]
        contact.periods[-1] = (joined, moment, program)
        contact.updated = moment
        self.changes.contacts.add(contact.number)
        self._happen(moment, PROGRAM_LEFT, contact, program)
        return program

    def _leave(self, number: int) -> None:
        contact = self.contacts[number]
        moment = self._moment_after(contact)
        contact.move_to("Prospect", moment)
        self._end_period(contact, moment)
        self._happen(moment, STAGE_CHANGED, contact)
        if self._rng.random() < 0.6:
            back = self.day + self._rng.randint(5, 60)
            self._agenda[back].append(("join", number))

    def _switch(self, number: int) -> None:
        """Into another program, never in two of them at once."""
        contact = self.contacts[number]
        moment = self._moment_after(contact)
        left = self._end_period(contact, moment)
        others = [program for program in _OPEN_PROGRAMS if program != left]
        later = min(moment + 5 * MINUTE_MS, self._end - 1)
        self._start_period(contact, later, self._rng.choice(others))

    def _decline(self, number: int) -> None:
        contact = self.contacts[number]
        if contact.stage == "Ambassador":
            return
        moment = self._moment_after(contact)
        contact.move_to("Declined", moment)
        self.changes.contacts.add(number)
        self._happen(moment, STAGE_CHANGED, contact)

    def _some_leave_or_switch(self) -> None:
        settled = [
            number
            for number in self._active
            if self.contacts[number].updated < self._start
            and self.contacts[number].program_at(self._start) != NOBODY
        ]
        leaving = number_of(self._rng, len(settled) * 0.002)
        switching = number_of(self._rng, len(settled) * 0.001)
        if self.is_live:
            # Someone who watches a few days must see both happen.
            leaving = max(leaving, self.day % 2)
            switching = max(switching, 1 - self.day % 2)
        chosen = self._rng.sample(settled, min(len(settled), leaving + switching))
        for number in chosen[:leaving]:
            self._leave(number)
        for number in chosen[leaving:]:
            self._switch(number)

    def _moment_after(self, contact: Contact) -> int:
        """A time of today, after what happened to the contact so far."""
        start = max(self._start, contact.updated)
        return moment_in(self._rng, start, self._end - 6 * MINUTE_MS)

    def _take_stock_of_members(self) -> None:
        self._active = []
        self._former = []
        for contact in self.contacts:
            if contact.periods:
                in_program = contact.periods[-1][1] == FOREVER
                (self._active if in_program else self._former).append(contact.number)

    # -- codes ------------------------------------------------------------------

    def _equip(self, contact: Contact, moment: int) -> None:
        rng = self._rng
        for rule, share in ((SHAREABLE, 1.0), (LEAKPROOF, 0.3), (PERSONAL, 0.35),
                            (REWARD, 0.3)):  # fmt: skip
            if rng.random() >= share:
                continue
            name = _plain(contact.first_name).upper()
            code = self._issue_code(rule, moment, name)
            if rng.random() < 0.15:
                # Printed on the flyer before anybody assigned it.
                code.contact = contact.number
                contact.codes.append(code.number)
                day = self.day + rng.randint(2, 30)
                self._agenda[day].append(("assign", code.number))
                self._idle_codes.append(code.text)
            else:
                contact.codes.append(code.number)
                code.contact = contact.number
                code.assigned = min(moment + rng.randint(1, 45) * 1000, self._end - 1)

    def _issue_code(self, rule: int, moment: int, name: str) -> Code:
        number = len(self.codes)
        issuer = RULES[rule]
        text = f"{name}{number}{issuer.suffix}"
        code = Code(number, text, rule, issuer.kind, issuer.is_personal, moment)
        self.codes.append(code)
        self.attribution.codes[text] = code
        if name == "SPARE":
            self._idle_codes.append(text)
        return code

    def _assign(self, number: int) -> None:
        code = self.codes[number]
        code.assigned = self._moment()
        self.changes.codes.add(number)
        self._idle_codes.remove(code.text)

    # -- orders -----------------------------------------------------------------

    def _orders_today(self) -> int:
        if self.is_live:
            return max(3, round(self._orders_per_day * self._rng.uniform(0.85, 1.15)))
        lived = self.day - self.started
        planned = self._planned_orders
        if lived == HISTORY_DAYS:
            return planned - len(self.orders)
        due = int(planned * (lived + 1) / (HISTORY_DAYS + 1))
        return max(0, due - len(self.orders))

    def _place_orders(self) -> None:
        count = self._orders_today()
        moments = sorted(self._moment() for _ in range(count))
        for moment in moments:
            self._place_order(moment)

    def _place_order(self, moment: int) -> None:
        rng = self._rng
        email, first_name, referral_id, codes = self._shopper(rng)
        if rng.random() < 0.03:
            email = email.capitalize() if rng.random() < 0.5 else email.upper()
        order = Order(moment, first_name, email, referral_id, codes)
        self._fill_basket(order, rng)
        decision = self.attribution.decide(moment, email, referral_id, codes)
        if decision[0] in OWN_CODES and decision[2] == NOBODY:
            # The vendor does not say what an own code does outside any program.
            order.codes = _NO_CODES
            decision = self.attribution.decide(moment, email, referral_id, _NO_CODES)
        order.method, order.contact, order.program = decision
        number = len(self.orders)
        self.orders.append(order)
        if order.method in REFERRED:
            self._earn(number, order)
        if rng.random() < 0.06:
            due = self.day + 1 + int(rng.random() * 25)
            status = rng.choices((PARTIALLY_REFUNDED, REFUNDED, CANCELLED), (3, 2, 1))[
                0
            ]
            self._due_refunds[due].append((number, status))

    def _shopper(
        self, rng: random.Random
    ) -> tuple[str, str, str | None, tuple[str, ...]]:
        """Return who buys, by which link and with which codes; the rules judge it later."""
        kind = rng.random()
        if not self._active or kind < 0.28:
            return (*self._customer(rng, 0.0), None, _NO_CODES)
        if kind < 0.44:
            return (*self._customer(rng, 1.0), None, _NO_CODES)
        if kind < 0.63:
            return (*self._customer(rng, 0.2), self._member(rng).referral_id, _NO_CODES)
        if kind < 0.79:
            codes = self._codes(rng, self._member(rng), (SHAREABLE, LEAKPROOF))
            return (*self._customer(rng, 0.2), None, codes)
        return self._unusual_shopper(rng, kind)

    def _unusual_shopper(
        self, rng: random.Random, kind: float
    ) -> tuple[str, str, str | None, tuple[str, ...]]:
        member = self._member(rng)
        customer = self._customer(rng, 0.2)
        if kind < 0.83 and member.email:
            return member.email, member.first_name, None, _NO_CODES
        if kind < 0.86:
            return (*customer, None, self._codes(rng, member, (PERSONAL,)))
        if kind < 0.89:
            return (*customer, None, self._codes(rng, member, (REWARD,)))
        shared = self._codes(rng, member, (SHAREABLE,))
        if kind < 0.92:
            other = self._codes(rng, self._member(rng), (LEAKPROOF, SHAREABLE, REWARD))
            both = shared + other if rng.random() < 0.5 else other + shared
            return (*customer, None, tuple(dict.fromkeys(both)))
        if kind < 0.94:
            return (*customer, self._member(rng).referral_id, shared)
        if kind < 0.96:
            return (*customer, None, (rng.choice(self._idle_codes),))
        if not self._former:
            return (*customer, None, ("WELCOME5",))
        gone = self.contacts[rng.choice(self._former)]
        if kind < 0.98:
            return (*customer, gone.referral_id, shared if kind < 0.965 else _NO_CODES)
        if kind < 0.995 or not gone.email:
            return (*customer, None, self._codes(rng, gone, (SHAREABLE,)))
        return gone.email, gone.first_name, None, _NO_CODES

    def _member(self, rng: random.Random) -> Contact:
        # Squared, because a few members sell much more than the rest.
        chance = rng.random()
        return self.contacts[self._active[int(len(self._active) * chance * chance)]]

    def _customer(self, rng: random.Random, returning: float) -> tuple[str, str]:
        """E-mail and first name of a customer, new or seen before."""
        customers = self._customers
        if customers and returning and (returning == 1.0 or rng.random() < returning):
            return customers[int(rng.random() * len(customers))]
        first = words.FIRST_NAMES[int(rng.random() * len(words.FIRST_NAMES))]
        host = words.MAIL_HOSTS[int(rng.random() * len(words.MAIL_HOSTS))]
        email = f"{_PLAIN_FIRST_NAMES[first]}.c{len(customers)}@{host}"
        customers.append((email, first))
        return email, first

    def _codes(
        self, rng: random.Random, contact: Contact, rules: tuple[int, ...]
    ) -> tuple[str, ...]:
        own = [
            code.text
            for code in map(self.codes.__getitem__, contact.codes)
            if code.rule in rules and code.text
        ]
        return (rng.choice(own),) if own else _NO_CODES

    def _fill_basket(self, order: Order, rng: random.Random) -> None:
        products = words.PRODUCTS
        chance = rng.random()
        lines = tuple(
            (int(rng.random() * len(products)), 1 + int(rng.random() * 2.4))
            for _ in range(1 if chance < 0.6 else 2 if chance < 0.9 else 3)
        )
        # Baskets repeat, so a million orders share some ten thousand of them.
        order.lines = self._baskets.setdefault(lines, lines)
        full = sum(products[product][2] * quantity for product, quantity in lines)
        order.subtotal = full - full // 10 if order.codes else full
        order.total = _with_tax_and_shipping(order.subtotal)
        chance = rng.random()
        order.currency = 0 if chance < 0.8 else 1 if chance < 0.93 else 2

    def _edit_orders(self, orders_before: int) -> None:
        due = self._due_refunds.pop(self.day, [])
        for number, status in due:
            self._refund(number, status)
        recent = range(max(0, orders_before - 200), orders_before)
        paid = [number for number in recent if self.orders[number].status == PAID]
        if paid:
            self._change_lines(self._rng.choice(paid))
        if self.is_live and not due and len(paid) > 1:
            self._refund(self._rng.choice(paid), PARTIALLY_REFUNDED)

    def _refund(self, number: int, status: int) -> None:
        order = self.orders[number]
        if order.status != PAID:
            return
        order.status = status
        order.refunded = (
            order.total // 3 if status == PARTIALLY_REFUNDED else order.total
        )
        self._touch(number, order)

    def _change_lines(self, number: int) -> None:
        """One more piece of the first line, as a shop's staff may do."""
        order = self.orders[number]
        (product, quantity), *others = order.lines
        order.lines = ((product, quantity + 1), *others)
        order.subtotal += words.PRODUCTS[product][2]
        order.total = _with_tax_and_shipping(order.subtotal)
        self._touch(number, order)

    def _touch(self, number: int, order: Order) -> None:
        order.updated = max(order.updated + 1, self._moment())
        self.changes.orders.add(number)

    # -- rewards ----------------------------------------------------------------

    def _earn(self, number: int, order: Order) -> None:
        cents, currency = self._commission(order)
        reward = len(self.rewards)
        self.rewards.append((number, order.contact, order.program, cents, currency))
        moment = min(order.created + MINUTE_MS, self._end - 1)
        self._reward_event(moment, REWARD_PENDING, reward)
        self._due_approvals[self.day + _APPROVAL_DAYS].append(reward)

    def _commission(self, order: Order) -> tuple[int, str]:
        program = PROGRAMS[order.program]
        currency = CURRENCIES[order.currency]
        if program.commission == "fixed":
            return int((program.value or 0) * 100), program.currency
        rate = program.value
        if rate is None:
            rate = self._tier_rate(order, program)
        return int(order.subtotal * rate / 100 + 0.5), currency

    def _tier_rate(self, order: Order, program: Program) -> float:
        """The rate earned by the contact's referred revenue in the look-back period.

        Revenue counts for the program and in the currency it was made in.
        """
        recent = self._recent_revenue[order.contact, order.program, order.currency]
        since = order.created - (program.look_back_days or 0) * DAY_MS
        while recent and recent[0][0] < since:
            recent.popleft()
        revenue = sum(cents for _, cents in recent)
        recent.append((order.created, order.subtotal))
        return max(rate for floor, rate in program.tiers if revenue >= floor * 100)

    def _settle_rewards(self) -> None:
        rng = self._rng
        for reward in self._due_approvals.pop(self.day, ()):
            was_returned = self.orders[self.rewards[reward][0]].status in (
                REFUNDED,
                CANCELLED,
            )
            if was_returned or rng.random() < 0.03:
                self._reward_event(self._moment(), REWARD_REJECTED, reward)
                continue
            self._reward_event(self._moment(), REWARD_APPROVED, reward)
            self._due_payouts[self.day + _PAYOUT_DAYS].append(reward)
        for reward in self._due_payouts.pop(self.day, ()):
            kind = REWARD_REDEEMED if rng.random() < 0.08 else REWARD_PAID
            self._reward_event(self._moment(), kind, reward)

    def _reward_event(self, moment: int, kind: int, reward: int) -> None:
        _, contact, program, _, _ = self.rewards[reward]
        stage = self.contacts[contact].stage_at(moment)
        self._today.append((moment, kind, contact, stage, program, reward))

    def _happen(
        self, moment: int, kind: int, contact: Contact, program: int = NOBODY
    ) -> None:
        event = (moment, kind, contact.number, contact.stage, program, NOBODY)
        self._today.append(event)

    # -- community and campaigns ------------------------------------------------

    def _chat(self) -> None:
        rng = self._rng
        if not self._active:
            return
        for moment in sorted(
            self._moment()
            for _ in range(max(1, number_of(rng, len(self._active) / 150)))
        ):
            self._write_post(moment)
        recent = [post for post in self._likers if post not in self.deleted_posts]
        self._comment_and_like(recent)
        if self.day % (2 if self.is_live else 15) == 0 and len(recent) > 2:
            self.deleted_posts.add(rng.choice(recent[:-1]))
        cutoff = self._end - 8 * DAY_MS
        for post in [p for p in self._likers if self.posts[p].created < cutoff]:
            del self._likers[post]

    def _write_post(self, moment: int) -> None:
        rng = self._rng
        post = Post(
            channel=rng.randrange(len(words.CHANNELS)),
            author=rng.choice(self._active),
            text=rng.randrange(len(words.POST_TEXTS)),
            reach=rng.randint(20, 5000),
            attachments=rng.choice((0, 0, 1, 2)),
            created=moment,
        )
        self._likers[len(self.posts)] = set()
        self.posts.append(post)

    def _comment_and_like(self, recent: list[int]) -> None:
        rng = self._rng
        written, liked = [], []
        for post in recent:
            start = max(self._start, self.posts[post].created)
            for _ in range(number_of(rng, 0.45)):
                moment = moment_in(rng, start, self._end + 1)
                text = rng.randrange(len(words.COMMENT_TEXTS))
                written.append(Comment(post, rng.choice(self._active), text, moment))
            for _ in range(number_of(rng, 0.9)):
                author = rng.choice(self._active)
                if author not in self._likers[post]:
                    self._likers[post].add(author)
                    liked.append((post, author, moment_in(rng, start, self._end + 1)))
        self.comments.extend(sorted(written, key=lambda comment: comment.created))
        self.likes.extend(sorted(liked, key=lambda like: like[2]))

    def _plan_campaigns(self) -> None:
        if (self.day - self.started) % 30 != 5:
            return
        for program in _OPEN_PROGRAMS:
            members = [
                number
                for number in self._active
                if self.contacts[number].program_at(self._end) == program
            ]
            invited = self._rng.sample(members, min(40, len(members)))
            start_day = self.day + 3
            name = words.CAMPAIGN_NAMES[len(self.campaigns) % len(words.CAMPAIGN_NAMES)]
            self.campaigns.append(
                Campaign(
                    name=f"{name} · {PROGRAMS[program].name}",
                    program=program,
                    start_day=start_day,
                    end_day=start_day + 21,
                    created=self._end - HOUR_MS,
                    participants=tuple(map(self._participant, invited)),
                )
            )

    def _participant(self, contact: int) -> Participant:
        rng = self._rng
        steps: list[int | None] = [self._end - MINUTE_MS]
        for chance, hours in ((0.95, 96), (0.8, 48), (0.65, 72), (0.6, 240)):
            last = steps[-1]
            if last is not None and rng.random() < chance:
                steps.append(last + int(rng.random() * hours * HOUR_MS))
            else:
                steps.append(None)
        added, sent, opened, joined, completed = steps
        return Participant(contact, added or 0, sent, opened, joined, completed)


_ACTIONS = {
    "join": Brand._join,
    "decline": Brand._decline,
    "assign": Brand._assign,
}


def _with_tax_and_shipping(subtotal: int) -> int:
    return subtotal + subtotal * 8 // 100 + (595 if subtotal < 7500 else 0)


def _plain(name: str) -> str:
    return name.lower().replace("'", "").replace("ë", "e")


_PLAIN_FIRST_NAMES = {name: _plain(name) for name in words.FIRST_NAMES}
