"""Which YAML a fast library surely reads as PyYAML does.

`yaml_fast` asks here before it calls the library. The checks look at characters and at the
beginnings of nodes and lines; they parse nothing. They are wrong in one direction only:
what they let pass is read alike (differential fuzzing in tests/parity/test_reader.py), what
they stop is merely read more slowly.
"""

from __future__ import annotations

import re

#: Characters that are no spaces, and that NFC leaves alone in any company.
_INERT = re.compile(
    "[\xa1-\u02ff\u0390-\u03ce\u0400-\u0482\u048a-\u052f\u2010-\u2027\u2030-\u205e\u20a0-\u20bf"
    "\u2122\u2190-\u21ff\u25a0-\u27bf\u3041-\u3096\u30a1-\u30fa\u4e00-\u9fff"
    "\U0001f300-\U0001faff]*"
)
_ASCII = bytes([10, *range(32, 127)])
# What libyaml refuses or takes for a line break; tabs.
_FOREIGN = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")

# A short flow list of quoted or wordlike texts, which all readers read alike.
_ITEM = rb"""(?:"[^"\\\n]*"|'[^'\n]*'|[A-Za-z](?:[\w .&/'+\x80-\xff-]*[\w.&/'+\x80-\xff-])?)"""
# What may be read differently if a node begins with it: anchors, aliases, tags, complex keys;
# block scalars but the plainest; flow but short lists; octal numbers; those with underscores.
_ODD = (
    rb"[-+&*!?|>\[{0-9_.](?:(?<=[&*!])|(?<=\?)[ \n]|(?<=[|>])(?!-?\n)[-+0-9]* *(?:\#.*)?\n"
    rb"|(?<=[\[{])(?!(?<=\[)(?:%b(?:, %b)*)?\] *\n)"
    rb"|(?:(?<=[-+])0|(?<=0))[\dxobXOB_]\w*(?: *\n| +\#)"
    rb"|(?<=[-+0-9_.])[\d.]*(?:(?<=_)|_)[\w.+-]*(?: *\n| +\#))"
) % (_ITEM, _ITEM)
_NODES = [re.compile(first + _ODD) for first in (b": +", b"- +", rb"\? +")]
# Escapes that YAML 1.2 reads differently or that make a control character.
_ESCAPE = re.compile(rb"""\\(?!["\\/nt]|(?:U0001|u(?!00[01]|[dD][89a-fA-F]))[0-9a-fA-F]{4})""")
# At the begin of a line: documents, directives, and nodes, unless a text goes on there.
_LINE = re.compile(rb"\n( *)(?:[-.%%](?:(?<=\n%%)|(?<=\n-)--|(?<=\n\.)\.\.)|%b.*)" % _ODD)
_HEADS = re.compile(rb"\n *(?:[&*!?|>\[{%.+_0-9]|-[-_0-9])")
# The library recurses and overflows the stack: depth is bounded before it sees a text.
_DEEP = b"\n" + b" " * 64
_COLON_APART = re.compile(rb'"\s+:')


def is_clean(foreign: str) -> bool:
    """Whether no character is one that YAML readers treat differently."""
    return _FOREIGN.search(foreign) is None


def is_inert(foreign: str) -> bool:
    """Whether all characters stay what they are under `parse_line`."""
    return _INERT.fullmatch(foreign) is not None


def foreign_characters(data: bytes) -> str:
    """The characters of a text in UTF-8 that are not printable ASCII or a line feed."""
    return data.translate(None, _ASCII).decode()


def is_json_alike(data: bytes) -> bool:
    """Whether a JSON mapping is the same as JSON and as YAML."""
    return not (_ESCAPE.search(data) or b'\\\\"' in data or _COLON_APART.search(data))


def is_yaml_alike(data: bytes) -> bool:
    """Whether YAML between two line feeds is the same to the library and to PyYAML."""
    if _ESCAPE.search(data) or b"- -" in data or _DEEP in data:
        return False
    if any(node.search(data) for node in _NODES):
        return False
    lines = (_LINE.match(data, head.start()) for head in _HEADS.finditer(data))
    return all(line is None or (line[1] and _goes_on(data, line)) for line in lines)


def _goes_on(data: bytes, start: re.Match[bytes]) -> bool:
    """Whether the line goes on with the scalar of the line before, and is no key."""
    line = start[0].lstrip()
    before = data[: start.start()].rstrip(b" \n")
    before = before[before.rfind(b"\n") + 1 :]
    return (
        line[:1] in b"&*![{"
        and b":" not in line
        and before != b""
        and b"#" not in before
        and (before[-1:] not in b":-?" or before.endswith((b": >-", b": |-")))
    )
