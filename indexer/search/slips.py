"""How likely slips of typing are, and how what was meant is written."""

#: How likely a slip is to be just this one, beside a letter that stands for another. There
#: are few letters to leave out or to swap, and 25 others to put in the place of each.
#: benchmarks/spelling.py measures what they give. Who knew from which words slips are made, how
#: often each, and that each kind is as frequent, would put 96, 99, 93 and 100 of 100 right
#: (left out, put in, replaced, swapped), or of words each as often 95, 99, 91 and 100: the
#: others are as near to a likelier word.
_LEFT_OUT, _SWAPPED, _PUT_IN, SPACE = 26.0, 12.0, 0.5, 6.0


def slip(typed: str, meant: str) -> float:
    """How likely it is to type one word for another, beside one letter for another."""
    if len(typed) != len(meant):
        return _LEFT_OUT if len(typed) < len(meant) else _PUT_IN
    return _SWAPPED if sorted(typed) == sorted(meant) else 1.0


def cased(words: tuple[str, ...], typed: str) -> str:
    """Words in capitals, or beginning with one, as what was typed: it tells what is syntax."""
    if typed.isupper():
        return " ".join(words).upper()
    return " ".join(word.capitalize() if typed[:1].isupper() else word for word in words)
