"""The desk, opened."""

from typing import Annotated

import typer

from app.console import DESK_PORT, app, home, say

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


@app.command(epilog="Example: clipwarden serve --port 8484")
def serve(
    host: Annotated[
        str, typer.Option(help="Address to listen on; only this machine unless you say otherwise.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on.")] = DESK_PORT,
    certificate: Annotated[str, typer.Option(help="PEM file of a certificate and its chain, to serve by https.")] = "",
    key: Annotated[str, typer.Option(help="PEM file of the certificate's key.")] = "",
) -> None:
    """Open the review desk: the page where people work through the hits, and the API for programs. Ctrl-C ends it.

    A fresh desk has no accounts yet, and prints a link that signs its first admin in, once.
    """
    from datetime import UTC, datetime

    import uvicorn

    from app.desk import Pictures, lend
    from app.screening import Screening
    from core.errors import SettingsWrong
    from review.desk import create
    from review.people import first_link, who

    if host not in LOOPBACK and not certificate:
        raise SettingsWrong(f"--host {host}: others would read passwords on the way; give --certificate and --key too")
    with home(new=True, sync=True) as opened:
        pictures, screening = Pictures(opened), Screening(opened)
        try:
            desk = lend(opened, pictures, screen=screening.screen, add=screening.add)
            scheme = "https" if certificate else "http"
            shown = "localhost" if host in LOOPBACK else host
            if link := first_link(opened.ledger, at=datetime.now(UTC)):
                say(f"First sign-in, once, within 15 minutes: {scheme}://{shown}:{port}/sign-in/once?key={link}")
            say(f"The desk is at {scheme}://{shown}:{port}/ (Ctrl-C ends it)")
            uvicorn.run(
                create(desk, who), host=host, port=port, log_level="warning", server_header=False, proxy_headers=False,
                ssl_certfile=certificate or None, ssl_keyfile=key or None,
            )  # fmt: skip
        finally:
            pictures.close()
            screening.close()
