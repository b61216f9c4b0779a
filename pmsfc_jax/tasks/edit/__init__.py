"""Editing: exchange, mix and morph what subspaces draw, on composed features.

Under full weights a code serves every channel, so exchanging codes does not exchange a subspace.
Features do: `features` acts on what `inversion.drawing.composed` gives. `codes` moves from one
drawing to another; `region` says where in a picture; `edited` is what comes out, with its recipe.
"""
