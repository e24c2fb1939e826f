"""PetShop (Amazon Science): normal days, and issues of a few rows, each on its own.

Entities: component; client (who calls a component, seen from there); endpoint (an address that components call, seen
by them: what stands behind it is not known). Relation: calls, caller -> callee. One case per traffic scenario: the normal
rows, then each issue with an hour of normal rows behind it, so that one stream holds them all and nothing says where an
issue begins.
"""

import os

import case as cases
from case import BadData, Case

LABELS = ("component", "client", "endpoint")
REST_MS = 3_600_000  # normal rows between two issues: time to recover
BEFORE_MS, AFTER_MS = 60_000, 420_000


def _entity(name):
    """The tracer's own words at the end of a name tell addresses and clients from components."""
    name = name.strip()
    for ending, kind in (("_remote", "endpoint"), ("_client", "client")):
        if name.endswith(ending):
            return kind, name
    return "component", name


def load(folder):
    found = []
    for path, folders, _ in sorted(os.walk(folder)):
        folders.sort()
        if "noissue" in folders:
            found.append(path)
    if not found:
        raise BadData(folder, "no folder noissue below it")
    return [_load_scenario(path, os.path.relpath(path, folder)) for path in found]


def _load_scenario(folder, name):
    case = Case(os.path.basename(os.path.abspath(folder)) if name == "." else name, LABELS)
    normal_path = os.path.join(folder, "noissue", "metrics.csv")
    if not os.path.exists(normal_path):
        raise BadData(normal_path, "missing")
    normal = _read_rows(normal_path)
    step = cases.median_step([time for time, _ in normal])
    if step is None:
        raise BadData(normal_path, "fewer than two rows")
    _read_graph(os.path.join(folder, "graph.csv"), case)

    # A row holds what happened from its time to the next one's: it is known only then.
    for time, by_component in normal:
        _add(case, time + step, by_component)
    at = normal[-1][0] + step
    for number, issue in enumerate(_find_issues(folder, case)):
        rows = _read_rows(os.path.join(issue, "metrics.csv"))
        shift = at - rows[0][0]
        for time, by_component in rows:
            _add(case, time + shift + step, by_component)
        case.faults.append(_read_target(os.path.join(issue, "target.json"), shift, step, folder))
        at = rows[-1][0] + shift + step
        for row in range(max(1, REST_MS // step)):
            rest = normal[(number * max(1, REST_MS // step) + row) % len(normal)][1]
            _add(case, at + step, rest)
            at += step
    if not case.faults:
        raise BadData(folder, "no issue_* below it")
    case.start = normal[0][0] + step
    return case.finish()


def _add(case, time, by_component):
    for name, metrics in by_component.items():
        kind, ident = case.add_entity(*_entity(name))
        case.rows.append((time, {kind: ident}, metrics))


def _find_issues(folder, case):
    """Folders issue_* in the order of their own times."""
    issues = []
    for path, folders, files in sorted(os.walk(folder)):
        folders.sort()
        if os.path.basename(path).startswith("issue_"):
            if "metrics.csv" in files and "target.json" in files:
                issues.append(path)
            else:
                case.notes.append(f"{path}: metrics.csv or target.json is missing; left out")
    return sorted(issues, key=lambda path: (_read_rows(os.path.join(path, "metrics.csv"))[0][0], path))


def _read_rows(path):
    """[(time, {component: {metric: value}})]. Four lines of header: component, metric, statistic, the name of the time."""
    header, rows = cases.read_csv(path)
    if len(rows) < 4:
        raise BadData(path, "four lines of header and a row are needed")
    metrics, statistics = rows[0][1], rows[1][1]
    if metrics[0].strip() != "metric" or statistics[0].strip() != "statistic":
        raise BadData(f"{path}:2", "the first cells of lines 2 and 3 are not `metric` and `statistic`")
    names = [f"call_{cases.metric_name(metric)}_{cases.metric_name(statistic)}"
             for metric, statistic in zip(metrics, statistics)]
    out = []
    for line, cells in rows[2:]:
        place = f"{path}:{line}"
        seconds = cases.number(cells[0], place) if cells[0].strip() != "unix_timestamp" else None
        if seconds is None:
            if any(cell.strip() for cell in cells[1:]):
                raise BadData(place, f"\"{cells[0]}\" is no time")
            continue
        by_component = {}
        for at in range(1, len(cells)):
            value = cases.number(cells[at], place) if cells[at] else None
            if value is not None:
                by_component.setdefault(header[at], {})[names[at]] = value
        out.append((int(seconds * 1000), by_component))
    if not out:
        raise BadData(path, "no row")
    out.sort(key=lambda row: row[0])
    return out


def _read_graph(path, case):
    if not os.path.exists(path):
        case.notes.append(f"{path}: missing; there is no map")
        return
    header, rows = cases.read_csv(path)
    for line, cells in rows:
        caller = case.add_entity(*_entity(cells[0]))
        for callee, cell in zip(header[1:], cells[1:]):
            if cases.number(cell, f"{path}:{line}") or 0:
                case.relate("calls", caller, case.add_entity(*_entity(callee)))


def _read_target(path, shift, step, folder):
    target = cases.read_json(path)
    try:
        time = int(float(target["target"]["timestamp"]) * 1000) + shift
        root = target["root_cause"]["node"]
        symptom = f"{target['target']['node']} {target['target']['metric']}"
    except (KeyError, TypeError, ValueError) as error:
        raise BadData(path, f"no target.timestamp, target.node, target.metric and root_cause.node: {error!r}") from error
    name = os.path.relpath(os.path.dirname(path), folder)
    # What a row says is known when it ends: the window is longer by one row.
    return {"name": f"{name} {symptom}: {root}", "time": time, "window": [time - BEFORE_MS, time + AFTER_MS + step],
            "roots": [cases.entity_name(_entity(root))], "affected": None}
