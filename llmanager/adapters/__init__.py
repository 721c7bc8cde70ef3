"""How the ports meet technology: a folder a platform, a file a technology, a class Technology + Port."""
