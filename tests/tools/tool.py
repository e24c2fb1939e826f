"""Runs $ROOTNOTE_BINARY for the tests of the tools."""

import os
import subprocess

BINARY = os.path.abspath(os.environ["ROOTNOTE_BINARY"])


def run(*arguments, stdin="", cwd=None):
    """(exit code, standard output, standard error), each as text."""
    done = subprocess.run([BINARY, *arguments], input=stdin, capture_output=True, text=True, cwd=cwd, timeout=120,
                          check=False, encoding="utf-8", env={**os.environ, "NO_COLOR": "1"})
    return done.returncode, done.stdout, done.stderr


def write(folder, name, text):
    path = os.path.join(folder, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8", newline="") as file:
        file.write(text)
    return path


def read(path):
    with open(path, encoding="utf-8", newline="") as file:
        return file.read()
