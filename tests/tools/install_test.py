"""`cmake --install`: the program finds its packs from where it was put, and what it needs is there."""

import os
import subprocess
import tempfile
import unittest

from tool import write

BUILD = os.path.dirname(os.path.abspath(os.environ["ROOTNOTE_BINARY"]))


class InstallTest(unittest.TestCase):
    def test_packs_are_found_where_it_is_installed(self):
        with tempfile.TemporaryDirectory() as folder:
            prefix = os.path.join(folder, "usr")
            subprocess.run(["cmake", "--install", BUILD, "--prefix", prefix], check=True, capture_output=True)
            program = os.path.join(prefix, "bin", "rootnote")
            packs = os.listdir(os.path.join(prefix, "share", "rootnote", "packs"))
            self.assertEqual(sorted(packs), sorted(os.listdir("rules/packs")))
            for name in ("docs", "incident.schema.json", "projections/pagerduty.json"):
                path = "doc/rootnote/errors/E0255.md" if name == "docs" else "rootnote/schemas/" + name
                self.assertTrue(os.path.exists(os.path.join(prefix, "share", path)), path)
            for pack in packs:
                rules = write(folder, "mine.rn", f'use "packs/{pack[:-3]}"\n')
                done = subprocess.run([program, "check", rules], capture_output=True, text=True, check=False,
                                      cwd=folder, env={"NO_COLOR": "1"})
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertIn("ok 2 files", done.stdout)
            # All of them together: what they say of the same kinds goes together.
            rules = write(folder, "mine.rn", "".join(f'use "packs/{pack[:-3]}"\n' for pack in packs))
            done = subprocess.run([program, "check", rules], capture_output=True, text=True, check=False, cwd=folder,
                                  env={"NO_COLOR": "1"})
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            # Those of the place where it is installed, not of the tree that it was built in.
            os.remove(os.path.join(prefix, "share", "rootnote", "packs", "dns.rn"))
            rules = write(folder, "mine.rn", 'use "packs/dns"\n')
            done = subprocess.run([program, "check", rules], capture_output=True, text=True, check=False, cwd=folder)
            self.assertEqual(done.returncode, 1)
            self.assertIn("E0255", done.stderr)
            self.assertIn(os.path.join(prefix, "share", "rootnote"), done.stderr)


if __name__ == "__main__":
    unittest.main()
