#!/usr/bin/env python3
"""story_test.py VERSION: four partitions, three producers: the incidents on the topic are those of `rootnote replay`."""

import os
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from broker import Broker  # noqa: E402
from consume import Reader, incidents, read_all  # noqa: E402
from daemon import RECORDED, Rootnote  # noqa: E402
from story import Story, without_positions  # noqa: E402
from version import run  # noqa: E402


class StoryTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.room = cls.enterClassContext(tempfile.TemporaryDirectory())
        cls.broker = cls.enterClassContext(Broker(run.version))
        cls.story = Story(cls.room)
        cls.story.create_topics(cls.broker.address)
        cls.story.produce_topology(cls.broker.address)
        cls.story.produce(cls.broker.address)
        cls.replayed = cls.story.replay()
        with Rootnote(cls.room, cls.broker.address, cls.story.rules, config=RECORDED) as rootnote:
            reader = Reader(cls.broker.address, "rootnote.incidents")
            rootnote.until(lambda: len(reader.records()) >= len(cls.replayed), 120, f"{len(cls.replayed)} records")
            reader.close()
            cls.exit_code = rootnote.terminate()
        cls.records = incidents(cls.broker.address)

    def test_the_same_incidents_as_replay_exactly_once(self):
        self.assertTrue(self.replayed)
        self.assertEqual([without_positions(record) for record in self.records],
                         [without_positions(record) for record in self.replayed])

    def test_the_evidence_is_where_it_says(self):
        lines = {}
        for topic in self.story.topics:
            for message in read_all(self.broker.address, topic):
                lines[topic, message.partition(), message.offset()] = message
        for record in self.records:
            for item in record["evidence"]:
                if "offset" in item:
                    self.assertIn((item["topic"], item["partition"], item["offset"]), lines)

    def test_nothing_was_late_or_dead(self):
        for topic in ("rootnote.late", "rootnote.dead-letter"):
            self.assertEqual([message.value() for message in read_all(self.broker.address, topic)], [])

    def test_the_key_is_the_incident(self):
        for message in read_all(self.broker.address, "rootnote.incidents"):
            headers = {name: value.decode() for name, value in message.headers()}
            self.assertEqual(headers["ce_id"].split("/")[0], message.key().decode())

    def test_sigterm_ends_with_zero(self):
        self.assertEqual(self.exit_code, 0)


if __name__ == "__main__":
    run(__doc__)
