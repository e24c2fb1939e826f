"""`rootnote completion`: the bash script is sourced and asked; it says what --help says."""

import re
import shutil
import subprocess
import tempfile
import unittest

from tool import run


def commands():
    """The subcommands that --help lists."""
    return re.findall(r"^  ([a-z]+) ", run("--help")[1].split("Subcommands:")[1], re.MULTILINE)


class CompletionTest(unittest.TestCase):
    def ask(self, *words):
        """What bash offers for the last of `words`."""
        script = run("completion", "bash")[1]
        quoted = " ".join(f"'{word}'" for word in ("rootnote", *words))
        asked = f"{script}\nCOMP_WORDS=({quoted}); COMP_CWORD={len(words)}; _rootnote; printf '%s\\n' \"${{COMPREPLY[@]}}\""
        done = subprocess.run(["bash", "--norc", "-c", asked], capture_output=True, text=True, check=True, timeout=30)
        self.assertEqual(done.stderr, "")
        return done.stdout.split()

    def test_commands(self):
        self.assertGreater(len(commands()), 9)
        self.assertEqual(set(self.ask("")), {*commands(), "--help", "--version"})
        self.assertEqual(self.ask("ch"), ["check"])
        self.assertEqual(self.ask("nothing"), [])

    def test_every_option_of_every_command(self):
        for command in commands():
            listed = set(re.findall(r"^  (?:-\w,)?(--[a-z-]+)", run(command, "--help")[1], re.MULTILINE))
            self.assertEqual({word for word in self.ask(command, "--")}, listed, command)

    def test_values(self):
        self.assertEqual(self.ask("check", "--format", ""), ["text", "json", "sarif"])
        self.assertEqual(self.ask("check", "rules", "--format", "s"), ["sarif"])
        self.assertEqual(self.ask("graph", "--format", ""), ["dot", "mermaid"])
        self.assertEqual(self.ask("completion", ""), ["bash", "zsh", "fish"])
        # A path is the shell's to complete.
        self.assertEqual(self.ask("check", "--seen", ""), [])
        self.assertEqual(self.ask("check", ""), [])

    def test_a_command_that_is_none(self):
        code, out, err = run("chek", "rules.rn")
        self.assertEqual((code, out), (64, ""))
        self.assertIn('there is no command "chek"; did you mean check?', err)
        code, _, err = run("zzzzzz")
        self.assertEqual(code, 64)
        self.assertIn("rootnote --help lists them", err)

    def test_the_others_name_every_command(self):
        for shell in ("zsh", "fish"):
            code, script, _ = run("completion", shell)
            self.assertEqual(code, 0)
            for command in commands():
                self.assertRegex(script, rf"\b{command}\b")
            self.assertIn("sarif", script)
            if shutil.which(shell):
                with tempfile.NamedTemporaryFile("w", suffix=shell) as file:
                    file.write(script)
                    file.flush()
                    subprocess.run([shell, "-n", file.name], check=True, timeout=30)
        self.assertEqual(run("completion", "cmd")[0], 64)


if __name__ == "__main__":
    unittest.main()
