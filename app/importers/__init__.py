"""Readers of the files an issuer brings: a GTFS feed, a seating plan, a catalogue. They read and never write.

`gtfs.read_gtfs`, `seating.read_seating` and `catalogue.read_catalogue` answer drafts of `app.domain.catalogue`, or
raise `ImportRefused` with every fault's file, row, field and reason. No other exception leaves them, whatever the
bytes.
"""
