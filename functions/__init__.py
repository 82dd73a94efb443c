"""The HTTP functions, one module an action; :mod:`functions.main` is the target of all.

functions-framework puts this folder on ``sys.path``: no module here may carry the name of one of
the standard library, and siblings are imported as ``functions.…``.
"""
