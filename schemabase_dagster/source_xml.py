"""XML of a source, flattened: the texts of its elements by path, without DTD and entities."""

from xml.parsers import expat

MAX_DEPTH = 32


def texts(document: bytes) -> list[tuple[str, str]]:
    """Return (path, text) of every element that holds no other, in order.

    Raises:
        ValueError: it is no XML, is nested deeper than ``MAX_DEPTH``, or declares a document type,
            whose entities could make a small document huge.
    """
    found: list[tuple[str, str]] = []
    path: list[str] = []
    pieces: list[str] = []
    has_children = False

    def start(name: str, _attributes: dict[str, str]) -> None:
        nonlocal has_children
        if len(path) == MAX_DEPTH:
            raise ValueError("nested too deep")
        path.append(name)
        pieces.clear()
        has_children = False

    def end(_name: str) -> None:
        nonlocal has_children
        if not has_children:
            found.append(("/".join(path), "".join(pieces).strip()))
        path.pop()
        has_children = True

    def refuse(*_: object) -> None:
        raise ValueError("a document type is not taken")

    parser = expat.ParserCreate()
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = pieces.append
    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(document, True)
    except (expat.ExpatError, LookupError):  # the latter for an unknown encoding
        raise ValueError("not XML") from None
    return found
