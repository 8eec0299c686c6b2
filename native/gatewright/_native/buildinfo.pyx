"""How the compiled modules were built: compiler, flags that change behaviour."""

cdef extern from *:
    """
    #if defined(__clang__)
      #define GW_COMPILER "clang " __clang_version__
    #elif defined(__GNUC__)
      #define GW_COMPILER "gcc " __VERSION__
    #else
      #define GW_COMPILER "unknown"
    #endif
    #ifdef __OPTIMIZE__
      #define GW_OPTIMIZED 1
    #else
      #define GW_OPTIMIZED 0
    #endif
    #ifdef NDEBUG
      #define GW_ASSERTS 0
    #else
      #define GW_ASSERTS 1
    #endif
    """
    const char *GW_COMPILER
    const char *CYTHON_ABI
    int GW_OPTIMIZED
    int GW_ASSERTS


def compiler() -> str:
    """The C compiler and its version, as it names itself."""
    return GW_COMPILER.decode("ascii")


def cython_abi() -> str:
    """The version of Cython that wrote the C sources, with underscores."""
    return CYTHON_ABI.decode("ascii")


def optimized() -> bool:
    """Whether the C compiler optimised."""
    return GW_OPTIMIZED != 0


def asserts() -> bool:
    """Whether C asserts are live."""
    return GW_ASSERTS != 0
