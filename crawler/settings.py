"""Scrapy's settings: polite and closed by default.

What a home may change (agent, delay, budget) arrives as command-line values from crawl.py.
"""

BOT_NAME = "clipwarden"
SPIDER_MODULES = ["crawler.spiders"]
NEWSPIDER_MODULE = "crawler.spiders"
COMMANDS_MODULE = "crawler.commands"

# Scrapy 2.19 starts an HTTP server that runs posted Python, and a telnet console, unless told not to;
# and it accepts any certificate unless told to look.
REMOTE_CONTROL_ENABLED = False
TELNETCONSOLE_ENABLED = False
DOWNLOAD_VERIFY_CERTIFICATES = True

ROBOTSTXT_OBEY = True
COOKIES_ENABLED = False
USER_AGENT = "clipwarden/0.1 (brand protection; see the operator's clipwarden.toml)"
CONCURRENT_REQUESTS_PER_DOMAIN = 2
DOWNLOAD_DELAY = 0.5
AUTOTHROTTLE_ENABLED = True
AUTOTHROTTLE_START_DELAY = 0.5
AUTOTHROTTLE_MAX_DELAY = 60
DOWNLOAD_TIMEOUT = 30
CONCURRENT_ITEMS = 4  # tasks Scrapy makes for each answer; ours are one item each, and 100 idle tasks cost more
DOWNLOAD_MAXSIZE = 32 * 1024 * 1024  # an API page is kilobytes; the default of 1 GB fills a disk
REDIRECT_MAX_TIMES = 5
RETRY_TIMES = 3
RETRY_HTTP_CODES = [500, 502, 503, 504, 522, 524, 408]  # 429 is RetryAfter's

TWISTED_REACTOR = "twisted.internet.asyncioreactor.AsyncioSelectorReactor"
DOWNLOADER_MIDDLEWARES = {
    "scrapy.downloadermiddlewares.robotstxt.RobotsTxtMiddleware": None,
    "crawler.middlewares.Robots": 100,  # in the place of the stock one, which lets the third of three pass
    "crawler.budgets.Bookkeeping": 540,
    "crawler.middlewares.RetryAfter": 545,  # nearer the wire than the stock retry (550)
    "scrapy.downloadermiddlewares.redirect.MetaRefreshMiddleware": None,  # a page's own word sends us nowhere
    "scrapy.downloadermiddlewares.httpauth.HttpAuthMiddleware": None,
}
# What none of our spiders needs, at each request; and no platform learns from a Referer what else we ask.
SPIDER_MIDDLEWARES = {
    "scrapy.spidermiddlewares.depth.DepthMiddleware": None,
    "scrapy.spidermiddlewares.referer.RefererMiddleware": None,
    "scrapy.spidermiddlewares.urllength.UrlLengthMiddleware": None,
}
ITEM_PIPELINES = {"crawler.pipelines.LedgerPipeline": 300}
LOG_LEVEL = "INFO"
