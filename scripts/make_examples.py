"""Draw the example images from a training run: samples of an earlier, non-averaged generator.

    python scripts/make_examples.py --run runs/prior --out examples

The shipped weights are the average at the end of the run. A sample of the running weights at an
earlier checkpoint therefore has no exact code under the shipped generator, as a photograph has
none, and is nevertheless ours to give away. Seeds 0 to 7, not chosen.
"""

import argparse
import dataclasses
import json
from pathlib import Path

import jax

from pmsfc_jax.core.images import to_uint8
from pmsfc_jax.io.images import save_png
from pmsfc_jax.nn import pggan
from pmsfc_jax.training.checkpoints import checkpoint_manager, restore
from pmsfc_jax.training.config import TrainingConfig
from pmsfc_jax.training.equalised import to_effective


def main() -> None:
    """Draw and write them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=Path("examples"))
    parser.add_argument("--count", type=int, default=8)
    options = parser.parse_args()

    settings = json.loads((options.run / "config.json").read_text())
    fields = {field.name for field in dataclasses.fields(TrainingConfig)}
    config = TrainingConfig(**{name: settings[name] for name in fields if name in settings})
    with checkpoint_manager(options.run) as manager:
        earlier = min(manager.all_steps())
        step, state, place = restore(manager, config, earlier)
    module = pggan.pure_module(config.generator(place["side"], place["fading"]))
    params = to_effective(state.generator)
    for seed in range(options.count):
        z = jax.random.normal(jax.random.key(seed), (1, config.latent_dim))
        bound = module.bind(params)
        image = to_uint8(bound.tail(bound.head(z, 0), 0))[0]
        save_png(options.out / f"sample{seed}.png", image)
    print(f"{options.count} samples of the generator after {step * config.batch_size} images")


if __name__ == "__main__":
    main()
