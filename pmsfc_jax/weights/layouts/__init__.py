"""How each published codebase names and stores the weights of its networks: one small file each."""
