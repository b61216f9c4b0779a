"""The work behind ``pmsfc evaluate``; imports jax, so it is imported when the work begins."""

import dataclasses
import hashlib
import json
from typing import Any

import jax
import numpy as np

from pmsfc_jax.api import (
    InputError,
    InversionConfig,
    SplitGenerator,
    Subspaces,
    discover_subspaces,
    load_generator,
    load_images,
    load_perceptual,
    random_subspaces,
    to_uint8,
)
from pmsfc_jax.cli.console import notice
from pmsfc_jax.cli.evaluate.options import Options
from pmsfc_jax.core.generator import default_layer
from pmsfc_jax.core.typing import Params
from pmsfc_jax.evaluation.measure import Judge, Task, measure_row, steps_within
from pmsfc_jax.evaluation.methods import NUM_SUBSPACES, ROWS, choose_rows, config_of
from pmsfc_jax.evaluation.subsets import load_subset
from pmsfc_jax.evaluation.tables import as_csv, as_markdown, summarise
from pmsfc_jax.io.arrays import load_arrays, save_arrays
from pmsfc_jax.io.atomic import write_text_atomic
from pmsfc_jax.io.images import save_png
from pmsfc_jax.io.runs import make_folder
from pmsfc_jax.metrics import load_squeezenet, perceptual_distance
from pmsfc_jax.report.sheet import comparison_sheet
from pmsfc_jax.version import __version__

_KIND, _FORMAT = "evaluation", 1
_SHEET_ROWS = 16


def evaluate_run(options: Options) -> int:
    """Do what `pmsfc evaluate` says; returns its exit code."""
    names = choose_rows(options.methods)
    if options.seconds is not None and not options.seconds > 0:
        raise InputError(f"--seconds must be positive, not {options.seconds}")
    generator, params = load_generator(options.generator, weights_dir=options.weights_dir)
    task = _task(options, generator, params)
    layer = _layer(options, generator)
    partitions: dict[str | None, Subspaces | None] = {None: None}
    if any(ROWS[name].partition for name in names):
        key = jax.random.key(options.seed)
        found = discover_subspaces(
            generator, params, layer=layer, num_subspaces=NUM_SUBSPACES, key=key
        )
        partitions |= {"discovered": found, "random": random_subspaces(found, key)}
    make_folder(options.out / "methods")
    records, pictures = {}, []
    for name in names:
        records[name], images = _row(options, task, name, layer, partitions[ROWS[name].partition])
        pictures.append(images)
    _write(options, task, records, pictures)
    return 0


def _task(options: Options, generator: SplitGenerator, params: Params) -> Task:
    perceptual = None
    if options.perceptual_weight != 0:
        perceptual = load_perceptual(options.generator, weights_dir=options.weights_dir)
        if perceptual is None:
            raise InputError(
                f"{options.generator} has no perceptual network: leave --perceptual-weight out"
            )
    paths: Any = options.photos
    if options.subset is not None:
        paths = load_subset(options.subsets, options.subset, options.photos)
    targets = load_images(paths, generator)
    return Task(generator, params, targets, perceptual, _judge(options), options.seed)


def _judge(options: Options) -> Judge | None:
    if options.judge is None or not options.judge.exists():
        missing = "none was given" if options.judge is None else f"there is no {options.judge}"
        notice(f"no independent judge ({missing}): the column distance is left out")
        return None
    weights = load_squeezenet(options.judge)
    return lambda a, b: np.asarray(perceptual_distance(weights, a, b))


def _layer(options: Options, generator: SplitGenerator) -> int:
    return default_layer(generator.spec) if options.layer is None else options.layer


def _row(
    options: Options, task: Task, name: str, layer: int, subspaces: Subspaces | None
) -> tuple[dict[str, Any], np.ndarray]:
    """A row's record and pictures, from its file where it is finished with these settings."""

    def config_for(steps: int) -> InversionConfig:
        return config_of(
            name,
            layer=layer,
            num_steps=steps,
            learning_rate=options.learning_rate,
            perceptual_weight=options.perceptual_weight,
            batch_size=options.batch_size,
        )

    settings = {
        "inversion": dataclasses.asdict(config_for(options.steps)),
        "seconds": options.seconds,
        "partition": ROWS[name].partition,
        "generator": options.generator,
        "weights_sha256": task.generator.spec.identity,
        "targets_sha256": hashlib.sha256(to_uint8(task.targets).tobytes()).hexdigest(),
        "judge": None
        if task.judge is None or options.judge is None
        else hashlib.sha256(options.judge.read_bytes()).hexdigest(),
        "perceptual": task.perceptual.name if task.perceptual else None,
        "seed": options.seed,
        "device": jax.devices()[0].device_kind,
        "versions": [__version__, jax.__version__],
    }
    path = options.out / "methods" / f"{name}.npz"
    if path.exists():
        arrays, facts = load_arrays(path, kind=_KIND, newest=_FORMAT)
        if facts["settings"] == settings:
            notice(f"{name}: finished before")
            return facts["record"], arrays["images"]
    steps = options.steps
    if options.seconds is not None and "num_steps" not in ROWS[name].fields:
        steps = steps_within(task, config_for, subspaces, options.seconds)
    record, images = measure_row(task, config_for(steps), subspaces)
    facts = {"kind": _KIND, "format": _FORMAT, "settings": settings, "record": record}
    save_arrays(path, {"images": images}, facts)
    notice(f"{name}: {np.mean(record['psnr']):.2f} dB, {record['seconds_per_image']:.2f} s each")
    return record, images


def _write(
    options: Options, task: Task, records: dict[str, Any], pictures: list[np.ndarray]
) -> None:
    rows = summarise(records, seed=options.seed)
    markdown = as_markdown(rows, peak_kind=next(iter(records.values()))["peak_kind"])
    about = {
        "generator": options.generator,
        "weights_sha256": task.generator.spec.identity,
        "subset": options.subset,
        "seed": options.seed,
        "device": jax.devices()[0].device_kind,
        "jax": jax.__version__,
        "pmsfc_jax": __version__,
        "summary": rows,
        "methods": records,
    }
    write_text_atomic(options.out / "table.csv", as_csv(rows))
    write_text_atomic(options.out / "table.md", markdown)
    write_text_atomic(options.out / "table.json", json.dumps(about, indent=2) + "\n")
    columns = [to_uint8(task.targets), *pictures]
    sheet = comparison_sheet(
        [[column[i] for column in columns] for i in range(min(len(task.targets), _SHEET_ROWS))],
        column_titles=["target", *records],
        cell=160,
    )
    save_png(options.out / "sheet.png", sheet)
    print(markdown, end="")
    notice(f"written to {options.out}: table.md, table.csv, table.json, sheet.png")
