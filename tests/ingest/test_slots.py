"""Requests at once: halved by trouble, won back by good answers."""

from __future__ import annotations

from roster_platform.ingest.pacing.concurrency import Slots


def test_a_refusal_halves_the_requests_at_once_and_good_answers_win_them_back() -> None:
    slots = Slots(8)
    slots.refused(slots.volley)
    assert slots.allowed == 4
    slots.refused(slots.volley - 1)  # Of the same volley: it says nothing new.
    assert slots.allowed == 4
    for _ in range(3):
        slots.refused(slots.volley)
    assert slots.allowed == 1
    for _ in range(3):
        slots.answered(slots.volley, 0.05)
    assert 2 <= slots.allowed < 4
    for _ in range(100):
        slots.answered(slots.volley, 0.05)
    assert slots.allowed == 8


def test_answers_that_come_ever_more_slowly_are_asked_for_less_at_once() -> None:
    slots = Slots(8)
    for seconds in (0.2, 0.9, 1.5):
        slots.answered(slots.volley, seconds)
    assert slots.allowed == 8
    slots.answered(slots.volley, 2.0)
    assert slots.allowed == 4
