"""The commands of `convert`, thin shells around its rooms; each module is light to import."""
