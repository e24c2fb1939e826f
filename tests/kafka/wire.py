"""Requests of Kafka's protocol that Debian's client for Python lacks: rights, SCRAM passwords, deleting records."""

import hashlib
import os
import socket
import struct

CREATE_ACLS, DELETE_RECORDS, ALTER_USER_SCRAM_CREDENTIALS = 30, 21, 51
SCRAM = {"SCRAM-SHA-256": (1, "sha256"), "SCRAM-SHA-512": (2, "sha512")}
SCRAM_ITERATIONS = 4096
RESOURCES = {"topic": 2, "group": 3, "cluster": 4, "transactional id": 5}
PATTERNS = {"literal": 3, "prefixed": 4}
OPERATIONS = {"all": 2, "read": 3, "write": 4, "create": 5, "delete": 6, "alter": 7, "describe": 8, "clusteraction": 9,
              "describeconfigs": 10, "alterconfigs": 11, "idempotentwrite": 12}
ALLOW = 3


def text(value):
    data = value.encode()
    return struct.pack(">h", len(data)) + data


def request(address, api, version, body, *, flexible=False):
    """The body of the answer; of a flexible version, with the empty tags of its header."""
    host, port = address.split(":")
    message = struct.pack(">hhi", api, version, 1) + text("test") + (b"\0" if flexible else b"") + body
    with socket.create_connection((host, int(port)), timeout=30) as connection, connection.makefile("rb") as answers:
        connection.sendall(struct.pack(">i", len(message)) + message)
        size = struct.unpack(">i", answers.read(4))[0]
        answer = answers.read(size)
    assert struct.unpack_from(">i", answer)[0] == 1, "not the answer to this request"
    return answer[4:]


def grant(address, principal, rights):
    """rights: (resource type, name, literal or prefixed, operation), as the keys above."""
    body = struct.pack(">i", len(rights))
    for resource, name, pattern, operation in rights:
        body += struct.pack(">b", RESOURCES[resource]) + text(name) + struct.pack(">b", PATTERNS[pattern])
        body += text(principal) + text("*") + struct.pack(">bb", OPERATIONS[operation], ALLOW)
    answer = request(address, CREATE_ACLS, 1, body)
    _, count = struct.unpack_from(">ii", answer)
    at = 8
    for i in range(count):
        code, length = struct.unpack_from(">hh", answer, at)
        message = answer[at + 4:at + 4 + max(length, 0)].decode()
        assert code == 0, f"{rights[i]}: error {code} {message}"
        at += 4 + max(length, 0)


def compact(data):
    """Bytes, or a text, of a flexible version; short ones."""
    data = data.encode() if isinstance(data, str) else data
    assert len(data) < 127
    return bytes([len(data) + 1]) + data


def set_scram_password(address, user, password):
    """For every mechanism, as kafka-configs does it."""
    for mechanism, name in SCRAM.values():  # one at a time: a request may name a user once
        salt = os.urandom(16)
        salted = hashlib.pbkdf2_hmac(name, password.encode(), salt, SCRAM_ITERATIONS)
        upsertion = compact(user) + struct.pack(">bi", mechanism, SCRAM_ITERATIONS) + compact(salt) + compact(salted)
        body = b"\1" + b"\2" + upsertion + b"\0" + b"\0"  # no deletions; one upsertion; its tags, our tags
        answer = request(address, ALTER_USER_SCRAM_CREDENTIALS, 0, body, flexible=True)
        # Tags, throttle time, one result: user, error.
        assert answer[5] == 2, answer
        error = struct.unpack_from(">h", answer, 6 + answer[6])[0]
        assert error == 0, f"{name} password of {user}: error {error}"


def delete_records(address, topic, offsets):
    """offsets: partition -> records below are deleted, as retention does."""
    body = struct.pack(">i", 1) + text(topic) + struct.pack(">i", len(offsets))
    for partition, offset in offsets.items():
        body += struct.pack(">iq", partition, offset)
    answer = request(address, DELETE_RECORDS, 1, body + struct.pack(">i", 30_000))
    _, topics, length = struct.unpack_from(">iih", answer)
    at = 10 + length
    assert topics == 1
    count = struct.unpack_from(">i", answer, at)[0]
    for i in range(count):
        partition, _, code = struct.unpack_from(">iqh", answer, at + 4 + 14 * i)
        assert code == 0, f"{topic} {partition}: error {code}"
