"""Layouts of BigGAN codebases."""
