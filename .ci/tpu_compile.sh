#!/usr/bin/env bash
# Every method's loop through the real TPU compiler, which runs on a CPU: fails where a program does
# not compile or would send anything to another chip. In an environment of its own, pinned, since
# the compiler is 200 MB that no test needs; where it cannot be had, that is said and passed over.
set -euo pipefail
cd "$(dirname "$0")/.."
jax=0.10.2 libtpu=0.0.42.1

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/tpu"
. "$work/tpu/bin/activate"
if ! python -m pip install -q --no-deps "libtpu==$libtpu" >"$work/pip.log" 2>&1; then
    tail -n 2 "$work/pip.log"
    echo "SKIPPED: libtpu $libtpu cannot be had here, so nothing was compiled for TPUs"
    exit 0
fi
python -m pip install -q "jax==$jax" .
# Nothing of this checkout but what was installed from it.
cp benchmarks/tpu_compile.py benchmarks/tpu_program.py "$work"
cd "$work"
timeout 900 python tpu_compile.py --quick --check
