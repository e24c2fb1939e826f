"""Reports as aligned text and as Markdown."""

COLUMNS = (
    ("recall", "recall", "{:.2f}"), ("precision", "precision", "{:.2f}"), ("duplicates", "duplicates_per_fault", "{:.2f}"),
    ("false/quiet h", "false_per_quiet_hour", "{:.2f}"), ("delay p50", "delay_median", "{:.0f} s"),
    ("delay p90", "delay_p90", "{:.0f} s"), ("top-1", "root_top1", "{:.2f}"), ("top-3", "root_top3", "{:.2f}"),
    ("affected", "jaccard", "{:.2f}"), ("V-measure", "v_measure", "{:.2f}"))


def _cells(figures):
    return ["–" if figures.get(key) is None else form.format(figures[key]) for _, key, form in COLUMNS]


def rows_of(report):
    """[(who, cells)]: ours, its halves, the baselines."""
    rows = [("Rootnote", _cells(report["ours"]))]
    rows += [(f"  {half} faults only", _cells(figures)) for half, figures in report["halves"].items()]
    return rows + [(label, _cells(figures)) for label, figures in report["baselines"].items()]


def aligned(header, rows):
    widths = [max(len(row[at]) for row in [header] + rows) for at in range(len(header))]
    lines = []
    for row in [header] + rows:
        lines.append("  ".join([row[0].ljust(widths[0])] + [cell.rjust(width) for cell, width in zip(row[1:], widths[1:])]))
    return "\n".join(lines)


def of_set(report):
    ours = report["ours"]
    head = (f"{report['set']}: {ours['faults']} faults, {ours['quiet_hours']:.1f} quiet hours, "
            f"engine {report['engine_seconds']:.0f} s")
    header = [""] + [name for name, _, _ in COLUMNS]
    return head + "\n" + aligned(header, [[who, *cells] for who, cells in rows_of(report)])


def markdown(reports):
    lines = ["| Set | | " + " | ".join(name for name, _, _ in COLUMNS) + " |",
             "| --- | --- |" + " ---: |" * len(COLUMNS)]
    for report in reports:
        name = f"{report['set']} ({report['ours']['faults']} faults)"
        for who, cells in rows_of(report):
            lines.append(f"| {name} | {who.strip()} | " + " | ".join(cells) + " |")
            name = ""
    return "\n".join(lines)


def faults(report):
    """Each fault, and what stood where none was."""
    lines = []
    for case in report["cases"]:
        for row in case["faults"]:
            if not row["found"]:
                lines.append(f"  missed     {row['name']}")
                continue
            verdict = "right" if row["top1"] == 1 else "tied" if row["top1"] > 0 else "top-3" if row["top3"] > 0 else "WRONG"
            more = f", {row['duplicates']} more" if row["duplicates"] else ""
            lines.append(f"  {verdict:<10} {row['name']}  +{row['delay']:.0f} s  {' > '.join(row['root'])}{more}")
            if row["top1"] < 1:
                lines.append(f"             {'; '.join(row['signals'])}")
            if row["jaccard"] is not None and row["jaccard"] < 1:
                lines.append(f"             affected {row['jaccard']:.2f}: not found {row['affected_missing']}, "
                             f"wrong {row['affected_wrong']}")
            for other in row["duplicate_openings"]:
                lines.append(f"             also {other['opened']} {' > '.join(other['root'])}: {'; '.join(other['signals'])}")
        for opening in case["false"]:
            lines.append(f"  false      {opening['opened']} {opening['severity']} {' > '.join(opening['root'])}: "
                         f"{'; '.join(opening['signals'])}")
    return "\n".join(lines)
