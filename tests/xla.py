"""XLA's flags in the tests: compile for the time of the test run, not of the program.

Most of a test's time goes into compiling programs that run once on small shapes. With XLA's lower
level of optimisation on the CPU the default run takes four fifths of its time. ``XLA_FLAGS`` that
are set stay as they are: an empty value gives programs as users get them, and so CI runs every test
once more.
"""

import os

_QUICK = "--xla_backend_optimization_level=1"


def set_flags() -> None:
    """Set the flags of this process and of those it starts; before jax begins."""
    os.environ.setdefault("XLA_FLAGS", _QUICK)


def virtual_devices(count: int) -> dict[str, str]:
    """The environment of a process with so many CPU devices, compiled as in this process."""
    flags = os.environ.get("XLA_FLAGS", "")
    return {"XLA_FLAGS": f"{flags} --xla_force_host_platform_device_count={count}".strip()}
