"""Directions along which pictures are moved: in latent codes, or in features at the cut.

`components` (principal ones, and the closed form of SeFa), `boundary` (from labels) and `samples`
find them; `directions` is what they are, `walk` goes along them.
"""
