"""Numbers as they are compared and as they are written in sentences.

What is compared is what was written down: 0.9 and 0.89 differ by exactly 0.01.
"""

from decimal import Context, Decimal

# Enough digits for any sum or difference of two floats.
_EXACT = Context(prec=1400)
_FEWEST, _MOST = 6, 40
_SMALLEST, _LARGEST = -5, 15  # beyond these powers of ten a number is written with an exponent


def exact(value: float) -> Decimal:
    """The number as it is written."""
    return Decimal(repr(float(value)))


def difference(left: Decimal, right: Decimal) -> Decimal:
    """`left - right`, without rounding."""
    return _EXACT.subtract(left, right)


def shown(*values: Decimal) -> list[str]:
    """The numbers with six digits, or with as many as it takes that different ones look
    different."""
    for digits in range(_FEWEST, _MOST):
        texts = [_text(value, digits) for value in values]
        if len(set(texts)) == len(set(values)):
            return texts
    return [_text(value, _EXACT.prec) for value in values]


def signed(*values: Decimal) -> list[str]:
    """The same with a sign: `+0.013`, `-0.005`, `0`."""
    texts = shown(*values)
    return [f"+{text}" if value > 0 else text for value, text in zip(values, texts, strict=True)]


def _text(value: Decimal, digits: int) -> str:
    if not value.is_finite():
        return "infinitely much" if value > 0 else "infinitely little"
    power = value.adjusted()
    if 0 <= power < _LARGEST:
        digits = max(digits, power + 1)
    rounded = Context(prec=digits).normalize(value)
    if rounded == 0:
        return "0"
    return f"{rounded:f}" if _SMALLEST <= rounded.adjusted() <= _LARGEST else f"{rounded:e}"
