"""How the reader says no: three exceptions, each with its advice."""


class Damage(Exception):
    """The bytes cannot be what a codebase wrote. Becomes an `InputError` with the file's name."""

    advice = "the file is damaged or cut short: fetch it again and compare its checksum"


class Hostile(Damage):
    """The file asks for something that no weights need."""

    advice = "nothing of it was run; get the weights from a source you trust"


class Unsuitable(Damage):
    """The file is in order, but not something to read weights from. The message advises."""

    advice = ""
