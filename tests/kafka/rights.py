"""The tables of docs/operating.md under "Topics, groups and rights", read so that the broker can be held to them.

Rights: Resource type | Name | Operations | Why. Topics: Topic | Partitions | Settings …: cells with `key=value`.
`<group>` stands for the group, `<input>` for every topic that is read.
"""

import re

HEADING = "Topics, groups and rights"


def section(page):
    match = re.search(rf"^(#+) {HEADING}\n(.*?)(?=^#{{1,2}} |\Z)", page, re.MULTILINE | re.DOTALL)
    assert match, f"docs/operating.md has no heading {HEADING!r}"
    return match.group(2)


def tables(text):
    """Lists of rows, each a map from the column's name to its cell."""
    found, columns = [], None
    for line in text.split("\n"):
        if not line.startswith("|"):
            columns = None
            continue
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if columns is None:
            columns = [cell.lower() for cell in cells]
            found.append([])
        elif not set("".join(cells)) <= set("-: "):
            found[-1].append(dict(zip(columns, cells)))
    return found


def table_with(page, *columns):
    for rows in tables(section(page)):
        if rows and set(columns) <= set(rows[0]):
            return rows
    raise AssertionError(f"no table with the columns {columns} under {HEADING!r}")


def names_in(cell, names):
    """The names between backticks, their placeholders replaced."""
    for name in re.findall(r"`([^`]+)`", cell):
        if name == "<input>":
            yield from names["inputs"]
        else:
            yield name.replace("<group>", names["group"])


def rights_table(page, names):
    """(resource type, name, literal or prefixed, operation) of every right."""
    rights = []
    for row in table_with(page, "resource type", "name", "operations"):
        resource = row["resource type"].strip("`").lower().replace("transactionalid", "transactional id")
        pattern = "prefixed" if "prefix" in row["name"].lower() else "literal"
        found = list(names_in(row["name"], names))
        if resource == "cluster":
            found = ["kafka-cluster"]
        for name in found:
            for operation in re.findall(r"[A-Za-z]+", row["operations"].replace("`", "")):
                rights.append((resource, name.rstrip("*"), pattern, operation.lower()))
    return rights


def topics_table(page, names):
    """Topic -> (partitions, settings) of every topic that we create."""
    topics = {}
    for row in table_with(page, "topic", "partitions"):
        if not row["partitions"].split(" ")[0].isdigit():
            continue
        settings = {}
        for cell in row.values():
            settings.update(re.findall(r"`([a-z.]+)=([^`]+)`", cell))
        for name in names_in(row["topic"], names):
            topics[name] = (int(row["partitions"].split(" ")[0]), settings)
    return topics
