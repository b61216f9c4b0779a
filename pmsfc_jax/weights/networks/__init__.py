"""The networks that stand in the tree of a checkpoint."""
