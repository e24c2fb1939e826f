#!/usr/bin/python3
"""How good incidents are, by what really failed. Used by run, by the simulator's program, and on its own:

    score.py --truth TRUTH.json --incidents INCIDENTS.jsonl

TRUTH.json is one case, or a list of cases (then INCIDENTS.jsonl is a folder of NAME.jsonl):

    {"name": "…", "start": T, "end": T,           the stretch that counts; quiet is what lies in no fault's window
     "faults": [{"name": "…", "time": T,           when it began
                 "window": [T, T],                 an incident opened in it may be this fault's
                 "roots": ["pod:a", …],            any of them is right
                 "affected": ["pod:b", …] | null,  those that suffer, the root or not; null: not known
                 "family": "…"}]}                  optional: figures are also given by family

T is milliseconds since 1970, or RFC 3339. INCIDENTS.jsonl holds incident records, one per line and revision, as `rootnote replay` writes them.

Definitions. An *opening* is an incident that opened or reopened, until it is over or reopens; it is judged by its last
revision. An opening in a fault's window matches the fault nearest in time; the first one takes it, more are duplicates,
one in no window is false. Delay is opening minus the fault's time. A rank is the place in root[], where equal scores
share their places: a right one among k equals counts 1/k of the places they cover. The affected are the root and the
actual impact that shows more than `info`. V-measure: symptoms by fault against symptoms by opening; a symptom belongs to
the fault nearest to its onset among those whose window holds it.
"""

import argparse
import datetime
import itertools
import json
import math
import os
import statistics
import sys

OPENS = ("open", "reopened")


def ms(time):
    if isinstance(time, (int, float)):
        return int(time)
    at = datetime.datetime.fromisoformat(time.replace("Z", "+00:00"))
    return round(at.timestamp() * 1000)


# --- Incident records to openings ---


def openings_of(records):
    """A list of {id, opened, over, ranks: [(score, entity)], affected: set, symptoms: {(signal, entity, onset)}}."""
    by_id = {}
    for record in records:
        by_id.setdefault(record["incident_id"], []).append(record)
    openings = []
    for revisions in by_id.values():
        revisions.sort(key=lambda record: record["revision"])
        for record in revisions:
            if record["state"] in OPENS or not openings or openings[-1]["id"] != record["incident_id"]:
                openings.append(_new_opening(record))
            _take(openings[-1], record)
    openings.sort(key=lambda opening: (opening["opened"], opening["id"]))
    return openings


def _new_opening(record):
    opened = record.get("reopened_at") if record["state"] == "reopened" else record["opened_at"]
    return {"id": record["incident_id"], "opened": ms(opened or record["updated_at"]), "over": None, "ranks": [],
            "first_ranks": None, "changed": None, "affected": set(), "symptoms": set(), "severity": record["severity"]}


def _take(opening, record):
    ranks = [(root["score"], root["entity"]) for root in record["root"]]
    if opening["first_ranks"] is None:
        opening["first_ranks"] = ranks
    if ranks and (not opening["ranks"] or ranks[0][1] != opening["ranks"][0][1]):
        opening["changed"] = ms(record["updated_at"])
    if ranks:
        opening["ranks"] = ranks
    opening["severity"] = record["severity"]
    opening["over"] = ms(record["updated_at"]) if record["status"] != "open" else None
    seen = {}
    for symptom in record["symptoms"]:
        opening["symptoms"].add((symptom["signal"], symptom["entity"], ms(symptom["onset"])))
        seen.setdefault(symptom["entity"], set()).add(symptom["severity"])
    opening["affected"] = {impact["entity"] for impact in record["impact"] if not impact["potential"]
                           and seen.get(impact["entity"], {"?"}) != {"info"}}


def shares_of(ranks, roots):
    """(share of the first place, share of the first three) that falls to one of `roots`."""
    places_of = {}
    for score, entity in ranks:  # the order is the engine's: a root that was first keeps its place within a margin
        places_of.setdefault(entity, score)
    place, first, three = 0, 0.0, 0.0
    for _, group in itertools.groupby(places_of.items(), key=lambda item: item[1]):
        tied = [entity for entity, _ in group]
        right = sum(entity in roots for entity in tied)
        if right:
            first = right / len(tied) if place == 0 else 0.0
            # The chance that none of the right ones is among the places of the first three.
            places = min(max(0, 3 - place), len(tied))
            three = 1 - math.comb(len(tied) - right, places) / math.comb(len(tied), places) if places else 0.0
            break
        place += len(tied)
    return first, three


# --- One case ---


def _window(fault):
    return ms(fault["window"][0]), ms(fault["window"][1])


def _nearest(faults, time):
    """The index of the fault whose window holds the time, the nearest if several do; else None."""
    best = None
    for index, fault in enumerate(faults):
        start, end = _window(fault)
        distance = abs(time - ms(fault["time"]))
        if start <= time <= end and (best is None or distance < best[0]):
            best = (distance, index)
    return best[1] if best else None


def quiet_hours(case):
    """Hours of the case that lie in no fault's window."""
    start, end = ms(case["start"]), ms(case["end"])
    covered, at = 0, start
    for low, high in sorted(_window(fault) for fault in case["faults"]):
        low, high = max(low, at), min(high, end)
        if high > low:
            covered += high - low
            at = high
    return max(0, end - start - covered) / 3_600_000


def score_case(case, openings):
    """Everything that `summary` needs of one case."""
    faults = case["faults"]
    taken, duplicates, false = {}, {}, []
    for opening in openings:
        index = _nearest(faults, opening["opened"])
        if index is None:
            false.append(opening)
        elif index in taken:
            duplicates.setdefault(index, []).append(opening)
        else:
            taken[index] = opening
    rows = [_score_fault(fault, taken.get(index), duplicates.get(index, [])) for index, fault in enumerate(faults)]
    quiet = quiet_hours(case)
    return {"name": case["name"], "faults": rows, "quiet_hours": quiet, "openings": len(openings),
            "false": [_shown(opening) for opening in false], "grouping": _grouping(faults, openings)}


def _shown(opening):
    at = datetime.datetime.fromtimestamp(opening["opened"] / 1000, datetime.timezone.utc)
    return {"id": opening["id"], "opened": at.strftime("%Y-%m-%dT%H:%M:%SZ"), "severity": opening["severity"],
            "root": [entity for _, entity in opening["ranks"][:3]],
            "signals": sorted({f"{signal} on {entity}" for signal, entity, _ in opening["symptoms"]})}


def _score_fault(fault, opening, duplicates):
    row = {"name": fault["name"], "family": fault.get("family"), "roots": fault["roots"], "found": opening is not None,
           "duplicates": len(duplicates), "duplicate_openings": [_shown(other) for other in duplicates],
           "top1": 0.0, "top3": 0.0, "first_top1": 0.0, "delay": None, "right_after": None,
           "jaccard": None if fault.get("affected") is None else 0.0}
    if opening is None:
        return row
    roots, time = set(fault["roots"]), ms(fault["time"])
    row.update(_shown(opening))
    row["delay"] = (opening["opened"] - time) / 1000
    row["top1"], row["top3"] = shares_of(opening["ranks"], roots)
    row["first_top1"] = shares_of(opening["first_ranks"] or [], roots)[0]
    if opening["ranks"] and opening["ranks"][0][1] in roots:
        row["right_after"] = (opening["changed"] - time) / 1000
    if fault.get("affected") is not None:
        row["jaccard"], row["affected_missing"], row["affected_wrong"] = _jaccard(fault, opening)
    return row


def _jaccard(fault, opening):
    """Of root and affected together, so that it does not matter which of them is called the root."""
    right = set(fault["affected"]) | set(fault["roots"][:1])
    found = opening["affected"] | {entity for _, entity in opening["ranks"][:1]}
    if opening["ranks"] and opening["ranks"][0][1] in fault["roots"][1:]:
        found -= {opening["ranks"][0][1]}  # another name of what failed, which is no victim
    return (len(right & found) / len(right | found) if right | found else 1.0, sorted(right - found),
            sorted(found - right))


def _grouping(faults, openings):
    """[(fault's index, opening's id)] of all symptoms that lie in a fault's window."""
    pairs = []
    for number, opening in enumerate(openings):
        for _, _, onset in sorted(opening["symptoms"]):
            index = _nearest(faults, onset)
            if index is not None:
                pairs.append((index, number))
    return pairs


def v_measure(pairs):
    """Rosenberg and Hirschberg 2007, beta 1. 1 of no pairs."""
    if not pairs:
        return 1.0
    total = len(pairs)

    def entropy(counts):
        return -sum(count / total * math.log(count / total) for count in counts.values())

    def counted(keys):
        counts = {}
        for key in keys:
            counts[key] = counts.get(key, 0) + 1
        return counts

    classes, clusters = entropy(counted(a for a, _ in pairs)), entropy(counted(b for _, b in pairs))
    joint = entropy(counted(pairs))
    homogeneity = 1.0 if classes == 0 else 1 - (joint - clusters) / classes
    completeness = 1.0 if clusters == 0 else 1 - (joint - classes) / clusters
    both = homogeneity + completeness
    return 2 * homogeneity * completeness / both if both > 1e-12 else 0.0


# --- Figures ---


def _mean(values):
    values = [value for value in values if value is not None]
    return statistics.fmean(values) if values else None


def _quantile(values, share):
    values = sorted(value for value in values if value is not None)
    return values[max(0, math.ceil(share * len(values)) - 1)] if values else None


def summary(scored, select=None):
    """Figures of several scored cases; `select(index among all faults, fault's row)` picks faults."""
    rows = [row for case in scored for row in case["faults"]]
    if select:
        rows = [row for index, row in enumerate(rows) if select(index, row)]
    found = [row for row in rows if row["found"]]
    quiet = sum(case["quiet_hours"] for case in scored)
    false = sum(len(case["false"]) for case in scored)
    matched = len(found)
    figures = {
        "faults": len(rows), "recall": _mean([float(row["found"]) for row in rows]),
        "duplicates_per_fault": _mean([row["duplicates"] for row in rows]),
        "delay_median": _quantile([row["delay"] for row in found], 0.5),
        "delay_p90": _quantile([row["delay"] for row in found], 0.9),
        "root_top1": _mean([row["top1"] for row in rows]), "root_top3": _mean([row["top3"] for row in rows]),
        "root_top1_at_opening": _mean([row["first_top1"] for row in rows]),
        "right_root_median": _quantile([row["right_after"] for row in found], 0.5),
        "jaccard": _mean([row["jaccard"] for row in rows])}
    if not select:
        pairs = [((number, a), (number, b)) for number, case in enumerate(scored) for a, b in case["grouping"]]
        total = matched + false + sum(row["duplicates"] for row in rows)
        figures.update({
            "precision": matched / total if total else None, "openings": sum(case["openings"] for case in scored),
            "false": false, "quiet_hours": quiet, "false_per_quiet_hour": false / quiet if quiet else None,
            "v_measure": v_measure(pairs)})
    return figures


def read_records(path):
    records = []
    with open(path, encoding="utf-8") as file:
        for line, text in enumerate(file, 1):
            if not text.strip():
                continue
            try:
                record = json.loads(text)
            except json.JSONDecodeError as error:
                raise ValueError(f"{path}:{line}:{error.colno}: {error.msg}") from error
            if "incident_id" not in record:
                raise ValueError(f"{path}:{line}: no incident record")
            records.append(record)
    return records


def main():
    parser = argparse.ArgumentParser(description="how good incidents are, by what really failed")
    parser.add_argument("--truth", required=True)
    parser.add_argument("--incidents", required=True)
    arguments = parser.parse_args()
    try:
        with open(arguments.truth, encoding="utf-8") as file:
            truth = json.load(file)
        if isinstance(truth, list):
            scored = [score_case(case, openings_of(read_records(os.path.join(arguments.incidents,
                                                                            f"{case['name']}.jsonl"))))
                      for case in truth]
        else:
            scored = [score_case(truth, openings_of(read_records(arguments.incidents)))]
    except (OSError, ValueError, KeyError) as error:
        print(f"score.py: {error}", file=sys.stderr)
        return 66
    out = {"figures": summary(scored), "cases": scored}
    families = sorted({row["family"] for case in scored for row in case["faults"] if row["family"]})
    if families:
        out["families"] = {family: summary(scored, lambda _, row, wanted=family: row["family"] == wanted)
                           for family in families}
    for case in out["cases"]:
        del case["grouping"]
    json.dump(out, sys.stdout, indent=1)
    print()
    return 0


if __name__ == "__main__":
    sys.exit(main())
