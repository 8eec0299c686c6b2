"""The Kubernetes API, as this project asks it: list, watch, write, lease.

Where the server is and who we are comes from the `kubernetes` package; lists and
watches are our own, since that package makes a tree of Python objects of each
object, and we keep bytes.

In order of flow:

    errors.py      what the API server refuses, told apart
    package.py     what we take of the `kubernetes` package
    settings.py    where the API server is, and as whom we call it
    client.py      requests: bytes out, bytes in, errors told apart
    resource.py    a kind as the API serves it, and the paths of its objects
    discovery.py   which kinds are served, and which could not be asked for
    items.py       one object as bytes, with the few fields that all need
    listing.py     a list, page by page
    watching.py    a watch, event by event
    reflector.py   list and watch joined: follows all objects of one kind for ever
    lease.py       who of several replicas does a thing
    arrival.py     whether the API server's calls arrive anywhere
    heartbeat.py   when requests may have passed without a verdict
"""
