from collections.abc import Callable
from typing import Any

from typing_extensions import disjoint_base

from gatewright._native.image import Image

@disjoint_base
class Host:
    context: Any
    make_context: Callable[[], Any] | None
    @property
    def image(self) -> Image: ...
