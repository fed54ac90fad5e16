"""Command modules of ``schemabase``, found by walking: see ``cli.build`` for what one defines."""
