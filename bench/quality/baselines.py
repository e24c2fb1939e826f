"""What others do with the same signals, for comparison: each gets what our own detection found, and the same map.

A signal is {signal, entity, family, severity, fired, ended}. A baseline turns signals into openings as score.py knows
them. Those that know no grouping of their own share one: what is wrong at the same time is one incident.
"""

import collections

import score

HOLD_MS = 20_000  # as our own hold-back
QUIET_MS = 60_000  # as our own `resolve after`
GROUP_WAIT_MS = 30_000  # Alertmanager's defaults: group_wait, and its resolve_timeout for the end
GROUP_END_MS = 300_000
RESTART = 0.15  # the usual damping of PageRank
BACKWARD = 0.1  # how readily the walk goes back to a caller (rho of MonitorRank)
STEPS = 60  # 0.85^60 < 1e-4: the walk has settled


def signals_of(transitions):
    """From the lines of `replay --signals`: each time that a signal fired on an entity, until it was over."""
    firing, signals = {}, []
    for line in transitions:
        key = (line["signal"], line["entity"], line.get("relation_from"))
        if line["to"] == "firing":
            firing[key] = {"signal": line["signal"], "entity": line["entity"], "family": line["family"],
                           "severity": line["severity"], "onset": score.ms(line["onset"]),
                           "fired": score.ms(line["time"]), "ended": None}
            signals.append(firing[key])
        elif line["from"] == "firing":
            firing.pop(key)["ended"] = score.ms(line["time"])
    return sorted(signals, key=lambda signal: (signal["fired"], signal["entity"], signal["signal"]))


def _sessions(signals, quiet=QUIET_MS):
    """Lists of signals: one ends when nothing of it was wrong for `quiet`."""
    sessions, until = [], None
    for signal in signals:
        if until is None or signal["fired"] > until + quiet:
            sessions.append([])
            until = signal["fired"]
        sessions[-1].append(signal)
        until = max(until, signal["ended"] if signal["ended"] is not None else float("inf"))
    return [session for session in sessions if any(signal["severity"] != "info" for signal in session)]


def _opening(name, session, ranks, wait):
    first = min(signal["fired"] for signal in session if signal["severity"] != "info")
    return {"id": name, "opened": first + wait, "over": None, "ranks": ranks, "first_ranks": ranks,
            "changed": first + wait, "severity": "warning",
            "affected": {signal["entity"] for signal in session if signal["severity"] != "info"},
            "symptoms": {(signal["signal"], signal["entity"], signal["onset"]) for signal in session}}


def earliest_symptom(signals, depends_on):
    """Whoever began first."""
    del depends_on
    openings = []
    for number, session in enumerate(_sessions(signals)):
        began = {}
        for signal in session:
            began[signal["entity"]] = min(began.get(signal["entity"], signal["onset"]), signal["onset"])
        ranks = sorted(((-onset, entity) for entity, onset in began.items()), reverse=True)
        openings.append(_opening(f"earliest-{number}", session, ranks, HOLD_MS))
    return openings


def deepest_anomalous(signals, depends_on):
    """Those from which no other anomalous entity can be reached through anomalous ones."""
    openings = []
    for number, session in enumerate(_sessions(signals)):
        anomalous = {signal["entity"] for signal in session}
        ranks = [(0 if (depends_on.get(entity, set()) & anomalous) - {entity} else 1, entity) for entity in anomalous]
        openings.append(_opening(f"deepest-{number}", session, sorted(ranks, reverse=True), HOLD_MS))
    return openings


def label_groups(signals, depends_on):
    """Alertmanager, grouped by the name of the alert: it names no root, all of a group are equal."""
    del depends_on
    by_name = collections.defaultdict(list)
    for signal in signals:
        by_name[signal["signal"]].append(signal)
    openings = []
    for name, group in sorted(by_name.items()):
        for number, session in enumerate(_sessions(group, GROUP_END_MS)):
            ranks = [(0, entity) for entity in sorted({signal["entity"] for signal in session})]
            openings.append(_opening(f"{name}-{number}", session, ranks, GROUP_WAIT_MS))
    return sorted(openings, key=lambda opening: opening["opened"])


def random_walk(signals, depends_on):
    """Random walk with restart on the anomalous part of the map, as MonitorRank and MicroRCA do it."""
    openings = []
    for number, session in enumerate(_sessions(signals)):
        weight = collections.Counter()
        for signal in session:
            weight[signal["entity"]] += 1
        scores = _walk(weight, depends_on)
        ranks = sorted(((round(score, 9), entity) for entity, score in scores.items()), reverse=True)
        openings.append(_opening(f"walk-{number}", session, ranks, HOLD_MS))
    return openings


def _walk(weight, depends_on):
    nodes = sorted(weight)
    steps = {}
    for node in nodes:
        out = {other: float(weight[other]) for other in depends_on.get(node, ()) if other in weight and other != node}
        deepest = max(out.values(), default=0.0)
        for other in nodes:
            if node in depends_on.get(other, ()) and other != node:
                out[other] = out.get(other, 0.0) + BACKWARD * weight[node]
        out[node] = max(0.0, weight[node] - deepest)  # stay where nothing below is more anomalous
        total = sum(out.values())
        steps[node] = {other: value / total for other, value in out.items()} if total else {node: 1.0}
    total = sum(weight.values())
    restart = {node: weight[node] / total for node in nodes}
    scores = dict(restart)
    for _ in range(STEPS):
        after = {node: RESTART * restart[node] for node in nodes}
        for node in nodes:
            for other, share in steps[node].items():
                after[other] += (1 - RESTART) * scores[node] * share
        scores = after
    return scores


ALL = (("earliest symptom", earliest_symptom), ("deepest anomalous entity", deepest_anomalous),
       ("label grouping", label_groups), ("random walk", random_walk))


def depends_on(case, entity_name):
    """{entity: those it depends on} from a case's relations."""
    out = collections.defaultdict(set)
    for _, depends, on in case.relations:
        out[entity_name(depends)].add(entity_name(on))
    return out
