"""Keeps names, bytes and versions. Knows no principal, no HTTP, no rights."""
