"""Parts of pictures: positions of the feature whose channels point the same way.

Collins, Bala, Price, Süsstrunk: *Editing in Style: Uncovering the Local Semantics of GANs* (CVPR
2020), who cluster activations by spherical k-means. A part is found anew in every picture, so that
it can say where an edit acts.
"""
