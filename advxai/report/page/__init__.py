"""The report: results/<run>/report.html, one file, or with a folder beside it where the run is large."""
