#!/usr/bin/env python3
"""story.py BOOTSTRAP FOLDER: what `rootnote demo --record FOLDER` left there, made ready for kcat.

Creates the topics, moves all times so that the story ends now, and writes FOLDER/TOPIC.keyed (key, tab, value) and
FOLDER/store.rn, the demo's rules with their maintenance window moved too.
"""

import json
import re
import sys
import time
from datetime import datetime, timedelta

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient, NewTopic

DATA = ("telegraf", "synthetic", "events")
PARTITIONS = 4


def create_topics(bootstrap):
    topics = [NewTopic(name, PARTITIONS, 1) for name in DATA]
    topics.append(NewTopic("topology", 1, 1, config={"cleanup.policy": "compact"}))
    admin = AdminClient({"bootstrap.servers": bootstrap})
    for future in admin.create_topics(topics).values():
        try:
            future.result(30)
        except KafkaException as error:
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise


def time_of(record):
    """Seconds since 1970."""
    return record["timestamp"] if "timestamp" in record else record["time"] / 1000


def key_of(record):
    """Whose record it is: all of one collector stay in order, on one partition."""
    return "/".join((record.get("tags") or record.get("labels")).values())


def topology_key(change):
    return change.get("entity") or f"{change['relation']}|{change['from']}|{change['to']}"


def load(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def write(path, records, key):
    with open(path, "w", encoding="utf-8") as file:
        file.writelines(f"{key(record)}\t{json.dumps(record, separators=(',', ':'))}\n" for record in records)


def moved_rules(minutes):
    """The demo's rules; the window is written in the time of Los Angeles, UTC-7 on that day."""
    def window(match):
        times = [datetime.strptime(text, "%Y-%m-%d %H:%M") + timedelta(hours=7, minutes=minutes) for text in match.groups()]
        return "from {:%Y-%m-%d %H:%M} to {:%Y-%m-%d %H:%M} in UTC".format(*times)
    with open("examples/store/store.rn", encoding="utf-8") as file:
        return re.sub(r"from (\S+ \S+) to (\S+ \S+) in America/Los_Angeles", window, file.read())


def main(bootstrap, folder):
    create_topics(bootstrap)
    data = {name: load(f"{folder}/{name}.jsonl") for name in DATA}
    minutes = int(time.time() - max(time_of(records[-1]) for records in data.values())) // 60
    for name, records in data.items():
        for record in records:
            if "timestamp" in record:
                record["timestamp"] += minutes * 60
            else:
                record["time"] += minutes * 60_000
        write(f"{folder}/{name}.keyed", records, key_of)
    write(f"{folder}/topology.keyed", load(f"{folder}/topology.jsonl"), topology_key)
    with open(f"{folder}/store.rn", "w", encoding="utf-8") as file:
        file.write(moved_rules(minutes))


if __name__ == "__main__":
    if len(sys.argv) != 3:
        print(__doc__, file=sys.stderr)
        sys.exit(64)
    main(*sys.argv[1:])
