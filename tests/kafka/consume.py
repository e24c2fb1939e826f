"""What is on a topic: read committed, as every reader of ours must."""

import json
import time

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition, OFFSET_BEGINNING


class Reader:
    """Reads all partitions of `topic` from the beginning; `messages` grows with every poll(). Follows no rebalance."""

    def __init__(self, address, topic, properties=None, isolation="read_committed"):
        self.topic, self.messages, self.ends = topic, [], set()
        self.consumer = Consumer({"bootstrap.servers": address, "group.id": "reader", "enable.auto.commit": False,
                                  "isolation.level": isolation, "enable.partition.eof": True, "log_level": 0,
                                  "fetch.wait.max.ms": 50, "reconnect.backoff.max.ms": 500, **(properties or {})})
        self.partitions = set()

    def _assign(self):
        """Partitions as they are known now; a topic that is not there has none."""
        try:
            topic = self.consumer.list_topics(self.topic, timeout=5).topics[self.topic]
        except KafkaException:
            return
        if topic.error is None and set(topic.partitions) != self.partitions:
            self.partitions, self.messages, self.ends = set(topic.partitions), [], set()
            self.consumer.assign([TopicPartition(self.topic, partition, OFFSET_BEGINNING)
                                  for partition in self.partitions])

    def poll(self, seconds=0.2):
        """Takes what comes within `seconds`, less if the end is reached; returns all messages so far."""
        deadline = time.monotonic() + seconds
        if not self.partitions:
            self._assign()
        self.ends.clear()
        while self.partitions and time.monotonic() < deadline and self.ends != self.partitions:
            message = self.consumer.poll(0.05)
            if message is None:
                continue
            if message.error() is None:
                self.messages.append(message)
            elif message.error().code() == KafkaError._PARTITION_EOF:  # pylint: disable=protected-access
                self.ends.add(message.partition())
        return self.messages

    def records(self, seconds=0.2):
        """The values as JSON."""
        return [json.loads(message.value()) for message in self.poll(seconds) if message.value() is not None]

    def close(self):
        self.consumer.close()


def read_all(address, topic, seconds=30, **options):
    """All messages up to the end of the topic, in the order of offsets; empty if there is no such topic."""
    reader = Reader(address, topic, **options)
    try:
        reader._assign()  # pylint: disable=protected-access
        deadline = time.monotonic() + seconds
        ends = set()
        while ends != reader.partitions:
            assert time.monotonic() < deadline, f"the end of {topic} was not reached within {seconds} s"
            message = reader.consumer.poll(0.1)
            if message is None:
                continue
            if message.error() is None:
                reader.messages.append(message)
            elif message.error().code() == KafkaError._PARTITION_EOF:  # pylint: disable=protected-access
                ends.add(message.partition())
        return sorted(reader.messages, key=lambda message: (message.partition(), message.offset()))
    finally:
        reader.close()


def incidents(address, topic="rootnote.incidents"):
    return [json.loads(message.value()) for message in read_all(address, topic) if message.value() is not None]
