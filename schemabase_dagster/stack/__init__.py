"""The whole stack as child processes on one machine: what ``schemabase up`` and ``demo`` run.

It is the roof's view of the house: nothing below may import it, and production does not use it
(``deploy/`` runs the same commands in containers).
"""
