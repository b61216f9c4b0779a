"""Inversion: compose features of several codes, measure the misfit, optimise codes and weights."""
