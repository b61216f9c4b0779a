"""Numbers in sentences: one and many, and times."""


def counted(number: int, one: str, many: str = "") -> str:
    """``1 image``, ``2 images``; ``many`` where an s does not make it."""
    return f"{number} {one if number == 1 else many or one + 's'}"


def duration(seconds: float) -> str:
    """Seconds as words of the two largest units: ``"1 h 05 min"``, ``"2 d 3 h"``, ``"40 s"``."""
    minutes, hours = round(seconds / 60), round(seconds / 3600)
    if seconds < 90:
        return f"{seconds:.0f} s"
    if minutes < 60:
        return f"{minutes} min"
    if hours < 48:
        return f"{minutes // 60} h {minutes % 60:02d} min"
    return f"{hours // 24} d {hours % 24} h"
