"""The trainer's parts: a progressive GAN on a folder of images (`scripts/train_prior.py`)."""
