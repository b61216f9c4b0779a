"""DCGAN in the keys of published codebases, or as a file describes it."""
