"""`rootnote fmt` on files, folders and standard input."""

import os
import subprocess
import tempfile
import unittest

from tool import read, run, write

UGLY = "kind vm{id vm}\nkind app { id app }\n"
NICE = "kind vm  { id vm }\nkind app { id app }\n"


class FormatTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.ugly = write(self.folder, "ugly.rn", UGLY)
        self.nice = write(self.folder, "sub/nice.rn", NICE)

    def test_writes_what_changes_and_names_it(self):
        before = os.stat(self.nice).st_mtime_ns
        self.assertEqual(run("fmt", self.folder), (0, self.ugly + "\n", ""))
        self.assertEqual(read(self.ugly), NICE)
        self.assertEqual(os.stat(self.nice).st_mtime_ns, before)
        self.assertEqual(run("fmt", self.folder), (0, "", ""))

    def test_check_writes_nothing(self):
        self.assertEqual(run("fmt", "--check", self.folder), (1, self.ugly + "\n", ""))
        self.assertEqual(read(self.ugly), UGLY)
        self.assertEqual(run("fmt", "--check", self.nice), (0, "", ""))

    def test_diff_is_one_that_patch_could_apply(self):
        long = "".join(f"# line {i}\n" for i in range(40))
        text = long + UGLY + long + "relation a :vm->app carries errors\n" + long
        path = write(self.folder, "long.rn", text)
        code, diff, _ = run("fmt", "--diff", path)
        self.assertEqual(code, 0)
        self.assertEqual(diff.count("\n@@ "), 2)
        self.assertEqual(read(path), text)
        copy = write(self.folder, "copy.rn", text)
        done = subprocess.run(["git", "apply", "--unsafe-paths", "-p0", "-"], capture_output=True, text=True,
                              cwd=self.folder, check=False,
                              input=diff.replace(path, "copy.rn"))
        self.assertEqual(done.returncode, 0, done.stderr)
        run("fmt", path)
        self.assertEqual(read(copy), read(path))
        self.assertEqual(run("fmt", "--diff", "--check", self.nice), (0, "", ""))
        self.assertEqual(run("fmt", "--diff", "--check", self.ugly)[0], 1)

    def test_standard_input(self):
        self.assertEqual(run("fmt", "-", stdin=UGLY), (0, NICE, ""))
        self.assertEqual(run("fmt", "--check", "-", stdin=UGLY), (1, "-\n", ""))

    def test_errors_leave_the_file_alone(self):
        path = write(self.folder, "wrong.rn", "kind { id }\n")
        code, out, err = run("fmt", path)
        self.assertEqual((code, out), (1, ""))
        self.assertIn("wrong.rn:1:6: error[E0200]", err)
        self.assertEqual(read(path), "kind { id }\n")
        self.assertEqual(run("fmt", "/nowhere.rn")[0], 66)


if __name__ == "__main__":
    unittest.main()
