"""The HTTPS edge: bytes of a review in, bytes of an answer out.

No verdict is made here.  What a request means is decided by a `Decider`, which
the composition root gives; this package reads the body within limits, keeps the
deadline, refuses what can't be decided in time, counts and logs.

In order of flow:

    protocol.py   limits on connections, under uvicorn
    fastpath.py   requests answered from the parser's callbacks
    openings.py   and those whose head was seen before, without the parser
    endpoints.py  requests that come by ASGI
    desk.py       one request: taken, decided, counted or refused, for both
    deadline.py   the time that a request has
    pulse.py      and how much of it was over before it was read
    identity.py   what a request that was not decided was about
    decisions.py  what the edge asks of whoever decides
    app.py        the routes
"""
