from typing import Self, final

from gatewright._native.catalog import Catalog
from gatewright._native.image import Image
from gatewright._native.watcher import Watcher

@final
class IndexSet(Watcher):
    def __new__(cls, catalog: Catalog, image: Image) -> Self: ...
    @property
    def count(self) -> int: ...
    @property
    def failures(self) -> int: ...
    @property
    def size(self) -> int: ...
