"""Start jax for a command: the same numbers on the same machine, whatever the environment says."""

import os
import warnings

from pmsfc_jax.cli.compile_cache import use_compilation_cache
from pmsfc_jax.core.errors import InputError

#: Settings of jax that the environment can change and that would change results, or stop them.
#: Precision of products is an option of ours, which goes into the run's record.
_SETTINGS = {
    "jax_enable_x64": False,
    "jax_default_matmul_precision": None,
    "jax_default_prng_impl": "threefry2x32",
    "jax_threefry_partitionable": True,
    "jax_transfer_guard": "allow",
    "jax_disable_jit": False,
}


def start_jax(*, cache: bool = True) -> None:
    """Import jax, set what decides results, and find its devices.

    Args:
      cache: keep compiled programs between runs.

    Raises:
      InputError: jax finds no device that it may use.

    """
    import jax

    for name, value in _SETTINGS.items():
        jax.config.update(name, value)
    try:
        jax.devices()
    except Exception as error:  # a platform that has no plugin fails an assertion of jax
        asked = os.environ.get("JAX_PLATFORMS", "")
        reason = " ".join(str(error).split()) or f"there is no device of {asked!r}"
        raise InputError(
            f"jax cannot start: {reason}; let JAX_PLATFORMS name what this machine has, such as "
            "cpu, or leave it out"
        ) from error
    if cache:
        with warnings.catch_warnings():
            use_compilation_cache()


def join_processes() -> tuple[int, int]:
    """Meet the other processes of a cluster, and part from them again: ``(index, count)``.

    Images never meet, so nothing is left to be talked of; and a process that dies later takes no
    other with it. To be called before `start_jax`.

    Raises:
      InputError: jax finds no cluster, the others do not come, or this version of jax keeps its
        numbers elsewhere.

    """
    import jax

    try:
        # jax has no public name for the numbers before its devices are found.
        from jax._src.distributed import global_state

        _ = global_state.process_id, global_state.num_processes
    except (ImportError, AttributeError) as error:
        raise InputError(
            f"--distributed does not know jax {jax.__version__}: give --share K/N to each process "
            "instead, which needs nothing of jax"
        ) from error
    numbers = {
        word: int(text)
        for word, name in (("num_processes", "JAX_NUM_PROCESSES"), ("process_id", "JAX_PROCESS_ID"))
        if (text := os.environ.get(name, "")).isdecimal()
    }
    try:
        jax.distributed.initialize(**numbers)  # type: ignore[arg-type]
        # Asked of jax.process_index() the devices would be found now, as those of a cluster, and
        # whatever reads or writes weights would wait for the others.
        found = int(global_state.process_id), int(global_state.num_processes)
        jax.distributed.shutdown()
        global_state.process_id, global_state.num_processes = 0, 1
    except Exception as error:
        raise InputError(
            f"--distributed: jax finds no cluster: {' '.join(str(error).split())}; give --share, "
            "or set JAX_COORDINATOR_ADDRESS, JAX_NUM_PROCESSES and JAX_PROCESS_ID"
        ) from error
    return found
