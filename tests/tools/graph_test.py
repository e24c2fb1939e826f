"""`rootnote graph`: well-formed drawings with every kind, relation and fault."""

import re
import tempfile
import unittest

from tool import run, write

RULES = """\
kind app { id app, region }
kind vm { id vm }
relation runs_on : app, vm -> vm carries errors, saturation as latency
signal slow on app { when latency_seconds > 1 family latency }
fault broken on vm { causes slow causes errors on app }
"""


class GraphTest(unittest.TestCase):
    def draw(self, *flags, text=RULES):
        with tempfile.TemporaryDirectory() as folder:
            return run("graph", *flags, write(folder, "rules.rn", text))

    def test_dot(self):
        code, out, err = self.draw()
        self.assertEqual((code, err), (0, ""))
        lines = out.split("\n")
        self.assertEqual((lines[0], lines[-2:]), ("digraph rootnote {", ["}", ""]))
        text = r'"(?:[^"\\]|\\.)*"'
        statement = re.compile(rf"  (rankdir=LR|node \[shape=box\]|{text}( -> {text})? \[label={text}(, \w+=\w+)*\]);")
        for line in lines[1:-2]:
            self.assertTrue(statement.fullmatch(line), line)
        self.assertIn('  "kind_app" [label="app\\napp, region"];', lines)
        self.assertIn('  "kind_app" -> "kind_vm" [label="runs_on\\nerrors, saturation as latency"];', lines)
        self.assertIn('  "kind_vm" -> "kind_vm" [label="runs_on\\nerrors, saturation as latency"];', lines)
        self.assertIn('  "fault_broken" [label="broken\\nfault", shape=ellipse];', lines)
        self.assertIn('  "fault_broken" -> "kind_app" [label="slow", style=dotted];', lines)
        self.assertIn('  "fault_broken" -> "kind_app" [label="errors", style=dotted];', lines)

    def test_mermaid(self):
        code, out, _ = self.draw("--format", "mermaid")
        self.assertEqual(code, 0)
        lines = out.split("\n")
        self.assertEqual(lines[0], "graph LR")
        self.assertIn('  kind_app["app<br/>app, region"]', lines)
        self.assertIn('  kind_app -->|"runs_on<br/>errors, saturation as latency"| kind_vm', lines)
        self.assertIn('  fault_broken(["broken<br/>fault"])', lines)
        self.assertIn('  fault_broken -.->|"slow"| kind_app', lines)

    def test_the_store_is_whole(self):
        code, out, _ = run("graph", "examples/store")
        self.assertEqual(code, 0)
        with open("examples/store/store.rn", encoding="utf-8") as file:
            rules = file.read()
        for word, prefix in (("kind", "kind_"), ("fault", "fault_")):
            for name in re.findall(rf"^{word} (\w+)", rules, re.MULTILINE):
                self.assertIn(f'"{prefix}{name}" [label=', out)
        for name in re.findall(r"^relation (\w+)", rules, re.MULTILINE):
            self.assertIn(f'[label="{name}\\n', out)

    def test_wrong_rules(self):
        code, out, err = self.draw(text="kind\n")
        self.assertEqual((code, out), (1, ""))
        self.assertIn("error[E0200]", err)
        self.assertEqual(self.draw("--format", "png")[0], 64)


if __name__ == "__main__":
    unittest.main()
