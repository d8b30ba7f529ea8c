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
