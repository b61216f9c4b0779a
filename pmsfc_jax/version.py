"""The package version, read by the build and written into every manifest and run."""

__version__ = "0.1.0"
