"""Converted weights on disk: manifests, checksums, and where folders are put and found."""
