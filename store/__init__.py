"""One SQLite file and one blob folder. Nothing else in the project opens either."""
