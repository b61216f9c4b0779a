"""What the text of a program compiled for a TPU says of its cost: cycles, kernels, collectives.

The compiler writes an estimate of cycles beside most of its kernels. A loop's body stands once in
the text whatever its length: `cost` counts inner loops as often as they run, and gives those of the
longest outer loop, the loop over steps, for one turn of it.
"""

import re
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

#: What talks to other chips; asynchronous ones end in ``-start`` besides.
COLLECTIVES = (
    "all-gather",
    "all-reduce",
    "all-to-all",
    "collective-broadcast",
    "collective-permute",
    "ragged-all-to-all",
    "reduce-scatter",
)
#: What moves or reshapes numbers and computes none.
_MOVES = {
    "bitcast",
    "broadcast",
    "concatenate",
    "constant",
    "convert",
    "copy",
    "copy-start",
    "copy-done",
    "dynamic-slice",
    "dynamic-update-slice",
    "get-tuple-element",
    "iota",
    "pad",
    "parameter",
    "reshape",
    "reverse",
    "slice",
    "transpose",
    "tuple",
}
_INSTRUCTION = re.compile(r"^\s+(?:ROOT )?%?([\w.-]+) = (.*?)\s([a-z][a-z0-9-]*)\((.*)$")
_COMPUTATION = re.compile(r"^(ENTRY )?%?([\w.-]+) \(.*\{\s*$")


class Instruction(NamedTuple):
    """One line of a computation."""

    name: str
    shape: str
    opcode: str
    rest: str

    def called(self, role: str) -> str:
        """Name of the computation it calls as ``role`` (``calls``, ``body``), or nothing."""
        found = re.search(rf"\b{role}=%?([\w.-]+)", self.rest)
        return found[1] if found else ""

    @property
    def cycles(self) -> int:
        """The compiler's estimate, 0 where it makes none."""
        return sum(map(int, re.findall(r'"estimated_cycles":"(\d+)"', self.rest)))

    @property
    def operation(self) -> str:
        """The operation of the traced program it came from."""
        found = re.search(r'op_name="([^"]*)"', self.rest)
        return found[1] if found else ""


class Kernel(NamedTuple):
    """A kernel of one step: its kind, how often it runs, and cycles in all."""

    name: str
    kind: str
    shape: str
    operation: str
    runs: int
    cycles: int


class Cost(NamedTuple):
    """Of one turn of the loop over steps, and of what is around it.

    Attributes:
      kernels: those of a step with an estimate, the dearest first.
      outside: cycles of the program outside of that loop.
      collectives: of the whole program by kind, each counted once.

    """

    kernels: tuple[Kernel, ...]
    outside: int
    collectives: dict[str, int]

    @property
    def cycles(self) -> int:
        """Of a step."""
        return sum(kernel.cycles for kernel in self.kernels)

    @property
    def by_kind(self) -> dict[str, int]:
        """Cycles of a step: convolutions, matrix products, moves, reductions, elementwise."""
        total: Counter[str] = Counter()
        for kernel in self.kernels:
            total[kernel.kind] += kernel.cycles
        return dict(total.most_common())


def computations(text: str) -> tuple[str, dict[str, list[Instruction]]]:
    """The name of the entry, and the instructions of every computation."""
    found: dict[str, list[Instruction]] = {}
    entry, current = "", None
    for line in text.splitlines():
        opened = _COMPUTATION.match(line)
        if opened:
            current = found.setdefault(opened[2], [])
            entry = opened[2] if opened[1] else entry
        elif line.startswith("}"):
            current = None
        elif current is not None and (match := _INSTRUCTION.match(line)):
            current.append(Instruction(*match.groups()))
    return entry, found


def cost(text: str, *, unknown_turns: int) -> Cost:
    """Read a program.

    Args:
      text: of the compiled program.
      unknown_turns: how often loops are taken to run whose length is known only when the program
        runs. Those of L-BFGS have at most as many turns as its history is long.

    """
    entry, all_of_them = computations(text)

    def kernels(name: str, runs: int) -> Iterator[Kernel]:
        for one in all_of_them.get(name, ()):
            if one.opcode == "while":
                turns = _turns(one, all_of_them) or unknown_turns
                yield from kernels(one.called("body"), runs * turns)
            elif one.opcode in ("call", "conditional", "async-start"):
                for role in ("to_apply", "calls", "true_computation", "false_computation"):
                    yield from kernels(one.called(role), runs)
            elif one.cycles:
                kind = _kind(one, all_of_them)
                shape = re.sub(r"\{[^}]*\}", "", one.shape)
                yield Kernel(one.name, kind, shape, one.operation, runs, runs * one.cycles)

    loops = [
        (one, list(kernels(one.called("body"), 1)))
        for one in all_of_them[entry]
        if one.opcode == "while"
    ]
    whole = list(kernels(entry, 1))
    if not loops:
        step, outside = whole, 0
    else:
        longest, step = max(loops, key=lambda loop: sum(k.cycles for k in loop[1]))
        turns = _turns(longest, all_of_them) or unknown_turns
        outside = sum(k.cycles for k in whole) - turns * sum(k.cycles for k in step)
    everything = Counter(
        one.opcode.removesuffix("-start") for body in all_of_them.values() for one in body
    )
    collectives = {kind: everything[kind] for kind in COLLECTIVES if everything[kind]}
    return Cost(tuple(sorted(step, key=lambda k: -k.cycles)), outside, collectives)


def _turns(loop: Instruction, all_of_them: dict[str, list[Instruction]]) -> int:
    """The constant that a loop's counter, which begins at 0, is compared with; else 0."""
    condition = all_of_them.get(loop.called("condition"), [])
    compared = [one.rest for one in condition if one.opcode == "compare"]
    if len(compared) != 1:
        return 0
    operands = compared[0].split(")")[0]
    limits = [
        int(one.rest.split(")")[0])
        for one in condition
        if one.opcode == "constant" and re.search(rf"%{re.escape(one.name)}\b", operands)
    ]
    return limits[0] if len(limits) == 1 else 0


def _kind(one: Instruction, all_of_them: dict[str, list[Instruction]]) -> str:
    inside = list(_inside(one, all_of_them))
    opcodes = {instruction.opcode for instruction in inside}
    spatial = [
        bool(re.search(r"dim_labels=\w*\d", instruction.rest))
        for instruction in inside
        if instruction.opcode == "convolution"
    ]
    if any(spatial):
        return "convolution"
    if spatial or "dot" in opcodes:
        return "matrix product"
    if opcodes & {"reduce", "reduce-window"}:
        return "reduction"
    return "move" if opcodes <= _MOVES | {"fusion"} else "elementwise"


def _inside(one: Instruction, all_of_them: dict[str, list[Instruction]]) -> Iterator[Instruction]:
    yield one
    for inner in all_of_them.get(one.called("calls"), ()):
        yield from _inside(inner, all_of_them)
