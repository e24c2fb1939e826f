"""A client of the language server, in the standard library: one message at a time."""

import json
import os
import subprocess
import threading

BINARY = os.path.abspath(os.environ["ROOTNOTE_BINARY"])


class Client:
    """`rootnote lsp` as a process. Waits at most `patience` seconds for an answer."""

    def __init__(self, patience=30):
        self.process = subprocess.Popen([BINARY, "lsp"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE)
        self.watchdog = threading.Timer(patience, self.process.kill)
        self.watchdog.start()
        self.last_id = 0
        self.notes = []  # what the server said unasked

    def raw(self, data):
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def send(self, message):
        body = (message if isinstance(message, str) else json.dumps(message)).encode("utf-8", "surrogatepass")
        self.raw(b"Content-Length: %d\r\n\r\n" % len(body) + body)

    def receive(self):
        length = 0
        while True:
            line = self.process.stdout.readline()
            if not line:
                raise EOFError(self.process.stderr.read().decode())
            if line == b"\r\n":
                break
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        return json.loads(self.process.stdout.read(length).decode("utf-8"))

    def request(self, method, params=None):
        """The whole response."""
        self.last_id += 1
        message = {"jsonrpc": "2.0", "id": self.last_id, "method": method}
        if params is not None:
            message["params"] = params
        self.send(message)
        return self.answer(self.last_id)

    def answer(self, number):
        while True:
            message = self.receive()
            if message.get("id") == number and "method" not in message:
                return message
            self.notes.append(message)

    def notify(self, method, params=None):
        self.send({"jsonrpc": "2.0", "method": method, "params": params or {}})

    def start(self):
        return self.request("initialize", {"processId": None, "rootUri": None, "capabilities": {}})["result"]

    def open(self, uri, text):
        """The diagnostics that are published for it."""
        self.notify("textDocument/didOpen",
                    {"textDocument": {"uri": uri, "languageId": "rootnote", "version": 1, "text": text}})
        return self.published(uri)

    def change(self, uri, text):
        self.notify("textDocument/didChange",
                    {"textDocument": {"uri": uri, "version": 2}, "contentChanges": [{"text": text}]})
        return self.published(uri)

    def published(self, uri):
        message = self.receive()
        assert message["method"] == "textDocument/publishDiagnostics", message
        assert message["params"]["uri"] == uri, message
        return message["params"]["diagnostics"]

    def at(self, method, uri, line, character):
        """The result of a request about a place."""
        return self.request(f"textDocument/{method}", {"textDocument": {"uri": uri},
                                                       "position": {"line": line, "character": character}})["result"]

    def stop(self):
        """Exit code after shutdown and exit."""
        self.request("shutdown")
        self.notify("exit")
        return self.end()

    def end(self):
        self.process.stdin.close()
        code = self.process.wait()
        self.watchdog.cancel()
        self.process.stdout.close()
        self.process.stderr.close()
        return code
