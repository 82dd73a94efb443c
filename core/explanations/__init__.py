"""What happened and why, in sentences for people who are no engineers.

Pure: stored rows (as the reads of the database give them) go in, sentences come out, in the
language of a :class:`~core.explanations.words.Words`. Everything here may be asked about any row:
figures that are missing leave their part of the sentence out.
"""
