"""The verbs of the ``dvornik`` command, one module each; a function named like the verb builds it."""
