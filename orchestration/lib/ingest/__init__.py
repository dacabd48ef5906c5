"""Source files → ``raw``: typed by the contract, loaded once, bad rows in quarantine.

``ingest`` is the one entry. What belongs where: ``files`` lists and hashes, ``readers`` opens, ``mapping`` binds the
settings' expressions to the contract, ``casting`` types and judges values, ``batch`` writes one file into the lake,
``plan`` decides what has to be read, ``run`` ties them together, one transaction a table.
"""

from orchestration.lib.ingest.run import LoadReport, ingest

__all__ = ["LoadReport", "ingest"]
