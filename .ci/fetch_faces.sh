#!/usr/bin/env bash
# From nothing to redrawn faces: `pmsfc fetch faces64` from the real package index, samples, and an
# inversion of them. An index that cannot be reached is a skip that is told.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

if ! python -m pip download -q --no-deps --ignore-requires-python --dest "$work/wheel" \
        gan-face-generate==1.1.1 >"$work/log" 2>&1; then
    echo "SKIPPED: pip cannot download gan-face-generate 1.1.1 here: $(tail -n 1 "$work/log")"
    exit 0
fi
cd "$work"
pmsfc fetch faces64
pmsfc info faces64
pmsfc sample faces64 --num 2 --separate --out samples
pmsfc invert samples --generator faces64 --layer 2 --steps 20 --out run
test -s run/sheet.png
