"""Two requests of Kafka's protocol that Debian's client for Python lacks: granting rights, and deleting records."""

import socket
import struct

CREATE_ACLS, DELETE_RECORDS = 30, 21
RESOURCES = {"topic": 2, "group": 3, "cluster": 4, "transactional id": 5}
PATTERNS = {"literal": 3, "prefixed": 4}
OPERATIONS = {"all": 2, "read": 3, "write": 4, "create": 5, "delete": 6, "alter": 7, "describe": 8, "clusteraction": 9,
              "describeconfigs": 10, "alterconfigs": 11, "idempotentwrite": 12}
ALLOW = 3


def text(value):
    data = value.encode()
    return struct.pack(">h", len(data)) + data


def request(address, api, version, body):
    """The body of the answer. Requests and answers of the old, not flexible, form."""
    host, port = address.split(":")
    message = struct.pack(">hhi", api, version, 1) + text("test") + body
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
