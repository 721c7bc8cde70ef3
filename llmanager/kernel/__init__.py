"""What two capabilities share as data: identity, time, errors, pages, the Table port.

Here: small frozen types and Protocols, standard library only. Not here: I/O, HTTP, anything of one capability.
"""
