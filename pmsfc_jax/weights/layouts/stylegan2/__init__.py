"""Layouts of StyleGAN2 codebases."""
