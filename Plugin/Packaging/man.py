"""Writes the man page of the command, from `motiontransfer --experimental-dump-help` on standard input."""

import json
import sys
import textwrap


def escape(text):
    return text.replace("\\", "\\e").replace("-", "\\-").replace("\n.", "\n\\&.")


def paragraphs(text):
    for block in text.strip().split("\n\n"):
        if block.startswith("  "):
            yield ".PP\n.nf\n" + escape(textwrap.dedent(block)) + "\n.fi"
        else:
            yield ".PP\n" + escape(block)


def option(argument):
    names = ", ".join(
        ("--" if name["kind"] == "long" else "-") + name["name"] for name in argument.get("names", [])
    )
    name = names or argument.get("valueName", "")
    value = f' \\fI{escape(argument["valueName"])}\\fR' if argument["kind"] == "option" else ""
    return f'.TP\n\\fB{escape(name)}\\fR{value}\n{escape(argument.get("abstract", ""))}'


def command(description, path):
    lines = [f'.SS "{" ".join(path)}"', escape(description.get("abstract", ""))]
    lines += paragraphs(description["discussion"]) if description.get("discussion") else []
    lines += [option(a) for a in description.get("arguments", []) if a.get("shouldDisplay")]
    return lines


def main():
    tool = json.load(sys.stdin)["command"]
    name = tool["commandName"]
    lines = [
        f'.TH {name.upper()} 1',
        f'.SH NAME\n{name} \\- {escape(tool["abstract"])}',
        f'.SH SYNOPSIS\n.B {name}\n.I command\n[options]',
        ".SH DESCRIPTION",
        *paragraphs(tool.get("discussion", "")),
        ".SH COMMANDS",
    ]
    for sub in tool.get("subcommands", []):
        if sub["commandName"] != "help":
            lines += command(sub, [name, sub["commandName"]])
    lines.append('.SH "SEE ALSO"\n.BR gst\\-launch\\-1.0 (1),\n.BR gst\\-inspect\\-1.0 (1)')
    print("\n".join(lines))


main()
