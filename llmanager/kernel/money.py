"""Money is Decimal inside and a plain decimal string outside."""

from decimal import Decimal


def usd_text(amount: Decimal) -> str:
    """'0', '1.212': no exponent, no trailing zeros."""
    text = f"{amount:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
