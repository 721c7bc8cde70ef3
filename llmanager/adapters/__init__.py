"""How the ports meet technology. One folder a platform; a file is named for its technology.

A class is named Technology + Port.
"""
