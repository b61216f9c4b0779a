"""The work behind ``pmsfc invert``; imports jax, so it is imported when the work begins."""

import dataclasses
import time
from typing import Any

import jax
import numpy as np

from pmsfc_jax.api import (
    InversionConfig,
    InversionResult,
    Perceptual,
    SplitGenerator,
    Subspaces,
    discover_subspaces,
    invert_batches,
    load_generator,
    load_perceptual,
    load_subspaces,
    random_subspaces,
    save_subspaces,
    to_uint8,
)
from pmsfc_jax.cli._console import notice, progress_bar, table
from pmsfc_jax.cli._print import describe_subspaces
from pmsfc_jax.cli.invert import Options
from pmsfc_jax.core.errors import InputError
from pmsfc_jax.core.images import to_float
from pmsfc_jax.core.typing import Params
from pmsfc_jax.inversion.compose import SUBSPACE_METHODS
from pmsfc_jax.inversion.config import DEFAULT_PERCEPTUAL_WEIGHT
from pmsfc_jax.io.codes import SavedCodes
from pmsfc_jax.io.images import Photograph, find_photographs, load_photographs, save_png
from pmsfc_jax.io.paths import shown
from pmsfc_jax.io.runs import RunFolder, pixels_sha256
from pmsfc_jax.metrics import psnr, ssim
from pmsfc_jax.metrics.image_metrics import SSIM_WINDOW
from pmsfc_jax.report.runs import run_sheet
from pmsfc_jax.version import __version__

_DEFAULT_CODES = {"pmsfc": 4, "pmsfc_linear": 4, "mganprior": 16, "single": 1}
_DEFAULT_SIDE = 16


def invert_run(options: Options) -> int:
    """Do what `pmsfc invert` says; returns its exit code."""
    generator, params = load_generator(options.generator, weights_dir=options.weights_dir)
    perceptual = _perceptual(options)
    given = load_subspaces(options.subspaces) if options.subspaces else None
    config = _config(options, generator, given, perceptual)
    photographs, num_skipped = _photographs(options, generator)
    run = RunFolder.open(
        options.out,
        _settings(options, generator, config, given, perceptual),
        environment={
            "pmsfc_jax": __version__,
            "jax": jax.__version__,
            "device": jax.devices()[0].device_kind,
        },
        overwrite=options.overwrite,
    )
    subspaces = _subspaces(options, generator, params, config, given, run)
    todo = [p for p in photographs if not run.is_finished(p.name, p.pixels)]
    if len(todo) < len(photographs):
        notice(f"{len(photographs) - len(todo)} images were finished before and are kept")
    with_v = f"V = {perceptual.name}" if config.perceptual_weight and perceptual else "no V"
    notice(
        f"{len(todo)} images, {options.generator} at layer {config.layer}, {config.method}, "
        f"{with_v}, {config.num_steps} steps on {jax.devices()[0].platform}"
    )
    rows = run.load_metrics()
    failed = _invert(
        generator, params, todo, subspaces, config, perceptual, options.seed, run, rows
    )
    rows = {p.name: rows[p.name] for p in photographs if p.name in rows}
    run.save_metrics(rows)
    _report(run, photographs, rows)
    return 1 if num_skipped or failed else 0


def _perceptual(options: Options) -> Perceptual | None:
    if options.perceptual_weight == 0:
        return None
    source = options.perceptual or options.generator
    perceptual = load_perceptual(source, weights_dir=options.weights_dir)
    if perceptual is None and (options.perceptual_weight or options.perceptual):
        raise InputError(
            f"{source} has no perceptual network: leave --perceptual-weight out, or name one with "
            "--perceptual"
        )
    return perceptual


def _config(
    options: Options,
    generator: SplitGenerator,
    given: Subspaces | None,
    perceptual: Perceptual | None,
) -> InversionConfig:
    layer = options.layer
    if layer is None and given is not None:
        layer = given.layer
    if layer is None:
        sides = [shape[0] for shape in generator.spec.feature_shapes]
        layer = sides.index(_DEFAULT_SIDE) if _DEFAULT_SIDE in sides else len(sides) - 1
    weight = options.perceptual_weight
    if weight is None and options.perceptual:
        raise InputError(
            f"give --perceptual-weight with --perceptual {options.perceptual}: networks differ in "
            "the scale of their features, and only the shipped one has a measured default"
        )
    if weight is None:
        weight = DEFAULT_PERCEPTUAL_WEIGHT if perceptual is not None else 0.0
    return InversionConfig(
        method=options.method,
        layer=layer,
        codes_per_subspace=_DEFAULT_CODES[options.method]
        if options.codes is None
        else options.codes,
        num_steps=options.steps,
        optimiser=options.optimiser,
        learning_rate=options.learning_rate,
        perceptual_weight=weight,
        batch_size=options.batch_size,
        precision=options.precision,
    )


def _photographs(options: Options, generator: SplitGenerator) -> tuple[list[Photograph], int]:
    height, width, _ = generator.spec.image_shape
    photographs, skipped = load_photographs(find_photographs(options.photos), (height, width))
    for skip in skipped:
        notice(f"left out {shown(skip.path)}: {skip.reason}")
    for photograph in photographs:
        for text in photograph.notices:
            notice(f"{photograph.name}: {text}")
    if not photographs:
        raise InputError("none of the photographs could be read")
    return photographs, len(skipped)


def _settings(
    options: Options,
    generator: SplitGenerator,
    config: InversionConfig,
    given: Subspaces | None,
    perceptual: Perceptual | None,
) -> dict[str, Any]:
    """What decides the outcome, as it stands in config.json."""
    settings: dict[str, Any] = {
        "generator": options.generator,
        "weights_sha256": generator.spec.identity,
        "inversion": dataclasses.asdict(config),
        "perceptual": perceptual.name if perceptual and config.perceptual_weight else None,
        "seed": options.seed,
    }
    if config.method in SUBSPACE_METHODS:
        settings["partition"] = options.partition
        settings["num_subspaces"] = given.num_subspaces if given else options.num_subspaces
        settings["subspaces_sha256"] = (
            None if given is None else pixels_sha256(np.asarray(given.labels, np.int32))
        )
    return settings


def _subspaces(
    options: Options,
    generator: SplitGenerator,
    params: Params,
    config: InversionConfig,
    given: Subspaces | None,
    run: RunFolder,
) -> Subspaces | None:
    """The partition to compose in, kept in the run's folder as it is used."""
    path = run.path / "subspaces.npz"
    if config.method not in SUBSPACE_METHODS:
        return None
    if path.exists():
        return load_subspaces(path)
    subspaces = given
    if subspaces is None:
        assert config.layer is not None
        with progress_bar("subspaces") as update:
            subspaces = discover_subspaces(
                generator,
                params,
                layer=config.layer,
                num_subspaces=options.num_subspaces,
                key=jax.random.key(options.seed),
                on_progress=lambda done, total: update(done, total, ""),
            )
        notice(describe_subspaces(subspaces))
    if options.partition == "random":
        subspaces = random_subspaces(subspaces, jax.random.key(options.seed))
    save_subspaces(path, subspaces, seed=options.seed)
    return subspaces


def _invert(
    generator: SplitGenerator,
    params: Params,
    todo: list[Photograph],
    subspaces: Subspaces | None,
    config: InversionConfig,
    perceptual: Perceptual | None,
    seed: int,
    run: RunFolder,
    rows: dict[str, dict[str, str]],
) -> int:
    """Invert what is to be done, saving every batch; returns how many images failed."""
    if not todo:
        return 0
    targets = to_float(np.stack([photograph.pixels for photograph in todo]))
    failed, began = 0, time.perf_counter()
    with progress_bar("inversion") as update:
        for where, result in invert_batches(
            generator,
            params,
            targets,
            subspaces=subspaces,
            key=jax.random.key(seed),
            config=config,
            perceptual=perceptual,
            on_progress=lambda done, total, loss: update(done, total, f"loss {loss:.5f}"),
        ):
            seconds, began = time.perf_counter() - began, time.perf_counter()
            batch = todo[where]
            images = to_uint8(result.reconstruction)
            measured = _measure(np.stack([p.pixels for p in batch]), images, result, seconds)
            for i, (photograph, row) in enumerate(zip(batch, measured, strict=True)):
                if result.failed[i]:
                    failed += 1
                    notice(f"{photograph.name}: failed, its loss was never a finite number")
                    continue
                codes = _saved(generator, result, i, photograph)
                run.save_image(photograph.name, photograph.pixels, images[i], codes)
                rows[photograph.name] = {"image": photograph.name, **row}
            run.save_metrics(rows)
    return failed


def _saved(
    generator: SplitGenerator, result: InversionResult, i: int, photograph: Photograph
) -> SavedCodes:
    return SavedCodes(
        z=result.codes[i],
        w=result.weights[i],
        masks=result.masks,
        losses=result.losses[i],
        layer=result.layer,
        method=result.method,
        precision=result.precision,
        generator=generator.spec.name,
        identity=generator.spec.identity,
        target_sha256=pixels_sha256(photograph.pixels),
    )


def _measure(
    targets: np.ndarray, images: np.ndarray, result: InversionResult, seconds: float
) -> list[dict[str, str]]:
    """A row of metrics.csv for each image of a batch, taken on what the user gets: uint8."""
    decibels = np.asarray(psnr(targets, images))
    small = min(targets.shape[1:3]) < SSIM_WINDOW
    similarity = np.full(len(targets), np.nan) if small else np.asarray(ssim(targets, images))
    return [
        {
            "psnr_db": f"{decibels[i]:.3f}",
            "ssim": f"{similarity[i]:.4f}",
            "loss": f"{result.losses[i].min():.6g}",
            "best_step": str(int(result.best_step[i])),
            "guarded_denominators": str(int(result.guarded[i])),
            "seconds": f"{seconds / len(targets):.3f}",
        }
        for i in range(len(targets))
    ]


def _report(run: RunFolder, photographs: list[Photograph], rows: dict[str, dict[str, str]]) -> None:
    done = [photograph.name for photograph in photographs if photograph.name in rows]
    if not done:
        return
    save_png(
        run.path / "sheet.png", run_sheet(run.path, {n: float(rows[n]["psnr_db"]) for n in done})
    )
    shown_rows = [[n, rows[n]["psnr_db"], rows[n]["ssim"], rows[n]["seconds"]] for n in done]
    means = [
        f"{np.mean([float(rows[n][column]) for n in done]):.3f}"
        for column in ("psnr_db", "ssim", "seconds")
    ]
    if len(shown_rows) > 40:
        shown_rows = [*shown_rows[:20], ["...", "", "", ""], *shown_rows[-20:]]
    print(table(["image", "PSNR dB", "SSIM", "seconds"], [*shown_rows, ["mean", *means]]))
    notice(f"results in {run.path}: sheet.png, images/, codes/, metrics.csv")
