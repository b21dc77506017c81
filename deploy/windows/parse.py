"""Parses PowerShell: parse.py FILE... Prints where a file is not well formed, and ends with 1 then; with 69 where the parser is missing.

The parser is tree-sitter's (PyPI: tree-sitter, tree-sitter-powershell). It knows the language's form, not its commands.
"""

import sys

try:
    import tree_sitter
    import tree_sitter_powershell
except ImportError as error:
    print(f"no parser of PowerShell: {error}", file=sys.stderr)
    sys.exit(69)


def faults(node):
    """The places of what is wrong or missing, in order."""
    if node.type == "ERROR" or node.is_missing:
        yield node
        return
    for child in node.children:
        yield from faults(child)


language = tree_sitter.Language(tree_sitter_powershell.language())
bad = False
for path in sys.argv[1:]:
    with open(path, "rb") as file:
        text = file.read()
    for node in faults(tree_sitter.Parser(language).parse(text).root_node):
        row, column = node.start_point
        print(f"{path}:{row + 1}:{column + 1}: not well formed")
        bad = True
sys.exit(1 if bad else 0)
