"""The two containers of `torch.save`, and tensors as views of their storages."""
