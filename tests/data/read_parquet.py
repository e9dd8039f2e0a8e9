"""Reads the table of Parquet named first as data frames do, and prints it as JSON: types of its columns, and its rows."""

import json
import sys

import pyarrow.parquet

table = pyarrow.parquet.read_table(sys.argv[1])
# What is no number has a name in JSON.
plain = lambda cell: str(cell) if isinstance(cell, float) and cell != cell else cell
json.dump(
    {
        "types": {field.name: str(field.type) for field in table.schema},
        "rows": [{name: plain(cell) for name, cell in row.items()} for row in table.to_pylist()],
    },
    sys.stdout,
)
