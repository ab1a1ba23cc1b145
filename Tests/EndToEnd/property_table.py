#!/usr/bin/python3
"""The table of an element's properties, as GObject knows them, in its page.

    Tests/EndToEnd/property_table.py ELEMENT PAGE            exit status 1 where the page's table differs
    Tests/EndToEnd/property_table.py --write ELEMENT PAGE    puts the table into the page

The table stands after the line `<!-- properties -->` up to the next empty line.
"""

import sys

import gi

gi.require_version("Gst", "1.0")
from gi.repository import GObject, Gst  # noqa: E402

MARK = "<!-- properties -->\n"
MUTABLE_PLAYING, CONTROLLABLE = 1 << (GObject.PARAM_USER_SHIFT + 4), 1 << (GObject.PARAM_USER_SHIFT + 1)


def number(value):
    if value >= 2**63 - 1:
        return "2^64 - 1" if value >= 2**64 - 1 else "2^63 - 1"
    return f"{value:g}" if isinstance(value, float) else str(value)


def kind(spec):
    """Type and default, and the range."""
    name = spec.value_type.name
    default = spec.default_value
    if spec.value_type.is_a(GObject.TYPE_ENUM):
        values = [v.value_nick for v in spec.enum_class.__enum_values__.values()]
        return f"enum, {default.value_nick}", ", ".join(values)
    if name in ("guint", "gint", "guint64", "gdouble", "gint64"):
        return f"{name[1:]}, {number(default)}", f"{number(spec.minimum)} to {number(spec.maximum)}"
    if name == "gboolean":
        return f"boolean, {str(default).lower()}", ""
    if name == "gchararray":
        return "string" + (f", {default}" if default else ""), ""
    return name, ""


def changes(spec):
    if not spec.flags & GObject.ParamFlags.WRITABLE:
        return "read only"
    if spec.flags & CONTROLLABLE:
        return "each clip, controllable"
    return "each clip" if spec.flags & MUTABLE_PLAYING else "next start"


def table(element):
    made = Gst.ElementFactory.make(element)
    lines = ["| property | type, default | range | counts from | |", "| --- | --- | --- | --- | --- |"]
    for spec in sorted(made.list_properties(), key=lambda spec: spec.name):
        if spec.owner_type.name not in (type(made).__gtype__.name,):
            continue
        typed, bounds = kind(spec)
        lines.append(f"| `{spec.name}` | {typed} | {bounds} | {changes(spec)} | {spec.blurb} |")
    return "\n".join(lines) + "\n"


def main():
    write = sys.argv[1] == "--write"
    element, page = sys.argv[1 + write :]
    Gst.init(None)
    with open(page) as file:
        text = file.read()
    start = text.index(MARK) + len(MARK)
    end = start if text[start] == "\n" else text.index("\n\n", start) + 1
    wanted = text[:start] + table(element) + text[end:]
    if write:
        with open(page, "w") as file:
            file.write(wanted)
        return 0
    if text == wanted:
        return 0
    print(f"{page}: the table of {element} is out of date; Tests/EndToEnd/property_table.py --write {element} {page}")
    return 1


sys.exit(main())
