"""What we take of the `kubernetes` package, without what importing it brings along.

Its `__init__`, and that of `kubernetes.aio`, import every way to talk to an API server
that there is (urllib3, requests, oauthlib, websocket, ...).  We take one connection and
the reading of configurations: 300 modules instead of 564, 0.40 s of CPU instead of
0.55 (on two busy cores) and 8 MB less.  What reads kubeconfig files imports all of
`ApiClient`, and pydantic with it, for functions that nobody here calls: another 90
modules, 0.12 s and 6 MB in each process that asks the API server.  Whoever asks the
package for more gets all of it.
"""

from __future__ import annotations

import sys
from functools import partial
from importlib import import_module
from importlib.machinery import PathFinder
from importlib.util import module_from_spec
from types import ModuleType
from typing import Any

__all__ = [
    "ConfigException",
    "Configuration",
    "RESTClientObject",
    "incluster_config",
    "kube_config",
]


def postpone(*names: str) -> None:
    """Have packages, outer ones first, that are their folders until somebody asks for
    more: then their `__init__` runs.  One that is imported already stays as it is; one
    that cannot be found is left to the import that needs it."""
    for name in names:
        outer, _, last = name.rpartition(".")
        if name in sys.modules or (outer and outer not in sys.modules):
            return
        path = sys.modules[outer].__path__ if outer else None
        spec = PathFinder.find_spec(name, path)
        if spec is None or spec.submodule_search_locations is None:
            return
        module = sys.modules[name] = module_from_spec(spec)
        module.__getattr__ = partial(asked, module)  # type: ignore[method-assign]
        if outer:
            setattr(sys.modules[outer], last, module)


def asked(module: ModuleType, name: str) -> Any:
    """Somebody asks for what is not there yet."""
    if name.startswith("__"):  # the import system looks for those
        raise AttributeError(name)
    del module.__getattr__
    spec = module.__spec__
    assert spec is not None
    assert spec.loader is not None
    spec.loader.exec_module(module)
    return getattr(module, name)


def api_client(*args: Any, **kwargs: Any) -> Any:
    """An `ApiClient`, which is imported only now."""
    return import_module("kubernetes.aio.client.api_client").ApiClient(*args, **kwargs)


postpone("kubernetes", "kubernetes.aio")

from kubernetes.aio.client.configuration import Configuration  # noqa: E402
from kubernetes.aio.client.rest import RESTClientObject  # noqa: E402

_client = sys.modules["kubernetes.aio.client"]
_stands_in = "ApiClient" not in vars(_client)
if _stands_in:
    _client.ApiClient = api_client  # type: ignore[attr-defined]

from kubernetes.aio.config import (  # noqa: E402
    ConfigException,
    incluster_config,
    kube_config,
)

if _stands_in:
    del _client.ApiClient  # whoever asks now gets the real one
