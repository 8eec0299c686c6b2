from gatewright._native.document import Doc

def read_request(
    review: Doc,
) -> (
    tuple[
        str,
        str,
        Doc,
        str,
        str,
        str,
        str,
        str,
        str,
        str,
        str,
        bool,
        Doc | None,
        Doc | None,
        bool,
    ]
    | None
): ...
def read_facts(
    obj: Doc,
) -> tuple[str | bool | None, str | bool | None, str, str, str, dict[str, str]]: ...
