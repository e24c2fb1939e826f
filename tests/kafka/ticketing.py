"""A ticketing system's reader of the incidents topic: at least once, de-duplicates by (incident_id, revision)."""

import json
import time

from confluent_kafka import Consumer, TopicPartition


class Ticketing:
    """Tickets by incident, and what was done to them. It commits its offsets after the work, of every third record: a
    restart reads some again. Gaps in the revisions are fine, since every revision is complete."""

    def __init__(self, address, topic="rootnote.incidents"):
        self.address, self.topic = address, topic
        self.tickets = {}  # incident -> {"revision", "open", "actions": [...]}
        self.taken = 0        # records
        self.uncommitted = 0  # the last of them
        self.again = 0        # that came more than once
        self.consumer = None

    def start(self):
        self.consumer = Consumer({"bootstrap.servers": self.address, "group.id": "ticketing",
                                  "enable.auto.commit": False, "auto.offset.reset": "earliest",
                                  "isolation.level": "read_committed", "log_level": 0,
                                  "topic.metadata.refresh.interval.ms": 1000})
        self.consumer.subscribe([self.topic])
        return self

    def restart(self):
        """A crash between the work and its commit."""
        self.consumer.close()
        self.uncommitted = 0
        self.start()

    def poll(self, seconds, most=None):
        """Works on what comes within `seconds`, on `most` records."""
        deadline, stop = time.monotonic() + seconds, self.taken + most if most else None
        while time.monotonic() < deadline and self.taken != stop:
            message = self.consumer.poll(0.05)
            if message is None or message.error():
                continue
            if message.value() is not None:
                self._work(json.loads(message.value()))
            self.taken += 1
            self.uncommitted += 1
            if self.taken % 3 == 0:
                self.uncommitted = 0
                self.consumer.commit(offsets=[TopicPartition(self.topic, message.partition(), message.offset() + 1)],
                                     asynchronous=False)

    def _work(self, record):
        ticket = self.tickets.setdefault(record["incident_id"], {"revision": 0, "open": None, "actions": []})
        if record["revision"] <= ticket["revision"]:
            self.again += 1
            return
        ticket["revision"], ticket["record"] = record["revision"], record
        is_open = record["status"] == "open"
        if is_open and ticket["open"] is None:
            action = "create"
        elif is_open and not ticket["open"]:
            action = "reopen"
        elif not is_open and ticket["open"]:
            action = "resolve"
        elif not is_open and ticket["open"] is None:
            action = "never seen open"
        else:
            action = "update"
        ticket["open"] = is_open
        ticket["actions"].append(action)

    def steps(self, incident):
        """What was done to a ticket besides updates."""
        return [action for action in self.tickets[incident]["actions"] if action != "update"]

    def close(self):
        self.consumer.close()
