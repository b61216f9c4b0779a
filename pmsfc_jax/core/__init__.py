"""Types and conventions that every other part of the package builds on."""
