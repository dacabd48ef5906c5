"""Source files → ``raw``: typed by the contract, loaded once, bad rows in quarantine.

``ingest`` is the one entry. What belongs where: ``files`` lists and hashes, ``text_files`` sees that text is whole
and counts its records (``bad_lines``, ``csv_records``, ``json_records``), ``readers`` opens; ``mapping`` binds the
settings' expressions to the contract, ``mapping_guard`` says which SQL they may hold, ``opening`` locks the
connection down to their locations; ``casting`` types and judges values, ``survey`` looks at the keys of a load,
``batch`` writes it into the lake, ``completeness`` says whether rows are missing, ``rejection`` sets aside what is
bad and ``lines`` says where in a file it is; ``records`` keeps what was loaded, ``plan`` decides what has to be read,
``loading`` carries that out in one transaction a table, ``changes``, ``removal`` and ``references`` see to what it
replaces; ``columns`` compares a source with what it was. ``run`` goes through the tables.
"""

from orchestration.lib.ingest.report import LoadReport
from orchestration.lib.ingest.run import ingest

__all__ = ["LoadReport", "ingest"]
