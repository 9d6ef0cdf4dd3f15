"""The docs page of the event table, made from the table: `python -m musegen.tokens.page`."""

import sys

from musegen.tokens.fields import FIELDS, KINDS, OWN_LINKS, SEEN_LINKS, fingerprint


def events_page() -> str:
    """docs/events.md: every kind of row and every field, as Markdown."""
    lines = [
        "# Event rows",
        "",
        "Made from `musegen/tokens/fields.py` by `make docs`; do not edit by hand.",
        f"Fingerprint: `{fingerprint()}`.",
        "",
        "A row is the kind and that kind's fields in the order in which they are drawn. Order of",
        "rows in a piece: STYLE, FORM, TRACK for each track, then for every bar SECTION (where one",
        "begins), BAR, and its CHORD and NOTE rows by onset; END. In a rewrite, HOLE rows follow",
        "the BAR row of a bar with something hidden, and after the last bar ANSWER opens each",
        "hidden bar's notes.",
        "",
        "No row holds a pedal, a bend or another controller: a note is as long as its key is held,",
        "whether or not a pedal lets it sound on.",
        "",
        "## Kinds",
        "",
        "| kind | fields | meaning |",
        "|---|---|---|",
    ]
    for kind in KINDS:
        given = "" if kind.drawn else " (given, never drawn)"
        lines.append(f"| {kind.name} | {', '.join(kind.fields) or '-'} | {kind.meaning}{given} |")
    lines += ["", "## Fields", "", "| field | values | 0 means | meaning |", "|---|---|---|---|"]
    for field in FIELDS.values():
        zero = "unset" if field.optional else "the first value"
        lines.append(f"| {field.name} | {field.size} | {zero} | {field.meaning} |")
    lines += [
        "",
        "## Links",
        "",
        "Rows point back to other rows, found by arithmetic on rows alone. What the model knows",
        "of those rows is added to what it knows at this place.",
        "",
        "| link | points to | seen |",
        "|---|---|---|",
    ]
    lines += [f"| {name} | {to} | by every row |" for name, to in SEEN_LINKS.items()]
    lines += [f"| {name} | {to} | while a row is drawn |" for name, to in OWN_LINKS.items()]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(events_page())
