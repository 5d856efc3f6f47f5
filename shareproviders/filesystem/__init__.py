"""A directory on disk as a share, reached by descriptors only; every change is one rename at the end."""
