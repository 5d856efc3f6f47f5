"""The default share provider: names, bytes and versions, encrypted at rest."""
