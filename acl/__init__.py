"""Decides who may do what, and says why. No HTTP, no files, no clock of its own."""
