"""Every error clipwarden raises on purpose.

ClipwardenError
├── SettingsWrong        a setting or a brand file says something that cannot be used
├── PageChanged          a platform's answer no longer has the field we read
├── SourceBlind          a platform answers, but not to us: login wall, disabled feed, robots
├── FetchRefused         our own rules stopped a download: size, address, disk
├── MediaUnreadable      bytes that do not decode, or decode into something absurd
├── ShapeError           an array of the wrong shape reached a matcher
├── NotFound             an id, a reference or a file that is not there
├── NoticeIncomplete     a notice lacks a field; names every one
└── Busy                 another clipwarden holds this home

Each message says what, where, and what to do. None is ever caught to go on as if nothing was.
"""


class ClipwardenError(Exception):
    """The root: what the command line turns into one line and exit code 1."""


class SettingsWrong(ClipwardenError):
    """A setting or a brand file says something that cannot be used."""


class PageChanged(ClipwardenError):
    """A platform's answer no longer has the field we read; the message names the field."""


class SourceBlind(ClipwardenError):
    """A platform answers, but not to us; zero posts from it would be a lie.

    cause   why, by its name in core.causes.Cause
    """

    def __init__(self, message: str, cause: str = "refused") -> None:
        super().__init__(message)
        self.cause = cause


class FetchRefused(ClipwardenError):
    """Our own rules stopped a download: too large, too long, a private address, a full disk."""


class MediaUnreadable(ClipwardenError):
    """Bytes that do not decode, or decode into something absurd."""


class ShapeError(ClipwardenError):
    """An array of the wrong shape reached a matcher."""


class NotFound(ClipwardenError):
    """An id, a reference or a file that is not there."""


class NoticeIncomplete(ClipwardenError):
    """A notice lacks a field; the message names every one."""


class Busy(ClipwardenError):
    """Another clipwarden holds this home."""
