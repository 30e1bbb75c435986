"""The community: posts, comments, likes and campaigns of its members."""

from __future__ import annotations

from roster_platform.sandbox.simulation import vocabulary as words
from roster_platform.sandbox.simulation.clock import DAY_MS, moment_in, number_of
from roster_platform.sandbox.simulation.shop.entities import (
    HOUR_MS,
    MINUTE_MS,
    OPEN_PROGRAMS,
    PROGRAMS,
    Campaign,
    Comment,
    Participant,
    Post,
)
from roster_platform.sandbox.simulation.shop.state import State


class Community(State):
    """Lives the community of a day."""

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
        for program in OPEN_PROGRAMS:
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
