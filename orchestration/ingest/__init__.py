"""Source files → ``raw``: typed by the contract, loaded once, bad rows in quarantine.

``ingest`` is the one entry; ``loading.run`` goes through the tables.

- ``reading``: ``files`` lists and hashes, ``text_files`` sees that text is whole and counts its records
  (``bad_lines``, ``csv_records``, ``json_records``), ``readers`` opens, ``opening`` locks the connection down to the
  locations, ``lines`` says where in a file a row is.
- ``mapping``: ``map_rows`` binds the settings' expressions to the contract, ``mapping_guard`` says which SQL they may
  hold, ``casting`` types and judges values, ``rejection`` sets aside what is bad, ``completeness`` says whether rows
  are missing, ``columns`` compares a source with what it was.
- ``loading``: ``records`` keeps what was loaded, ``plan`` decides what has to be read, ``load_table`` carries that out
  in one transaction for each table, ``batch`` writes a load into the lake, ``survey`` looks at its keys, ``changes``,
  ``removal`` and ``references`` see to what it replaces.
"""

from orchestration.ingest.loading.report import LoadReport
from orchestration.ingest.loading.run import ingest

__all__ = ["LoadReport", "ingest"]
