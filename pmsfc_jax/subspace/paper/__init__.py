"""Self-expression with the paper's whole objective: features, pictures and an L1 norm (equation 6).

`expression` is the method, `step` the objective and one step of its minimisation, `search` the
loops over latents, `options` what can be chosen.
"""
