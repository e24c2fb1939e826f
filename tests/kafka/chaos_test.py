#!/usr/bin/env python3
"""chaos_test.py VERSION: kill -9 of the active member, at random and at the worst moments; the standby takes over.

Twenty random moments (ROOTNOTE_KILLS overrides), and the three exact ones.
"""

import os
import random
import statistics
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from broker import Broker  # noqa: E402
from consume import incidents, read_all  # noqa: E402
from daemon import RECORDED, Rootnote, merged  # noqa: E402
from process import until  # noqa: E402
from proxy import END_TXN, PRODUCE  # noqa: E402
from story import Story, millis, without_positions  # noqa: E402
from ticketing import Ticketing  # noqa: E402
from version import run  # noqa: E402

TAKEOVER_MAX = 30  # seconds; the time it took is printed
# The collectors are held back while a member is down: that is no silence of theirs.
PACED = merged(RECORDED, {"engine": {"idle_after": "60s"}})
QUIET_STEPS = 95   # of the story, before anything fails
# A revision that is on its way to the broker; there, but not committed; committed, but nobody was told.
MOMENTS = {
    "before the commit": {"api": PRODUCE},
    "between produce and commit": {"api": END_TXN, "after": PRODUCE},
    "after the commit": {"api": END_TXN, "after": PRODUCE, "at_response": True},
}


def decided(record):
    """The decision fields of the last revision."""
    root = record["root"][0]
    return {"status": record["status"], "root": (root["entity"], root["fault"]),
            "times": tuple(record.get(key) for key in ("started_at", "opened_at", "resolved_at")),
            "impact": sorted(impact["entity"] for impact in record["impact"] if not impact["potential"])}


class Members:
    """Two members, each behind a proxy of its own. Who is active is killed; the other takes over."""

    def __init__(self, room, broker, rules):
        self.members = [Rootnote(room, broker.proxies[i].address, rules, name=name,
                                 config={**PACED, "kafka": {"instance": name}})
                        for i, name in enumerate(("left", "right"))]
        self.proxies = dict(zip(self.members, broker.proxies))
        self.active, self.standby = self.members
        self.took, self.restarted, self.killed = [], [], 0  # seconds from the kill until ready

    def start(self):
        self.active.start().wait_ready()
        self.standby.start()

    def crash(self):
        """kill -9 of the active member. Nothing of what it had under way arrives any more."""
        self.active.kill()
        self.proxies[self.active].cut()
        self.killed = time.monotonic()

    def take_over(self):
        """Waits until the standby is ready; the dead one starts anew and stands by."""
        self.active, self.standby = self.standby, self.active
        self.active.until(self.active.ready, TAKEOVER_MAX, lambda: f"{self.active.name} is active\n{self.logs()}")
        self.took.append(time.monotonic() - self.killed)
        self.standby.start()

    def restart(self):
        """The dead one is back before its session ends: it goes on itself, or the other has got the lock."""
        self.active.start()
        until(self._find_active, TAKEOVER_MAX, lambda: f"one of them is active\n{self.logs()}")
        self.restarted.append(time.monotonic() - self.killed)

    def _find_active(self):
        for member, other in ((self.active, self.standby), (self.standby, self.active)):
            if member.ready():
                self.active, self.standby = member, other
                return True
        return False

    def logs(self):
        return "".join(f"--- log of {member.name}\n{member.tail(40)}" for member in self.members)

    def stop(self):
        for member in (self.standby, self.active):
            member.kill()


class ChaosTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.seed = int(os.environ.get("ROOTNOTE_SEED", time.time_ns() % 100_000))
        cls.kills = int(os.environ.get("ROOTNOTE_KILLS", 20))
        print(f"ROOTNOTE_SEED={cls.seed} ROOTNOTE_KILLS={cls.kills}", flush=True)
        cls.chance = random.Random(cls.seed)
        cls.room = cls.enterClassContext(tempfile.TemporaryDirectory())
        cls.broker = cls.enterClassContext(Broker(run.version, proxies=2))
        cls.story = Story(cls.room, ends=time.time() + 60)
        cls.replayed = cls.story.replay()
        cls.story.create_topics(cls.broker.address)
        cls.story.produce_topology(cls.broker.address)
        cls.members = Members(cls.room, cls.broker, cls.story.rules)
        cls.addClassCleanup(cls.members.stop)
        cls.collectors = cls.story.collectors(cls.broker.address, pace=10, limit=QUIET_STEPS)
        cls.addClassCleanup(cls.collectors.stop)
        cls.ticketing = Ticketing(cls.broker.address)
        try:
            cls.play()
        except BaseException:
            print(cls.members.logs(), flush=True)
            raise
        cls.records = incidents(cls.broker.address)

    @classmethod
    def play(cls):
        """The story, with every kill inside the part of it that has incidents."""
        cls.members.start()
        cls.ticketing.start()
        cls.collectors.start()
        cls.collectors.wait_step(QUIET_STEPS)
        opened, last = (cls.story.step_of(millis(cls.replayed[i]["updated_at"])) for i in (0, -1))
        cls.kill_at_moments(opened)
        for step in sorted(cls.chance.randrange(opened + 4, last) for _ in range(cls.kills)):
            cls.collectors.release(step, pace=8)
            cls.members.active.until(lambda step=step: cls.reached(step), 90, f"step {step}")
            cls.kill_at_random()
        cls.collectors.release(pace=8)
        cls.collectors.join_or_fail()
        wanted = {record["incident_id"] for record in cls.replayed}
        cls.members.active.until(lambda: cls.worked() == wanted, 90, f"{wanted} are resolved")
        for what, took in (("takeovers", cls.members.took), ("restarts", cls.members.restarted)):
            print(f"{what}: {len(took)}, median {statistics.median(took or [0]):.1f} s, longest {max(took or [0]):.1f} s")

    @classmethod
    def worked(cls):
        """Tickets that are closed, after some more reading."""
        cls.ticketing.poll(0.3)
        return {incident for incident, ticket in cls.ticketing.tickets.items() if ticket["open"] is False}

    @classmethod
    def reached(cls, step):
        cls.ticketing.poll(0.05)
        return cls.collectors.step >= step

    @classmethod
    def kill_at_moments(cls, opened):
        """The incident's first revision: every member that has it under way is killed, each at another moment."""
        members, traps = cls.members, list(MOMENTS.items())
        name, how = traps.pop(0)
        trap = members.proxies[members.active].set_trap(**how)
        cls.collectors.release(opened + 3)
        while True:
            members.active.until(trap.sprung.is_set, 60, name)
            members.standby.until(lambda: (members.standby.json("/api/v1/status") or {}).get("role") == "standby", 30,
                                  "the other stands by")
            print(f"killing {members.active.name} {name}, step {cls.collectors.step}", flush=True)
            if traps:  # before the next one begins
                following, how = traps.pop(0)
                trap = members.proxies[members.standby].set_trap(**how)
                members.crash()
                members.active, members.standby = members.standby, members.active
                members.active.until(trap.sprung.is_set, 60, following)
                members.standby.start()
                name = following
            else:
                members.crash()
                members.take_over()
                cls.ticketing.restart()
                return

    @classmethod
    def kill_at_random(cls):
        """Mostly the standby takes over; now and then it is killed as it does, or the dead one is back at once."""
        cls.ticketing.poll(cls.chance.uniform(0, 1))
        print(f"killing {cls.members.active.name}, step {cls.collectors.step}", flush=True)
        cls.members.crash()
        draw = cls.chance.random()
        if draw < 0.2:
            cls.members.restart()
            return
        if draw < 0.4:
            cls.ticketing.poll(cls.chance.uniform(2.5, 5))
            first, second = cls.members.active, cls.members.standby
            print(f"killing {second.name} as it takes over", flush=True)
            first.start()
            cls.members.active, cls.members.standby = second, first
            cls.members.crash()
        cls.members.take_over()

    def test_every_revision_once_and_in_order(self):
        last = {}
        for record in self.records:
            self.assertEqual(record["revision"], last.get(record["incident_id"], 0) + 1, record["incident_id"])
            last[record["incident_id"]] = record["revision"]

    def test_ends_as_if_nobody_had_been_killed(self):
        self.assertEqual({record["incident_id"]: decided(record) for record in self.records},
                         {record["incident_id"]: decided(record) for record in self.replayed})
        same = [without_positions(r) for r in self.records] == [without_positions(r) for r in self.replayed]
        print(f"{len(self.records)} revisions, replay has {len(self.replayed)}; byte for byte the same: {same}")

    def test_nothing_contradicts(self):
        before = {}
        for record in self.records:
            old = before.get(record["incident_id"])
            if old:
                self.assertEqual(record["opened_at"], old["opened_at"])
                self.assertEqual(record["incident_key"], old["incident_key"])
                self.assertGreaterEqual(record["updated_at"], old["updated_at"])
                self.assertEqual(old["status"], "open", f"{record['incident_id']}/{record['revision']} after its end")
            before[record["incident_id"]] = record

    def test_nothing_was_late_or_dead(self):
        for topic in ("rootnote.late", "rootnote.dead-letter"):
            self.assertEqual([message.value() for message in read_all(self.broker.address, topic)], [])

    def test_a_ticket_is_created_and_resolved_once(self):
        for incident in self.ticketing.tickets:
            self.assertEqual(self.ticketing.steps(incident), ["create", "resolve"], incident)

    def test_takeovers_were_quick(self):
        self.assertGreaterEqual(len(self.members.took) + len(self.members.restarted), 1 + self.kills)
        self.assertLess(max(self.members.took), TAKEOVER_MAX)


if __name__ == "__main__":
    run(__doc__)
