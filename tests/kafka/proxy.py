"""A TCP proxy that knows where Kafka's requests begin: it cuts, refuses, pauses, and stops at the n-th of a kind."""

import socket
import struct
import threading

# API keys of Kafka's protocol.
PRODUCE, FETCH, JOIN_GROUP, INIT_PRODUCER_ID = 0, 1, 11, 22
ADD_PARTITIONS_TO_TXN, ADD_OFFSETS_TO_TXN, END_TXN, TXN_OFFSET_COMMIT = 24, 25, 26, 28


class Trap:
    """Springs at the n-th request of a kind, or at its response, which then is not passed on."""

    def __init__(self, api, count, after, at_response, cut):
        self.api, self.left, self.after, self.at_response, self.cut = api, count, after, at_response, cut
        self.sprung = threading.Event()


class Proxy:
    """Listens on `port` of loopback and passes everything to `target`, until told otherwise. Any thread."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.listener.getsockname()[1]
        self.address = f"127.0.0.1:{self.port}"
        self.target = None
        self.lock = threading.Condition()
        self.connections = set()
        self.refusing = self.paused = self.closed = False
        self.trap = None
        self.seen = {}  # API key -> requests that came by

    def open(self, target):
        self.target = target
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        with self.lock:
            self.closed = True
            self.paused = False
            self.lock.notify_all()
        self.listener.close()
        self.cut()

    # What it does to its connections

    def cut(self):
        """Breaks every connection, with a reset."""
        with self.lock:
            connections = list(self.connections)
        for connection in connections:
            connection.cut()

    def refuse(self, refusing=True):
        """New connections are reset at once, and the present ones are cut."""
        self.refusing = refusing
        if refusing:
            self.cut()

    def pause(self, paused=True):
        """Nothing is passed on, nothing is closed: a network that loses everything."""
        with self.lock:
            self.paused = paused
            self.lock.notify_all()

    def set_trap(self, api, count=1, *, after=None, at_response=False, cut=False):
        """At the count-th request `api` from now on, or from the next request `after` on, that connection holds it back
        for good; with at_response, the broker gets it, and its response is held back. With cut, the connection is
        broken instead. One at a time."""
        trap = Trap(api, count, after, at_response, cut)
        with self.lock:
            self.trap = trap
        return trap

    def clear_trap(self):
        """No trap any more; one that has sprung stays so."""
        with self.lock:
            self.trap = None

    def _accept(self):
        while not self.closed:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            try:
                if self.refusing:
                    raise ConnectionRefusedError
                broker = socket.create_connection(("127.0.0.1", self.target), timeout=5)
                broker.settimeout(None)
            except OSError:
                reset(client)
                continue
            connection = Connection(self, client, broker)
            with self.lock:
                self.connections.add(connection)
            connection.start()

    def springs(self, connection, api, correlation, is_response):
        """Whether the trap springs at this message. Called for every one, before it is passed on."""
        with self.lock:
            if not is_response:
                self.seen[api] = self.seen.get(api, 0) + 1
            trap = self.trap
            if trap is not None and not is_response and trap.after == api:
                trap.after = None
            if trap is None or trap.api != api or trap.after is not None:
                return None
            if not is_response:
                trap.left -= 1
                if trap.left == 0 and trap.at_response:
                    connection.trapped = correlation
            hit = connection.trapped == correlation if is_response else trap.left == 0 and not trap.at_response
            if hit:
                self.trap = None
                return trap
            return None

    def wait_while_paused(self):
        with self.lock:
            while self.paused and not self.closed:
                self.lock.wait()


def reset(connection):
    """Closes with RST, so that the other side notices at once."""
    try:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    except OSError:
        pass
    try:
        connection.shutdown(socket.SHUT_RDWR)  # wakes a thread that reads from it
    except OSError:
        pass
    connection.close()


class Connection:
    """Two threads that pass messages on, one for each direction."""

    def __init__(self, proxy, client, broker):
        self.proxy, self.client, self.broker = proxy, client, broker
        self.apis = {}  # correlation id -> API key
        self.trapped = None
        self.held = threading.Event()

    def start(self):
        for way in ((self.client, self.broker, False), (self.broker, self.client, True)):
            threading.Thread(target=self._pass_on, args=way, daemon=True).start()

    def cut(self):
        self.held.set()
        reset(self.client)
        reset(self.broker)
        with self.proxy.lock:
            self.proxy.connections.discard(self)

    def _pass_on(self, source, target, is_response):
        try:
            while True:
                head = read(source, 4)
                message = read(source, struct.unpack(">i", head)[0])
                trap = self._look(message, is_response)
                if trap:
                    trap.sprung.set()
                    if not trap.cut:
                        self.held.wait()  # until the test, or the client's end, cuts the connection
                    break
                self.proxy.wait_while_paused()
                target.sendall(head + message)
        except OSError:
            pass
        self.cut()

    def _look(self, message, is_response):
        if is_response:
            correlation = struct.unpack_from(">i", message)[0]
            return self.proxy.springs(self, self.apis.pop(correlation, None), correlation, True)
        api, _, correlation = struct.unpack_from(">hhi", message)
        self.apis[correlation] = api
        return self.proxy.springs(self, api, correlation, False)


def read(source, size):
    """Exactly `size` bytes, or ConnectionError."""
    parts = []
    while size > 0:
        part = source.recv(min(size, 1 << 20))
        if not part:
            raise ConnectionError
        parts.append(part)
        size -= len(part)
    return b"".join(parts)
