"""The work behind ``pmsfc plan``: memory, batch size, steps a second, hours."""

import math
from functools import partial
from typing import Any

from pmsfc_jax.cli.console import notice
from pmsfc_jax.cli.events import Events
from pmsfc_jax.cli.plan.prepare import Job
from pmsfc_jax.cli.wording import counted
from pmsfc_jax.core.errors import InputError
from pmsfc_jax.inversion.estimate import (
    Memory,
    compiled_memory,
    largest_batch,
    modelled_memory,
    seconds_per_step,
)
from pmsfc_jax.inversion.workload import Workload
from pmsfc_jax.parallel.tpu_compiler import has_compiler, placed, slice_of


def work(job: Job) -> int:
    """Estimate, and tell; returns the exit code.

    Raises:
      InputError: no image fits.

    """
    load = job.run.workload()
    by_compiler = not job.options.what.quick and has_compiler(job.chip)
    memory = _compiled(job) if by_compiler else modelled_memory(load)
    plan = _plan(job, load, memory)
    plan["memory_by"] = "compiler" if by_compiler else "model"
    events = Events(job.options.what.json)
    if events.wanted:
        events.tell("plan", **plan)
    else:
        _print(job, plan)
    return 0


def _compiled(job: Job) -> Memory:
    """Memory as the TPU's compiler says."""
    notice(f"asking the compiler for {job.chip.name}, which takes minutes (--quick does without)")
    mesh = slice_of(job.chip)

    def loop(images: int) -> Any:
        count = images * mesh.size
        return job.run.loop(count, place=partial(placed, mesh, count))

    return compiled_memory(loop)


def _plan(job: Job, load: Workload, memory: Memory) -> dict[str, Any]:
    """The estimate as plain values."""
    chip, count, photographs = job.chip, job.devices, job.photographs
    fitting = largest_batch(memory, chip.memory)
    if not fitting:
        raise InputError(
            f"one image does not fit into the memory of a {chip.name}: choose a solver with less "
            "memory (a smaller --history, or --optimiser adam), fewer --codes, or another --device"
        )
    asked = job.options.what.batch_size
    each = fitting if asked is None else -(-asked // count)
    each = min(each, -(-photographs // count))
    batch, seconds = each * count, seconds_per_step(load, chip, each)
    steps = -(-photographs // batch) * job.run.config.num_steps
    return {
        "photographs": photographs,
        "device": chip.name,
        "devices": count,
        "batch_size": batch,
        "images_per_device": each,
        "fits": each <= fitting,
        "most_per_device": fitting,
        "memory_gib": (memory.fixed + each * memory.each) / 2**30,
        "memory_of_device_gib": chip.memory / 2**30,
        "steps_per_second": 1 / seconds,
        "images_per_hour": 3600 * photographs / (steps * seconds),
        "hours": steps * seconds / 3600,
    }


def _print(job: Job, plan: dict[str, Any]) -> None:
    config, until = job.run.config, job.run.config.until
    print(
        f"{counted(job.photographs, 'photograph')}, {job.options.what.generator} at layer "
        f"{config.layer}, {config.composition}, {counted(config.num_steps, 'step')} of "
        f"{config.solver.label}, on {job.devices} {job.chip.name}"
    )
    by = "the TPU's compiler" if plan["memory_by"] == "compiler" else "a model of it"
    rows = {
        "batch size": f"{plan['batch_size']}, {plan['images_per_device']} a device",
        "memory": f"{plan['memory_gib']:.1f} of {plan['memory_of_device_gib']:.1f} GiB a device, "
        f"by {by}; {plan['most_per_device']} images fit at most",
        "steps": f"{plan['steps_per_second']:.3g} a second",
        "images": f"{plan['images_per_hour']:.3g} an hour",
        "time": _hours(plan["hours"]) + (" at most" if until is not None else ""),
    }
    for name, text in rows.items():
        print(f"  {name:<12}{text}")
    if not plan["fits"]:
        print("  This batch size does not fit: pmsfc invert will halve it until it does.")
    print(
        "An estimate: nothing was run. Compiling, reading photographs and writing results are not "
        "in it."
    )


def _hours(hours: float) -> str:
    if hours < 1 / 60:
        return counted(math.ceil(3600 * hours), "second")
    return f"{60 * hours:.0f} minutes" if hours < 1.5 else f"{hours:.1f} hours"
