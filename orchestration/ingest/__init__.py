"""Source files → ``raw``: typed by the contract, loaded once, bad rows in quarantine.

``ingest`` is the only entry point; ``loading.run`` goes through the tables.

- ``reading``: ``files`` lists and hashes, ``text_files`` checks that text is complete and counts its records
  (``bad_lines``, ``csv_records``, ``json_records``), ``readers`` opens, ``opening`` restricts the connection to the
  locations, ``lines`` finds the line of a row.
- ``mapping``: ``map_rows`` binds the settings' expressions to the contract, ``mapping_guard`` restricts their SQL,
  ``casting`` types and checks values, ``rejection`` separates bad rows, ``completeness`` detects missing rows,
  ``columns`` compares a source's columns with its earlier ones.
- ``loading``: ``records`` stores what was loaded, ``plan`` decides what to read, ``load_table`` does it in one
  transaction per table, ``batch`` writes a load into the lake, ``survey`` examines its keys, and ``changes``,
  ``removal`` and ``references`` handle what it replaces.
"""

from orchestration.ingest.loading.report import LoadReport
from orchestration.ingest.loading.run import ingest

__all__ = ["LoadReport", "ingest"]
