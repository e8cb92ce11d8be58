"""What differs between versions, decided on plain values: rows fit for JSON and for Markdown."""
