"""Work that no instruction sees; used by other compiled modules."""
