"""One platform a file. Scrapy's loader is the registry; no list is edited."""
