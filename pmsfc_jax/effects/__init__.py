"""What sets of channels do to pictures: exchanged between codes, measured, and beside random ones.

Everything here takes masks ``[R, C]``, wherever they come from; nothing knows how they were found.
"""
