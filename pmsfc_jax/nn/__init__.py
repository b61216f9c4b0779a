"""Networks: one file or folder per family. Nothing else in the package knows them."""
