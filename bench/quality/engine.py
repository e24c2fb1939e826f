"""The engine as a user runs it: `rootnote replay` on files."""

import json
import os
import shutil
import subprocess
import tempfile

import case as cases
import score


class Failed(Exception):
    pass


def run(rootnote, rules, case, seed=None, keep=None):
    """(incident records, transitions of signals) of one case. `keep`: a folder that gets all files."""
    folder = keep or tempfile.mkdtemp(prefix="rootnote-quality-")
    try:
        os.makedirs(folder, exist_ok=True)
        paths = {name: os.path.join(folder, f"{name}.jsonl") for name in ("input", "topology", "incidents", "signals", "dead")}
        cases.write_input(case, paths["input"], seed)
        cases.write_topology(case, paths["topology"], seed)
        command = [rootnote, "replay", "--rules", rules, "--topology", paths["topology"], "--input", paths["input"],
                   "--allowed-lateness", "5s", "--no-positions", "--until", cases.shown(case.end + 1000),
                   "--output", paths["incidents"], "--signals", paths["signals"], "--dead-letter", paths["dead"]]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise Failed(f"{' '.join(command)}: exit {done.returncode}\n{done.stdout}{done.stderr}")
        if os.path.exists(paths["dead"]) and os.path.getsize(paths["dead"]):
            with open(paths["dead"], encoding="utf-8") as file:
                raise Failed(f"{case.name}: the engine could not read a record: {file.readline().strip()}")
        records = score.read_records(paths["incidents"]) if os.path.exists(paths["incidents"]) else []
        with open(paths["signals"], encoding="utf-8") as file:
            return records, [json.loads(line) for line in file]
    finally:
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)
