"""The language server as an editor uses it, and as a broken editor does."""

import glob
import os
import random
import tempfile
import unittest

from client import Client

URI = "untitled:rules.rn"
ESTATE = """\
# Where requests end.
kind app { id app }
kind vm { id vm, region }
relation runs_on : app -> vm carries errors, latency
# Something is hot.
signal hot on vm { when rate(cpu_seconds_total[5m]) > 0.9 family saturation }
fault overheated on vm { shows any of (hot) }
"""


def marked(text):
    """The text without its mark ¦, and the mark's line and UTF-16 character."""
    before, after = text.split("¦")
    line = before.count("\n")
    character = len(before.rpartition("\n")[2].encode("utf-16-le")) // 2
    return before + after, line, character


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def labels(items):
    return {item["label"] for item in items}


class LspTest(unittest.TestCase):
    def setUp(self):
        self.client = Client()
        self.addCleanup(self.client.process.kill)
        self.addCleanup(self.client.watchdog.cancel)
        self.capabilities = self.client.start()

    def tearDown(self):
        if self.client.process.poll() is None and not self.client.process.stdin.closed:
            self.assertEqual(self.client.stop(), 0)

    def complete(self, text):
        text, line, character = marked(text)
        self.client.open(URI, text)
        return self.client.at("completion", URI, line, character)

    def hover(self, text):
        text, line, character = marked(text)
        self.client.open(URI, text)
        found = self.client.at("hover", URI, line, character)
        return found and found["contents"]["value"]

    def definition(self, text):
        """The text of the place that is gone to, in the same document."""
        text, line, character = marked(text)
        self.client.open(URI, text)
        found = self.client.at("definition", URI, line, character)
        if found is None:
            return None
        begin, end = found["range"]["start"], found["range"]["end"]
        row = text.split("\n")[begin["line"]]
        return begin["line"], row[begin["character"]:end["character"]]

    def test_initialize(self):
        capabilities = self.capabilities["capabilities"]
        self.assertEqual(capabilities["textDocumentSync"], {"openClose": True, "change": 1})
        self.assertEqual(capabilities["positionEncoding"], "utf-16")
        for name in ("hoverProvider", "definitionProvider", "documentFormattingProvider"):
            self.assertTrue(capabilities[name])
        self.assertEqual(self.capabilities["serverInfo"]["name"], "rootnote")

    def test_diagnostics_as_one_types(self):
        self.assertEqual(self.client.open(URI, ESTATE), [])
        found = self.client.change(URI, ESTATE.replace("on vm { when", "on vn { when"))
        self.assertEqual([one["code"] for one in found], ["E0220"])
        self.assertEqual(found[0]["severity"], 1)
        self.assertEqual(found[0]["range"], {"start": {"line": 5, "character": 14}, "end": {"line": 5, "character": 16}})
        self.assertIn("did you mean `vm`?", found[0]["message"])
        found = self.client.change(URI, ESTATE + "signal odd on vm { when up > bool 1 }\n")
        self.assertEqual([(one["code"], one["severity"]) for one in found], [("E0405", 2)])
        self.assertEqual(self.client.change(URI, ESTATE), [])

    def test_closing_takes_the_diagnostics_away(self):
        self.assertNotEqual(self.client.open(URI, "signal"), [])
        self.client.notify("textDocument/didClose", {"textDocument": {"uri": URI}})
        self.assertEqual(self.client.published(URI), [])
        answer = self.client.request("textDocument/hover",
                                     {"textDocument": {"uri": URI}, "position": {"line": 0, "character": 0}})
        self.assertEqual(answer["error"]["code"], -32602)

    def test_positions_are_utf_16(self):
        text = 'kind vm { id vm }\nsignal hot on vm { when x{a="😀ß"} > 1 summary "{nothing}" }\n'
        found = self.client.open(URI, text)
        row = text.split("\n")[1]
        begin = len(row[:row.index("nothing")].encode("utf-16-le")) // 2
        self.assertEqual([one["range"] for one in found],
                         [{"start": {"line": 1, "character": begin}, "end": {"line": 1, "character": begin + 7}}])
        # … and so are those that come from the editor.
        self.assertIn("how it hurts", self.hover(text.replace("summary", "fam¦ily errors summary")).lower())

    def test_completion_of_declarations_and_clauses(self):
        self.assertIn("signal", labels(self.complete(ESTATE + "¦")))
        self.assertIn("signal", labels(self.complete(ESTATE + "sig¦")))
        self.assertIn("incidents", labels(self.complete("¦")))
        clauses = labels(self.complete(ESTATE + "signal b on vm {\n  ¦\n}\n"))
        self.assertLessEqual({"when", "clear", "keep firing for", "no data"}, clauses)
        self.assertLessEqual({"shows", "causes"}, labels(self.complete(ESTATE + "fault b on vm {\n  sh¦\n}\n")))
        self.assertLessEqual({"topology", "expect"}, labels(self.complete(ESTATE + 'test "a" {\n  ¦\n}\n')))

    def test_completion_of_names(self):
        self.assertEqual(labels(self.complete(ESTATE + "signal b on ¦")), {"relation", "app", "vm"})
        self.assertEqual(labels(self.complete(ESTATE + "signal b on relation ¦")), {"runs_on"})
        self.assertEqual(labels(self.complete(ESTATE + "relation b : ¦")), {"app", "vm"})
        self.assertEqual(labels(self.complete(ESTATE + "relation b : app -> v¦")), {"app", "vm"})
        families = {"errors", "latency", "saturation", "traffic", "down"}
        self.assertEqual(labels(self.complete(ESTATE + "relation b : app -> vm carries ¦")), families)
        self.assertEqual(labels(self.complete(ESTATE + "relation b : app -> vm carries errors, ¦")), families)
        self.assertEqual(labels(self.complete(ESTATE + "fault b on vm { shows any of (¦")), {"hot"})
        self.assertEqual(labels(self.complete(ESTATE + "fault b on vm { causes hot over ¦")), {"runs_on"})
        self.assertEqual(labels(self.complete(ESTATE + "signal b on vm { when x > 1 family ¦")), families)
        self.assertEqual(labels(self.complete(ESTATE + "signal b on vm { when x > 1 no data ¦")),
                         {"hold", "resolve", "raise"})
        self.assertEqual(labels(self.complete(ESTATE + 'test "a" { expect signal ¦')), {"hot"})
        self.assertIn("cpu_seconds_total", labels(self.complete(ESTATE + 'test "a" { series ¦')))

    def test_completion_in_expressions(self):
        found = self.complete(ESTATE + "signal b on vm {\n  when ra¦\n}\n")
        self.assertLessEqual({"rate", "histogram_quantile", "sum", "cpu_seconds_total", "hot"}, labels(found))
        rate = next(item for item in found if item["label"] == "rate")
        self.assertEqual(rate["kind"], 3)
        self.assertIn("range vector", rate["detail"])
        for name in ("rate", "sum", "histogram_quantile"):
            self.assertIn("documentation", next(item for item in found if item["label"] == name))
        self.assertEqual(labels(self.complete(ESTATE + "signal b on vm {\n  when sum by (¦")), {"app", "vm", "region"})
        self.assertEqual(labels(self.complete(ESTATE + "signal b on vm {\n  when up{¦")), {"app", "vm", "region"})

    def test_no_completion_in_comments_and_strings(self):
        self.assertEqual(self.complete(ESTATE + "# sig¦"), [])
        self.assertEqual(self.complete(ESTATE + 'signal b on vm { when x > 1 summary "a ¦b" }'), [])
        self.assertEqual(self.complete(ESTATE + 'signal b on vm { when x > 1 summary "a ¦'), [])

    def test_hover(self):
        self.assertIn("kind vm { id vm, region }", self.hover(ESTATE.replace("signal hot on vm", "signal hot on v¦m")))
        self.assertIn("Something is hot.", self.hover(ESTATE.replace("of (hot)", "of (¦hot)")))
        rate = self.hover(ESTATE.replace("rate(", "ra¦te("))
        self.assertIn("rate(range vector) → instant vector", rate)
        self.assertIn("cpu_seconds_total: range vector in seconds, the last 5m",
                      self.hover(ESTATE.replace("cpu_seconds", "cpu_sec¦onds")))
        self.assertIn("There is no room left.", self.hover(ESTATE.replace("saturation", "satu¦ration")))
        self.assertIn("0.05 of one", self.hover(ESTATE.replace("0.9", "¦5%")))
        self.assertIsNone(self.hover("¦" + ESTATE))

    def test_definition(self):
        self.assertEqual(self.definition(ESTATE.replace("hot on vm", "hot on v¦m")), (2, "vm"))
        self.assertEqual(self.definition(ESTATE.replace("app -> vm", "a¦pp -> vm")), (1, "app"))
        self.assertEqual(self.definition(ESTATE.replace("(hot)", "(hot¦)")), (5, "hot"))
        self.assertEqual(self.definition(ESTATE + 'test "a" { topology { v¦m:a/b } }'), (2, "vm"))
        self.assertIsNone(self.definition(ESTATE.replace("0.9", "0¦.9")))

    def test_rules_beside_it(self):
        with tempfile.TemporaryDirectory() as folder:
            with open(os.path.join(folder, "estäte 1.rn"), "w", encoding="utf-8") as file:
                file.write(ESTATE)
            uri = "file://" + folder + "/mine.rn"
            text = "fault mine on vm { shows any of (hot) }\n"
            self.assertEqual(self.client.open(uri, text), [])
            found = self.client.at("definition", uri, 0, 33)
            self.assertEqual(found["uri"], "file://" + folder + "/est%C3%A4te%201.rn")
            self.assertEqual(found["range"]["start"], {"line": 5, "character": 7})
            # What is open counts, not what is on the disk.
            self.client.open(found["uri"], ESTATE.replace("signal hot", "signal warm").replace("(hot)", "(warm)"))
            self.assertEqual([one["code"] for one in self.client.change(uri, text)], ["E0222"])
            # A file that stands for itself is not disturbed by another set of rules beside it.
            self.assertEqual(self.client.open("file://" + folder + "/alone.rn", "kind vm { id vm }\n"), [])

    def test_completion_of_the_forms_of_a_record(self):
        found = self.complete('incidents {\n  route severity >= major to topic "page" as ¦\n}\n')
        self.assertEqual(labels(found), {"alertmanager", "jira", "pagerduty", "servicenow"})

    def test_use_and_import(self):
        with tempfile.TemporaryDirectory() as folder:
            def write(name, text):
                with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
                    file.write(text)

            uri = "file://" + folder + "/mine.rn"
            os.mkdir(os.path.join(folder, "packs"))
            write("packs/estate.rn", ESTATE)
            write("node.yaml", "groups:\n- name: node\n  rules:\n  - alert: NodeDown\n    expr: up == 0\n")
            text = ('use "packs/estate"\n'
                    'import prometheus "*.yaml" { vm from instance }\n'
                    'fault mine on vm { shows any of (hot) }\n')
            self.assertEqual([one for one in self.client.open(uri, text) if one["severity"] == 1], [])
            found = self.client.at("definition", uri, 2, 33)
            self.assertEqual(found["uri"], "file://" + folder + "/packs/estate.rn")
            self.assertEqual(found["range"]["start"], {"line": 5, "character": 7})
            self.assertIn("Something is hot", self.client.at("hover", uri, 2, 33)["contents"]["value"])
            files = self.client.at("definition", uri, 0, 8)
            self.assertEqual([one["uri"] for one in files], ["file://" + folder + "/packs/estate.rn"])
            self.assertIn("node.yaml", self.client.at("hover", uri, 1, 22)["contents"]["value"])
            # An imported alert is defined where its file says so.
            self.client.open(uri, text + "fault f on vm { shows any of (NodeDown) }\n")
            found = self.client.at("definition", uri, 3, 34)
            self.assertEqual(found["uri"], "file://" + folder + "/node.yaml")
            self.assertEqual(found["range"]["start"], {"line": 3, "character": 11})
            # What is wrong there is shown there, and goes away.
            self.client.notes.clear()
            write("node.yaml", "groups:\n- name: node\n  rules:\n  - alert: NodeDown\n    expr: up ==\n")
            self.client.open(uri, text)
            note = self.client.receive()["params"]
            self.assertEqual(note["uri"], "file://" + folder + "/node.yaml")
            self.assertIn(note["diagnostics"][0]["range"]["start"]["line"], (4, 5))
            write("node.yaml", "groups: []\n")
            self.client.open(uri, text)
            self.assertEqual(self.client.receive()["params"], {"uri": note["uri"], "diagnostics": []})
            # A pack that is not there.
            wrong = self.client.open(uri, 'use "packs/nowhere"\n')
            self.assertEqual([one["code"] for one in wrong], ["E0255"])

    def test_formatting_and_symbols(self):
        self.client.open(URI, "kind vm{id vm}\nsignal a on vm{when x>1}")
        params = {"textDocument": {"uri": URI}, "options": {"tabSize": 4, "insertSpaces": True}}
        edits = self.client.request("textDocument/formatting", params)["result"]
        self.assertEqual(edits, [{"range": {"start": {"line": 0, "character": 0}, "end": {"line": 1, "character": 24}},
                                  "newText": "kind vm { id vm }\nsignal a on vm { when x > 1 }\n"}])
        symbols = self.client.request("textDocument/documentSymbol", params)["result"]
        self.assertEqual([(one["name"], one["detail"]) for one in symbols], [("vm", "kind"), ("a", "signal")])
        self.client.change(URI, edits[0]["newText"])
        self.assertEqual(self.client.request("textDocument/formatting", params)["result"], [])
        self.client.change(URI, "kind {")
        self.assertIsNone(self.client.request("textDocument/formatting", params)["result"])

    def test_order_of_life(self):
        self.assertEqual(self.client.request("nonsense")["error"]["code"], -32601)
        self.assertEqual(self.client.request("initialize", {})["error"]["code"], -32601)
        self.client.request("shutdown")
        self.assertEqual(self.client.request("textDocument/hover", {})["error"]["code"], -32600)
        self.client.notify("exit")
        self.assertEqual(self.client.end(), 0)
        fresh = Client()
        self.assertEqual(fresh.request("textDocument/hover", {})["error"]["code"], -32002)
        fresh.notify("exit")
        self.assertEqual(fresh.end(), 1)

    def test_hostile_messages(self):
        self.client.send("{not json")
        self.assertEqual(self.client.receive()["error"]["code"], -32700)
        self.client.send("[" * 100_000)
        self.assertEqual(self.client.receive()["error"]["code"], -32700)
        for message in ("[]", "1", "null", '"x"', "{}", '{"id":1}', '{"method":3,"id":{}}'):
            self.client.send(message)
            self.assertEqual(self.client.receive()["error"]["code"], -32600, message)
        for message in ('{"method":"textDocument/didOpen"}', '{"method":"textDocument/didOpen","params":[]}',
                        '{"method":"textDocument/didOpen","params":{"textDocument":{"uri":1}}}',
                        '{"method":"textDocument/didChange","params":{"textDocument":{"uri":"u"},"contentChanges":{}}}',
                        '{"method":"$/cancelRequest","params":{"id":1}}', '{"id":7,"result":null}'):
            self.client.send(message)
        self.client.open(URI, ESTATE)
        for line, character in ((0, 4_000_000_000), (4_000_000_000, 0), (10**9, 10**9), (5, 10**6)):
            for method in ("completion", "hover", "definition"):
                self.client.at(method, URI, line, character)
        for position in ({}, {"line": -1, "character": 0}, {"line": 0.5, "character": 0}, [], None):
            answer = self.client.request("textDocument/hover", {"textDocument": {"uri": URI}, "position": position})
            self.assertEqual(answer["error"]["code"], -32602)

    def test_broken_frames_end_it(self):
        for frame in (b"Content-Length: -1\r\n\r\n", b"Content-Length: 99999999999\r\n\r\n", b"Hello\r\n\r\n",
                      b"x" * 10_000, b"Content-Length: 1x\r\n\r\n"):
            client = Client()
            client.raw(frame)
            self.assertEqual(client.end(), 78, frame)

    def test_half_a_file_at_every_place(self):
        """Every prefix of a rule file, and every request at its end: an answer, always."""
        texts = [read(path) for path in sorted(glob.glob("tests/golden/tour*.rn"))]
        chance = random.Random(7)
        self.client.open(URI, "")
        for text in texts:
            for _ in range(60):
                end = chance.randrange(len(text))
                piece = text[:end] + chance.choice(["", "(", "{", '"', "😀", "\0", "by (", "on "])
                self.client.change(URI, piece)
                line = piece.count("\n")
                character = len(piece.rpartition("\n")[2].encode("utf-16-le")) // 2
                for method in ("completion", "hover", "definition"):
                    self.client.at(method, URI, line, chance.choice([character, character // 2]))


if __name__ == "__main__":
    unittest.main()
