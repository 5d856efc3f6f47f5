"""Speaks HTTP, WebDAV and HTML. Knows acl and shareproviders; neither knows it."""
