"""The stack machine that a pickle is a program for, and the few calls it may make."""
