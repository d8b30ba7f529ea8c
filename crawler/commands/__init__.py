"""Commands this project adds to `scrapy`."""
