"""Nezha (IntelligentDDS): days of per-pod metrics, latency of call edges, and injected faults.

Entities: pod, node, entry (what users see, where that is not one pod). Relations: calls pod -> pod, placed_on pod ->
node, enters entry -> pod.
"""

import os
import re

import case as cases
from case import BadData, Case

LABELS = ("pod", "node", "entry", "caller", "callee")
BEFORE_MS, AFTER_MS = 60_000, 420_000  # the window of "Scoring"
_IP = re.compile(r"\d{1,3}(\.\d{1,3}){3}")


def load(folder):
    """A Case for each day found below the folder, by name."""
    days = []
    for path, folders, files in sorted(os.walk(folder)):
        folders.sort()
        for name in sorted(files):
            if name.endswith("fault_list.json"):
                days.append(os.path.join(path, name))
    if not days:
        raise BadData(folder, "no *fault_list.json below it")
    return [_load_day(path) for path in days]


def _load_day(list_path):
    folder = os.path.dirname(list_path)
    metrics = os.path.join(folder, "metric")
    if not os.path.isdir(metrics):
        raise BadData(metrics, "no such folder; a day is *fault_list.json beside metric/")
    case = Case(os.path.basename(folder) or os.path.basename(list_path), LABELS)
    pods = {}  # service -> its pods
    for name in sorted(os.listdir(metrics)):
        if name.endswith("_metric.csv"):
            pod = _read_pod(os.path.join(metrics, name), name[:-len("_metric.csv")], case)
            pods.setdefault(_service_of(pod), []).append(pod)
    if not pods:
        raise BadData(metrics, "no *_metric.csv")
    _read_map(os.path.join(metrics, "dependency.csv"), pods, case)
    for side in ("source", "destination"):
        _read_edges(os.path.join(metrics, f"{side}_50.csv"), f"call_{side}_latency_p50_seconds", pods, case)
    _read_entry(os.path.join(metrics, "front_service.csv"), pods, case)
    _read_faults(list_path, case)
    return case.finish()


def _service_of(pod):
    """`cart-579f59597d-wc2lz` and `cart-0` are pods of cart."""
    match = re.fullmatch(r"(.+)-[a-z0-9]{5,10}-[a-z0-9]{5}", pod) or re.fullmatch(r"(.+)-\d+", pod)
    return match.group(1) if match else pod


def _time_column(header, path):
    for wanted in ("time", "timestamp"):
        for at, name in enumerate(header):
            if name.strip().lower() == wanted:
                return at, wanted == "timestamp"
    raise BadData(f"{path}:1", "neither a column Time nor TimeStamp")


def _rows(path):
    """Yields (place, time, {column: cell}). The column Time is right where TimeStamp is not."""
    header, rows = cases.read_csv(path)
    at, is_seconds = _time_column(header, path)
    for line, cells in rows:
        place = f"{path}:{line}"
        if is_seconds:
            seconds = cases.number(cells[at], place)
            if seconds is None:
                raise BadData(place, "no time")
            time = int(seconds * 1000)
        else:
            time = cases.time_ms(cells[at], place)
        yield place, time, {name: cell for name, cell in zip(header, cells) if name.lower() not in ("time", "timestamp")}


def _values(place, cells, columns):
    """{metric: value} of the cells that hold a number."""
    out = {}
    for column, metric in columns.items():
        value = cases.number(cells[column], place) if column in cells else None
        if value is not None:
            out[metric] = value
    return out


def _read_pod(path, pod, case):
    case.add_entity("pod", pod)
    columns = None
    for place, time, cells in _rows(path):
        if columns is None:
            columns = {name: cases.metric_name(name) for name in cells if name.lower() not in ("podname", "pod_name")}
        named = next((cell.strip() for name, cell in cells.items() if name.lower() in ("podname", "pod_name")), pod)
        if named and named != pod:
            raise BadData(place, f"a row of {named} in the file of {pod}")
        values = _values(place, cells, columns)
        own = {name if name.startswith("pod_") else f"pod_{name}": value for name, value in values.items()
               if not name.startswith("node_")}
        node = {name: value for name, value in values.items() if name.startswith("node_")}
        if own:
            case.rows.append((time, {"pod": pod}, own))
        if node:
            case.rows.append((time, {"pod": pod, "node": ""}, node))  # which node is known after the map
    return pod


def _read_map(path, pods, case):
    nodes = {}
    if os.path.exists(path):
        _, rows = cases.read_csv(path)
        for line, cells in rows:
            if len(cells) < 2:
                raise BadData(f"{path}:{line}", "fewer than two columns")
            source, target = cells[0].strip(), cells[1].strip()
            for pod in pods.get(source, []):
                if _IP.fullmatch(target):
                    nodes[pod] = target
                    case.relate("placed_on", ("pod", pod), case.add_entity("node", target))
                for callee in pods.get(target, []):
                    case.relate("calls", ("pod", pod), ("pod", callee))
            if source not in pods or (target not in pods and not _IP.fullmatch(target)):
                case.notes.append(f"{path}:{line}: {source} -> {target}: no metrics of one end")
    else:
        case.notes.append(f"{path}: missing; the map is that of the measured edges")
    placed = []
    for time, labels, metrics in case.rows:
        if "node" in labels:
            if labels["pod"] not in nodes:
                continue
            labels = {"node": nodes[labels["pod"]]}
        placed.append((time, labels, metrics))
    case.rows = placed


def _ends(column, pods):
    """The two services of `caller_callee`, whose own names may hold a `_`."""
    for at, letter in enumerate(column):
        if letter == "_" and column[:at] in pods and column[at + 1:] in pods:
            return column[:at], column[at + 1:]
    return None


def _read_edges(path, metric, pods, case):
    if not os.path.exists(path):
        case.notes.append(f"{path}: missing")
        return
    ends = None
    for place, time, cells in _rows(path):
        if ends is None:
            ends = {column: _ends(column, pods) for column in cells}
            case.notes += [f"{path}: column {column}: no two services with metrics"
                           for column, pair in ends.items() if pair is None]
            for pair in filter(None, ends.values()):
                for caller in pods[pair[0]]:
                    for callee in pods[pair[1]]:
                        case.relate("calls", ("pod", caller), ("pod", callee))
        for column, pair in ends.items():
            value = cases.number(cells[column], place) if pair else None
            if value is None:
                continue
            for caller in pods[pair[0]]:
                for callee in pods[pair[1]]:
                    case.rows.append((time, {"caller": caller, "callee": callee}, {metric: value}))


def _read_entry(path, pods, case):
    """What users see of a service: that service's own, if it is one pod; else an entry in front of its pods."""
    if not os.path.exists(path):
        case.notes.append(f"{path}: missing")
        return
    columns, labels_of = None, {}
    for place, time, cells in _rows(path):
        name = next((cell.strip() for key, cell in cells.items() if key.lower() == "servicename"), "") or "front"
        if columns is None:
            columns = {key: f"service_{cases.metric_name(key)}" for key in cells if key.lower() != "servicename"}
        if name not in labels_of:
            labels_of[name] = _stands_for(name, pods, case)
        values = _values(place, cells, columns)
        if values:
            case.rows.append((time, labels_of[name], values))


def _stands_for(name, pods, case):
    behind = next((found for service, found in pods.items() if service.lower() == name.lower()), None)
    if behind is None:  # whoever nobody else calls takes the users' calls
        called = {on for relation, _, on in case.relations if relation == "calls"}
        behind = [pod for found in pods.values() for pod in found if ("pod", pod) not in called]
    if len(behind) == 1:
        return {"pod": behind[0]}
    for pod in behind:
        case.relate("enters", case.add_entity("entry", name), ("pod", pod))
    return {"entry": name}


def _read_faults(path, case):
    listed = cases.read_json(path)
    groups = listed.values() if isinstance(listed, dict) else [listed]
    for group in groups:
        for fault in group if isinstance(group, list) else [group]:
            if not isinstance(fault, dict) or not fault.get("inject_time") or not fault.get("inject_pod"):
                raise BadData(path, f"a fault without inject_time and inject_pod: {fault}")
            time = cases.time_ms(fault["inject_time"], path)
            pod = fault["inject_pod"].strip()
            if ("pod", pod) not in case.entities:
                case.notes.append(f"{path}: {pod} has no metrics: its fault can only be missed")
            case.faults.append({
                "name": f"{cases.shown(time)[11:19]} {fault.get('inject_type', 'fault')} {pod}",
                "time": time, "window": [time - BEFORE_MS, time + AFTER_MS],
                "roots": [cases.entity_name(("pod", pod))], "affected": None})
    case.faults.sort(key=lambda fault: fault["time"])
