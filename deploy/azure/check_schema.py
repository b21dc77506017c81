#!/usr/bin/env python3
"""Compares the Terraform files with the schema of the azurerm provider.

check_schema.py PACKAGE: PACKAGE is what `npm pack @cdktf/provider-azurerm` makes. It holds, made by machine from
the provider's own schema, every resource with its arguments and blocks. Needs python-hcl2.

Found are: resources, arguments and blocks that there are not, and required ones that are missing. Not found are
values that Azure refuses.
"""

import json
import pathlib
import re
import sys
import tarfile

import hcl2

PREFIX = "@cdktf/provider-azurerm."
# What Terraform itself reads in any resource.
META = {"for_each", "count", "depends_on", "lifecycle", "provider", "provisioner", "dynamic"}


def camel(name):
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)


def plain(text):
    return str(text).strip('"')


def properties(types, fqn):
    """Of a type: its arguments by name in Terraform's spelling, each with whether it must be there and its type."""
    found = {}
    for prop in types[fqn].get("properties", []):
        snake = re.sub(r"(?<!^)([A-Z]|(?<=[a-z])[0-9])", lambda m: "_" + m[1].lower(), prop["name"])
        # camelCase tells nothing about digits, so names are compared without underscores.
        found[snake.replace("_", "")] = (not prop.get("optional", False), prop["type"])
    return found


def block_type(types, shape):
    """The type of a nested block, or None for a plain value."""
    for fqn in re.findall(re.escape(PREFIX) + r"[\w.]+", json.dumps(shape)):
        if fqn in types and types[fqn]["kind"] == "interface":
            return fqn
    return None


def check(types, fqn, body, place, faults):
    known = properties(types, fqn)
    # What a `dynamic` block makes is there, with the content it has.
    given = {name: value for name, value in body.items() if not name.startswith("__")}
    for dynamic in given.get("dynamic", []):
        for name, block in dynamic.items():
            if not name.startswith("__"):
                given.setdefault(plain(name), []).extend(block.get("content", []))
    for name, value in given.items():
        if name in META:
            continue
        if (key := name.replace("_", "")) not in known:
            faults.append(f"{place}: there is no {name}")
            continue
        below = block_type(types, known[key][1])
        for inner in value if isinstance(value, list) else []:
            if below and isinstance(inner, dict):
                check(types, below, inner, f"{place}.{name}", faults)
    present = {name.replace("_", "") for name in given}
    # cdktf's own, in every resource.
    missing = [name for name, (required, _) in known.items() if required and name not in present]
    faults.extend(f"{place}: {name} is missing" for name in missing)


def main():
    with tarfile.open(sys.argv[1]) as package:
        schema = json.load(package.extractfile("package/.jsii"))
        version = json.load(package.extractfile("package/package.json"))["cdktf"]["provider"]["version"]
    types, faults, count = schema["types"], [], 0
    here = pathlib.Path(__file__).parent
    for path in sorted(here.glob("*.tf")):
        with path.open() as file:
            document = hcl2.load(file)
        for resource in document.get("resource", []):
            for kind, named in resource.items():
                if not (kind := plain(kind)).startswith("azurerm_"):
                    continue
                name = camel(kind.removeprefix("azurerm_"))
                fqn = f"{PREFIX}{name}.{name[0].upper()}{name[1:]}Config"
                for label, body in named.items():
                    count += 1
                    if fqn not in types:
                        faults.append(f"there is no resource {kind}")
                    else:
                        check(types, fqn, body, f"{kind}.{plain(label)}", faults)
    for fault in faults:
        print(fault)
    print(f"{count} resources against hashicorp/azurerm {version}: {len(faults)} faults")
    sys.exit(bool(faults) or count == 0)


if __name__ == "__main__":
    main()
