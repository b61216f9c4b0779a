"""Compile the inversion's loop for TPUs without one, and say what its compiler estimates.

    pip install "jax[tpu]==0.10.2" "libtpu==0.0.42.1"
    python benchmarks/tpu_compile.py --out benchmarks/results/tpu_compile.json
    python benchmarks/tpu_compile.py --quick --check

The TPU compiler runs on a CPU. What it gives are its own estimates; nothing is run. A program is
the loop of `inversion.optimise.advance` for four chips, from the shapes of weights alone, with 16
codes of an image. Cycles are of one step on one chip (about 1.5 GHz on a v5e); inner loops whose
length is known only at run time, those of L-BFGS, are counted at their longest. Of each program
the JSON holds cycles by kind of operation, the dearest kernels, bytes accessed (where a loop
counts once), memory of arguments and temporaries, collectives, and the time to compile.

Images never influence each other, so no step may talk to another chip. ``--check`` fails where one
does. ``--quick`` compiles small networks with little effort, which says that a program compiles and
what it sends, and nothing of its speed.
"""

import argparse
import json
import os
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

# Read when jax is imported: no device is looked for, and processes may compile side by side.
os.environ.update(
    JAX_PLATFORMS="cpu",
    TPU_SKIP_MDS_QUERY="1",
    TPU_ACCELERATOR_TYPE="v5litepod-4",
    TPU_WORKER_HOSTNAMES="localhost",
    ALLOW_MULTIPLE_LIBTPU_LOAD="1",
)

import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental import topologies
from jax.sharding import AxisType, Mesh
from tpu_program import Cost, cost

import pmsfc_jax as pm
from pmsfc_jax.core.cut import Cut
from pmsfc_jax.core.generator import default_layer
from pmsfc_jax.inversion.abstract import even_masks, traced_loop
from pmsfc_jax.inversion.compositions import COMPOSITIONS, composition_of
from pmsfc_jax.inversion.config import InversionConfig, Objective
from pmsfc_jax.inversion.solvers import LBFGS, SOLVERS
from pmsfc_jax.nn import dcgan, pggan, stylegan2, vgg16
from pmsfc_jax.parallel.mesh import DATA
from pmsfc_jax.parallel.tpu_compiler import placed

R = 4
#: Widths at 4x4, 8x8, ... of the full-size generators (Karras et al. 2018, table 2).
FULL = (512, 512, 512, 512, 256, 128, 64, 32, 16)
TOPOLOGIES = ("v5e:2x2", "v6e:2x2")


class Case(NamedTuple):
    """A generator by its configuration, and images a chip."""

    module: Any
    config: Any
    images: int


def full_pggan(resolution: int) -> pggan.PGGANConfig:
    """PGGAN of this resolution and full width."""
    levels = resolution.bit_length() - 2
    return pggan.PGGANConfig(512, tuple(width for width in FULL[:levels] for _ in range(2)))


def faces64() -> dcgan.DCGANConfig:
    """The DCGAN of pytorch/examples, as chien-liu published it for faces of 64x64."""
    widths = (256, 128, 64)
    middle = (dcgan.Stage("transposed", w, 4, 2, 1, activation="relu") for w in widths)
    first = dcgan.Stage("transposed", 512, 4, activation="relu")
    return dcgan.DCGANConfig(100, (first, *middle, dcgan.Stage("transposed", 3, 4, 2, 1)))


CASES = {
    "tops32": Case(pggan, pggan.PGGANConfig(128, (128,) * 6 + (64, 64)), 16),
    "faces64": Case(dcgan, faces64(), 16),
    "pggan256": Case(pggan, full_pggan(256), 8),
    "pggan1024": Case(pggan, full_pggan(1024), 2),
    # Widths of the published networks of this resolution (configuration f).
    "stylegan2_256": Case(
        stylegan2,
        stylegan2.StyleGAN2Config(512, 512, 8, (512, 512, 512, 512, 512, 256, 128)),
        8,
    ),
    "small pggan": Case(pggan, pggan.PGGANConfig(8, (8,) * 8), 8),
    "small dcgan": Case(
        dcgan,
        dcgan.DCGANConfig(
            8,
            (
                dcgan.Stage("transposed", 8, 4, activation="relu"),
                dcgan.Stage("transposed", 8, 4, 2, 1, activation="relu"),
                dcgan.Stage("transposed", 3, 4, 2, 1),
            ),
        ),
        8,
    ),
    "small stylegan2": Case(stylegan2, stylegan2.StyleGAN2Config(8, 8, 2, (8, 8, 8)), 8),
}


class Run(NamedTuple):
    """One program: what is compiled, and for which chips."""

    case: str
    composition: str = "pmsfc_full"
    solver: str = "lbfgs"
    judge: str = "none"
    topology: str = "v5e:2x2"


def measured_runs() -> list[Run]:
    """The programs of the published table, the shipped prior's first."""
    runs = [Run("tops32", composition) for composition in COMPOSITIONS]
    runs += [Run("tops32", solver=name) for name in SOLVERS if name not in ("lbfgs", "sgd")]
    runs += [Run("tops32", judge=judge) for judge in ("discriminator", "vgg16")]
    runs += [Run(case, solver="adam") for case in ("faces64", "pggan256", "pggan1024")]
    runs += [Run(case) for case in ("faces64", "pggan256", "pggan1024")]
    runs += [Run("stylegan2_256"), Run("pggan256", "pmsfc")]
    runs += [Run(case, topology="v6e:2x2") for case in ("tops32", "faces64", "pggan256")]
    return runs


def quick_runs() -> list[Run]:
    """Every composition, solver, judge and family once, on small networks."""
    runs = [Run("small pggan", name, "adam") for name in COMPOSITIONS]
    runs += [Run("small pggan", solver=name) for name in SOLVERS if name != "adam"]
    runs += [Run("small pggan", judge=judge) for judge in ("discriminator", "vgg16")]
    others = ("small dcgan", "small stylegan2")
    return runs + [Run(case, name, "adam") for case in others for name in ("pmsfc", "pmsfc_full")]


def judge_of(name: str) -> tuple[Callable[..., Any] | None, Any]:
    """V as a function, and the shapes of its weights."""
    if name == "none":
        return None, {}
    if name == "vgg16":
        config = vgg16.VGG16Config((64, 128, 256))
        return vgg16.features(config), vgg16.abstract_params(config)
    judge = pm.load_perceptual("pggan_tops32")
    assert judge is not None
    return judge.extract, jax.eval_shape(lambda: jax.tree.map(jnp.asarray, judge.params))


def program(run: Run, mesh: Mesh) -> Any:
    """The loop of ``run`` as a traced function, its arguments' shapes placed on ``mesh``."""
    case, composition = CASES[run.case], composition_of(run.composition)
    extract, v_params = judge_of(run.judge)
    generator = case.module.split_generator(case.config, run.case)
    cut = Cut(generator, default_layer(generator.spec))
    masks = even_masks(cut, R if composition.by_subspace else 1)
    objective = {**composition.objective, "perceptual_weight": 0.1 if extract else 0.0}
    config = InversionConfig(
        composition=run.composition,
        solver=LBFGS(history=100) if run.solver == "lbfgs" else SOLVERS[run.solver](),
        objective=Objective(**objective),
    )
    count = case.images * mesh.size

    return traced_loop(
        cut,
        case.module.pure_module(case.config).abstract_params,
        config,
        masks,
        count,
        extract=extract,
        v_params=v_params,
        place=partial(placed, mesh, count),
    )


def measure(run: Run, *, history: int = 100) -> tuple[Cost, dict[str, Any]]:
    """Compile one program; what it costs, and that as plain values."""
    topology = topologies.get_topology_desc(platform="tpu", topology_name=run.topology)
    mesh = Mesh(np.array(topology.devices), (DATA,), axis_types=(AxisType.Auto,))
    began = time.process_time()
    compiled = program(run, mesh).lower(lowering_platforms=("tpu",)).compile()
    seconds = time.process_time() - began
    found = cost(compiled.as_text(), unknown_turns=history)
    memory = compiled.memory_analysis()
    record = {
        **run._asdict(),
        "images_per_chip": CASES[run.case].images,
        "cycles": found.cycles,
        "cycles_by_kind": found.by_kind,
        "cycles_outside": found.outside,
        "kernels": [kernel._asdict() for kernel in found.kernels[:12]],
        "bytes_accessed": compiled.cost_analysis()["bytes accessed"],
        "argument_bytes": memory.argument_size_in_bytes,
        "temporary_bytes": memory.temp_size_in_bytes,
        "collectives": found.collectives,
        "compile_cpu_seconds": round(seconds, 1),
    }
    return found, record


def main() -> None:
    """Compile, print a table, write JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--case", choices=CASES, help="one program instead of the table's")
    parser.add_argument("--composition", default="pmsfc_full", choices=COMPOSITIONS)
    parser.add_argument("--solver", default="lbfgs", choices=SOLVERS)
    parser.add_argument("--judge", default="none", choices=("none", "discriminator", "vgg16"))
    parser.add_argument("--topology", default="v5e:2x2")
    parser.add_argument("--quick", action="store_true", help="small networks, little effort")
    parser.add_argument("--check", action="store_true", help="fail on a collective")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    if options.case:
        choices = (options.case, options.composition, options.solver, options.judge)
        runs = [Run(*choices, options.topology)]
    else:
        runs = quick_runs() if options.quick else measured_runs()
    if options.quick:
        jax.config.update("jax_exec_time_optimization_effort", -1.0)
    record: dict[str, Any] = {"jax": jax.__version__, "programs": []}
    print("| case | composition | solver | V | chips | Mcyc | by kind | collectives |")
    print("|---|---|---|---|---|---|---|---|")
    talking = []
    for run in runs:
        found, row = measure(run)
        kinds = ", ".join(f"{kind} {n / 1e6:.2f}" for kind, n in found.by_kind.items())
        sent = ", ".join(f"{n} {kind}" for kind, n in found.collectives.items()) or "none"
        print(f"| {' | '.join(run)} | {found.cycles / 1e6:.2f} | {kinds} | {sent} |", flush=True)
        talking += [run] if found.collectives else []
        record["programs"].append(row)
        if options.out:
            options.out.write_text(json.dumps(record, indent=1) + "\n")
    if options.check and talking:
        raise SystemExit(f"{len(talking)} of {len(runs)} programs talk to other chips: {talking}")


if __name__ == "__main__":
    main()
