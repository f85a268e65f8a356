"""The embedded store's truth: files that never change, and a manifest that says which of them count."""
