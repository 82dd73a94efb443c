"""Who is told what: the outbox, and the channels it goes out by."""
