"""What a loader makes of a set, and how it is written as Rootnote's own JSON.

A Case is one stretch of time over one estate: rows and events (what was measured), entities and relations (the map), and
faults (the truth, which the engine never sees). Times are whole milliseconds since 1970.
"""

import csv
import datetime
import json
import random
import re
import statistics
import urllib.parse


class BadData(Exception):
    """A file that is not as its set says, with the place."""

    def __init__(self, place, message):
        super().__init__(f"{place}: {message}")


class Case:
    """One replay. `identity` are the labels whose values name entities: those that --rename renames."""

    def __init__(self, name, identity):
        self.name = name
        self.identity = frozenset(identity)
        self.rows = []  # (time, labels, {metric: value})
        self.events = []  # (time, name, labels, attributes, message)
        self.entities = {}  # (kind, id) -> labels
        self.relations = set()  # (relation, (kind, id), (kind, id))
        self.faults = []  # see score.py
        self.notes = []  # what the loader left out, and why
        self.start = None  # the stretch that counts as quiet where no fault is
        self.end = None

    def add_entity(self, kind, ident, labels=None):
        self.entities.setdefault((kind, ident), {}).update(labels or {})
        return (kind, ident)

    def relate(self, relation, depends, on):
        if depends != on:
            self.relations.add((relation, depends, on))

    def span(self):
        times = [row[0] for row in self.rows] + [event[0] for event in self.events]
        if not times:
            raise BadData(self.name, "not one sample or event")
        return min(times), max(times)

    def finish(self):
        """Sets start and end where the loader did not."""
        first, last = self.span()
        self.start = first if self.start is None else self.start
        self.end = last if self.end is None else self.end
        return self


def entity_name(entity):
    kind, ident = entity
    return f"{kind}:{urllib.parse.quote(ident, safe=' -_.~@+,;=()[]&$!*#?')}"


def write_input(case, path, seed=None):
    """Samples and events by time. With a seed in another order, within what --allowed-lateness 5s bears."""
    lines = []
    for time, labels, metrics in case.rows:
        lines.append((time, {"metrics": metrics, "labels": labels, "time": time}))
    for time, name, labels, attributes, message in case.events:
        record = {"event": name, "labels": labels, "attributes": attributes, "time": time}
        if message:
            record["message"] = message
        lines.append((time, record))
    if seed is None:
        lines.sort(key=lambda line: line[0])
    else:
        dice = random.Random(seed)
        lines = [(time // 4000, dice.random(), record) for time, record in lines]
        lines.sort(key=lambda line: line[:2])
    with open(path, "w", encoding="utf-8") as file:
        for line in lines:
            file.write(json.dumps(line[-1], separators=(",", ":")) + "\n")


def write_topology(case, path, seed=None):
    lines = [{"entity": entity_name(entity), "labels": labels} for entity, labels in sorted(case.entities.items())]
    lines += [{"relation": relation, "from": entity_name(depends), "to": entity_name(on)}
              for relation, depends, on in sorted(case.relations)]
    if seed is not None:
        random.Random(seed).shuffle(lines)
    with open(path, "w", encoding="utf-8") as file:
        for line in lines:
            file.write(json.dumps(line, separators=(",", ":")) + "\n")


def renamed(case, seed):
    """(The same case with other names for all entities, {new entity name: old one})."""
    dice = random.Random(seed)
    new_names = {}

    def new(value):
        if value not in new_names:
            new_names[value] = f"{dice.getrandbits(48):012x}"
        return new_names[value]

    def relabel(labels):
        return {key: new(value) if key in case.identity else value for key, value in labels.items()}

    for _, ident in sorted(case.entities):
        new(ident)
    other = Case(case.name, case.identity)
    other.rows = [(time, relabel(labels), metrics) for time, labels, metrics in case.rows]
    other.events = [(time, name, relabel(labels), attributes, message)
                    for time, name, labels, attributes, message in case.events]
    other.entities = {(kind, new(ident)): relabel(labels) for (kind, ident), labels in case.entities.items()}
    other.relations = {(relation, (depends[0], new(depends[1])), (on[0], new(on[1])))
                       for relation, depends, on in case.relations}
    back = {entity_name((kind, new(ident))): entity_name((kind, ident)) for kind, ident in case.entities}
    other.faults, other.start, other.end = case.faults, case.start, case.end
    return other, back


# --- Reading ---


def read_csv(path):
    """(header, [(line number, cells)]). Lines of another width than the header are errors."""
    with open(path, encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file)
        header = next(reader, None)
        if not header:
            raise BadData(path, "empty: no header")
        rows = []
        for cells in reader:
            if not cells:
                continue
            if len(cells) != len(header):
                raise BadData(f"{path}:{reader.line_num}", f"{len(cells)} cells, the header has {len(header)}")
            rows.append((reader.line_num, cells))
    return [cell.strip() for cell in header], rows


def read_json(path):
    try:
        with open(path, encoding="utf-8-sig") as file:
            return json.load(file)
    except json.JSONDecodeError as error:
        raise BadData(f"{path}:{error.lineno}:{error.colno}", error.msg) from error


def number(cell, place):
    """None for what is no sample: empty, null, NaN, infinite."""
    try:
        value = float(cell)
    except ValueError as error:
        if cell.strip().lower() in ("", "null", "none", "na", "n/a", "-"):
            return None
        raise BadData(place, f"\"{cell}\" is no number") from error
    return value if value - value == 0 else None


_TIME = re.compile(r"(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d)(?::(\d\d)(\.\d+)?)?\s*(Z|UTC|[+-]\d\d:?\d\d)?")


def time_ms(text, place):
    """`2022-08-22 03:51:19.799087274 +0000 UTC m=+0.3` and its like; without a zone it is UTC."""
    match = _TIME.match(text.strip())
    if not match:
        raise BadData(place, f"\"{text}\" is no time")
    year, month, day, hour, minute, second, fraction, zone = match.groups()
    try:
        at = datetime.datetime(int(year), int(month), int(day), int(hour), int(minute), int(second or 0),
                               tzinfo=datetime.timezone.utc)
    except ValueError as error:
        raise BadData(place, f"\"{text}\": {error}") from error
    ms = int(at.timestamp()) * 1000 + int(float(fraction or 0) * 1000)
    if zone and zone[0] in "+-":
        offset = int(zone[1:3]) * 60 + int(zone[-2:])
        ms -= offset * 60000 * (1 if zone[0] == "+" else -1)
    return ms


def shown(ms):
    return datetime.datetime.fromtimestamp(ms / 1000, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def median_step(times):
    """The usual distance of ascending times, or None."""
    steps = [b - a for a, b in zip(times, times[1:]) if b > a]
    return int(statistics.median(steps)) if steps else None


_UNITS = {"%": "percent", "s": "seconds", "ms": "milliseconds", "m": "millicores", "Mi": "mebibytes", "Ops": "ops"}


def metric_name(column):
    """`CpuUsageRate(%)` is cpu_usage_rate_percent."""
    match = re.fullmatch(r"(.*?)\s*\(([^()]*)\)", column.strip())
    base, unit = match.groups() if match else (column.strip(), "")
    base = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", base)
    words = [base] + ([_UNITS.get(unit, unit)] if unit else [])
    name = re.sub(r"[^a-z0-9]+", "_", "_".join(words).lower()).strip("_")
    return name if name and not name[0].isdigit() else f"m_{name}"
