"""Reads a file from standard input as other programs do, and prints what it found as JSON: bib, cff or tex."""

import json
import sys

text = sys.stdin.read()
kind = sys.argv[1]
if kind == "bib":
    from pybtex.database import parse_string

    found = parse_string(text, "bibtex")
    out = {
        key: {
            "type": entry.type,
            "fields": dict(entry.fields),
            "authors": [
                " ".join(map(str, person.first_names + person.middle_names + person.prelast_names + person.last_names))
                for person in entry.persons.get("author", [])
            ],
        }
        for key, entry in found.entries.items()
    }
elif kind == "cff":
    import yaml

    out = yaml.safe_load(text)
else:
    from pylatexenc.latex2text import LatexNodes2Text
    from pylatexenc.latexwalker import LatexWalker, get_default_latex_context_db

    # Strict: an unbalanced brace or environment is an error. Every command must be one that a document has by itself.
    nodes, _, _ = LatexWalker(text, tolerant_parsing=False).get_latex_nodes()
    commands = set()

    def collect(nodes):
        for node in nodes or []:
            if node is None:
                continue
            if hasattr(node, "macroname"):
                commands.add(node.macroname)
            if getattr(node, "nodeargd", None):
                collect(node.nodeargd.argnlist)
            collect(getattr(node, "nodelist", None))

    collect(nodes)
    out = {"text": LatexNodes2Text().latex_to_text(text), "commands": sorted(commands)}
json.dump(out, sys.stdout, default=str)
