#!/bin/sh
# Looks at the Terraform files with what the registries have: the providers' schema, and Terraform's own form.
# What is missing is said, and nothing is proven then.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=$here/../../target/azure
mkdir -p "$work"
if command -v terraform >/dev/null; then
    terraform fmt -check -diff "$here"
    echo "terraform fmt: well"
else
    echo "SKIPPED: terraform is missing" >&2
fi
if ! command -v npm >/dev/null || ! python3 -c 'import ensurepip, venv' 2>/dev/null; then
    echo "SKIPPED: npm or python3-venv is missing, so no schema was looked at" >&2
    exit 0
fi
[ -x "$work/venv/bin/python" ] || python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check python-hcl2==8.1.4
package=$work/cdktf-provider-azurerm-14.23.1.tgz
[ -f "$package" ] || (cd "$work" && npm pack --silent @cdktf/provider-azurerm@14.23.1)
"$work/venv/bin/python" "$here/check_schema.py" "$package"
