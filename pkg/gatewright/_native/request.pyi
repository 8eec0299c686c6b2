from gatewright._native.document import Doc

def read_facts(
    obj: Doc,
) -> tuple[str | bool | None, str | bool | None, str, str, str, dict[str, str]]: ...
