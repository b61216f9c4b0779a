"""What the options of several commands share; knows no jax."""

#: The generator that is shipped with the package.
DEFAULT_GENERATOR = "pggan_tops32"
