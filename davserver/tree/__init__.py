"""THE DOOR: all shares as one tree, as one principal may see and change them. locate, ask, act, note."""
