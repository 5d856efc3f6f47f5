"""WebDAV: one RFC, one file. The only room that imports wsgidav and lxml."""
