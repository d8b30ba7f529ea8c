"""Why a source did not speak to us: a closed list of names."""

from enum import StrEnum


class Cause(StrEnum):
    """Why a source was blind or partly so: each by its own name, so that it can be counted, alerted and mended."""

    CREDENTIAL = "credential"  # none given, or refused
    LOGIN_WALL = "login-wall"
    CAPTCHA = "captcha"
    CONSENT = "consent"
    EMPTY_BODY = "empty-body"  # 200 and nothing in it: how a block looks on TikTok
    HTML_FOR_JSON = "html-for-json"
    SOFT_ERROR = "soft-error"  # 200 with an error object in it
    FEED_DISABLED = "feed-disabled"
    REPEATED_CURSOR = "repeated-cursor"
    RATE_LIMITED = "rate-limited"
    BUDGET = "budget"  # our own cap, or the platform's quota of the period, is spent
    REFUSED = "refused"  # 401, 403, robots, our egress guard
    NOT_FOUND = "not-found"
    TROUBLE = "trouble"  # 5xx, no answer, a time-out
    CHANGED = "changed"  # a field we read is gone or of another type
    CANARY = "canary"  # a question that must bring posts brought none, or the other way round
    CUT = "cut"  # the page budget or the time ended before known ground
    OURS = "ours"  # our own mistake, or a watch that cannot be asked


NEXT_STEP = {  # what a person can do about it
    Cause.CREDENTIAL: "`clipwarden login` says what is missing and how to get it",
    Cause.LOGIN_WALL: "the site now wants a login: import captures of it, or give a credential if it takes one",
    Cause.CAPTCHA: "crawl less often (every, crawl.delay_s), or import captures; no captcha is ever solved",
    Cause.CONSENT: "name the site's address of another region, or import captures",
    Cause.EMPTY_BODY: "the site blocks us: crawl less often, from another address, or import captures",
    Cause.HTML_FOR_JSON: "open the address in a browser: an outage, a block, or a moved interface",
    Cause.SOFT_ERROR: "read the platform's own words above; its status page may know",
    Cause.FEED_DISABLED: "the instance gives this feed to nobody: watch another instance",
    Cause.REPEATED_CURSOR: "the platform's paging is broken; it is tried again at the next crawl",
    Cause.RATE_LIMITED: "crawl less often: raise `every` in the brand file, or crawl.delay_s",
    Cause.BUDGET: "wait for the next period, lower `every`, or raise the cap in crawl.caps",
    Cause.REFUSED: "open the address in a browser; the site may refuse programs, or this machine's address",
    Cause.NOT_FOUND: "check the watch in the brand file: the account or tag may be gone",
    Cause.TROUBLE: "nothing, if it is over by the next crawl; else see the platform's status page and the log",
    Cause.CHANGED: "the platform changed its answers: update clipwarden, or freeze the sample and mend the spider",
    Cause.CANARY: "compare with the site in a browser: if it shows posts, the source hides them from us",
    Cause.CUT: "raise crawl.pages or crawl.time_limit_s, or watch more often",
    Cause.OURS: "see the log; a watch that cannot be asked is mended in the brand file",
}
