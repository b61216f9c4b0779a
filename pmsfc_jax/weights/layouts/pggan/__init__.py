"""PGGAN in the keys of nine codebases."""
