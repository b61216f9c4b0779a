"""The command line, one small file a command. jax is imported only inside a command's work."""
