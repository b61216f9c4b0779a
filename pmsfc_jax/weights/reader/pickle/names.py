"""Names of classes and functions in pickles: their one spelling, and those that are programs."""

from pmsfc_jax.weights.reader.damage import Hostile

# Python 2 and numpy 2 say the same things under other names.
_RENAMED = {"__builtin__": "builtins", "copy_reg": "copyreg"}

# Calling any of these is never part of weights. Nothing foreign is called anyway: the list only
# decides whether a user is told that a file is hostile, or sees an inert record.
_PROGRAM_MODULES = """
    _ctypes _imp _pickle _posixsubprocess _socket _winapi asyncio atexit bdb builtins cPickle
    cloudpickle code codeop commands cProfile ctypes dill doctest fcntl ftplib functools http imp
    importlib marshal mmap nt os pdb pickle pip pkgutil popen2 posix profile pty pydoc requests
    runpy setuptools shelve shutil signal site smtplib socket socketserver subprocess sys telnetlib
    timeit trace types urllib venv webbrowser winreg xmlrpc zipimport
"""
_HARMLESS_NAMES = """
    builtins.complex builtins.object builtins.range builtins.slice builtins.xrange
    functools.partial types.SimpleNamespace
"""
_PROGRAM_NAMES = """
    __import__ compile eval exec execfile exec_module execv execve fork getattr import_module
    load_module open popen run_code run_module run_path setattr spawn spawnv startfile system
"""
_PROGRAMS = frozenset(_PROGRAM_MODULES.split())
_HARMLESS = frozenset(_HARMLESS_NAMES.split())
_VERBS = frozenset(_PROGRAM_NAMES.split())


def canonical_name(module: str, name: str) -> str:
    """Join a module and a name, by the spelling that all versions of Python and numpy share."""
    module = _RENAMED.get(module, module)
    if module == "numpy._core" or module.startswith("numpy._core."):
        module = module.replace("_core", "core", 1)
    return f"{module}.{name}"


def refuse_programs(dotted: str) -> None:
    """Raise `Hostile` if a call of `dotted` would run something, anywhere but here."""
    if dotted in _HARMLESS:
        return
    parts = dotted.split(".")
    if parts[0] in _PROGRAMS or parts[-1] in _VERBS:
        raise Hostile(f"wants to call {dotted[:80]!r}, which is a program and no part of weights")
