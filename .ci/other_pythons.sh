#!/usr/bin/env bash
# Other versions of Python, given as 3.12 and the like, where they are: install, the README's first
# command, and the quick tests, without PyTorch. A version that is not there is a skip that is told.
set -euo pipefail
cd "$(dirname "$0")/.."

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The first interpreter of a version that starts: of the path, or of pyenv.
interpreter() {
    local candidate
    for candidate in "python$1" "${PYENV_ROOT:-$HOME/.pyenv}/versions/$1".*/bin/python; do
        if "$candidate" -c "import sys; sys.exit(sys.version_info[:2] != (3, ${1#3.}))" \
                2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
}

for version in "$@"; do
    python=$(interpreter "$version")
    if [ -z "$python" ]; then
        echo "SKIPPED: there is no Python $version here"
        continue
    fi
    echo "Python $version: $("$python" -c 'import sys; print(sys.version.split()[0], sys.executable)')"
    "$python" -m venv "$work/$version"
    (
        . "$work/$version/bin/activate"
        python -m pip install -q '.[test]'
        pmsfc invert examples --out "$work/run$version" --preset fast
        test -s "$work/run$version/sheet.png"
        python -m pytest -q
    )
done
