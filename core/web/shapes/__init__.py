"""What is answered: the models that the OpenAPI document is made from, and nothing else.

They are imported when the document is built, not by a function that starts. Answers are built by
SQL; tests hold them against these models, which allow no field more and none less.
"""
