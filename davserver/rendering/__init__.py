"""Makes pages of documents in child processes that reach nothing but their document; knows no rights and no pages."""
