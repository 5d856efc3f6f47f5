"""Administrative commands, one subject a file; each is short, the work is done in the rooms."""
