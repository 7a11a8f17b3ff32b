"""A folder that is watched: pictures as they arrive, verdicts, alarms.

``confirmation`` and ``arrivals`` decide, and touch nothing; ``store`` keeps what was decided in one transaction
a batch; ``lines`` and ``courier`` bring it out of there, each alarm once to every file, and to the webhook until it
is taken; ``watcher`` runs them.
"""
