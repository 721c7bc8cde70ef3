"""Values for the slots of templates: from the lists of bank/slots.txt, or made up. A part of each kind is held out.

Held out means: never in training, only in what the model is measured with.
"""

import re
import zlib
from collections.abc import Callable
from functools import cache
from random import Random
from typing import Final

from tools.demo_model.bank import FOLDER, SLOT

HELD_OUT: Final = 8  # one value of so many

ONSETS: Final = "b br c cl d dr f fl g gr h j k kr l m n p pl qu r s sk st str t tr v w z th sh".split()
VOWELS: Final = "a e i o u ai ea ei ia io oa ou".split()
CODAS: Final = "b ck d l ld ll lm m n nd ng nt r rd rk rn s sk st t th x".split()
SMALL: Final = "two three four five six seven eight nine ten eleven twelve".split()
_ARTICLE: Final = re.compile(rf"\b([Aa])n? ({SLOT.pattern})")
_LATER: Final = re.compile(r"\bthe the\b|\bThe the\b|\bthe The\b")


def is_held_out(value: str) -> bool:
    """The same on every machine: no seed, no order decides it."""
    return zlib.crc32(value.encode()) % HELD_OUT == 0


@cache
def lists() -> dict[str, tuple[str, ...]]:
    found = {}
    for line in (FOLDER / "slots.txt").read_text("utf-8").splitlines():
        kind, colon, values = line.partition(":")
        if colon and not line.startswith("#"):
            found[kind.strip()] = tuple(value.strip() for value in values.split("|") if value.strip())
    return found


def fill(template: str, values: dict[str, str]) -> str:
    """The template with its slots' values, with the right article before each, and a capital at the start."""

    def article(found: re.Match[str]) -> str:
        value = values[found[2][1:-1]]
        return f"{found[1]}n {value}" if value[:1].lower() in "aeio" else f"{found[1]} {value}"

    text = SLOT.sub(lambda found: values[found[0][1:-1]], _ARTICLE.sub(article, template))
    return _LATER.sub(lambda found: found[0][:3], text)


def sentence(template: str, values: dict[str, str]) -> str:
    text = fill(template, values)
    return text[:1].upper() + text[1:]


class Values:
    """A source of slot values. `held_out`: None takes all, else only those that are held out or only the others."""

    def __init__(self, random: Random, *, held_out: bool | None) -> None:
        self._random, self._held_out = random, held_out

    def bound(self, slots: frozenset[str], known: dict[str, str] | None = None) -> dict[str, str]:
        """A value for each slot that has none yet; two slots of one kind get different ones."""
        values = dict(known or {})
        for slot in sorted(slots - values.keys()):
            kind = slot.rstrip("*").partition(":")[0]
            taken = {value for other, value in values.items() if other.rstrip("*").partition(":")[0] == kind}
            values[slot] = self.another(kind, taken)
        return values

    def another(self, kind: str, than: set[str]) -> str:
        for _ in range(20):
            value = self.of(kind)
            if value not in than:
                return value
        return self.of(kind)

    def of(self, kind: str) -> str:
        """Numbers and dates are not held out: they are too few for that, and digits are single tokens."""
        for _ in range(60):
            value = self._made(kind)
            if self._held_out is None or kind in SHORT or is_held_out(value) == self._held_out:
                return value
        return value

    def _made(self, kind: str) -> str:
        if kind in MAKERS:
            return MAKERS[kind](self._random)
        if kind not in lists():
            raise ValueError(f"there is no slot kind {kind!r}")
        return self._random.choice(lists()[kind])


def invented(random: Random) -> str:
    """A name that nobody has: Norvik, Stagreck."""
    syllables = random.choice((1, 2, 2, 2, 3))
    parts = [random.choice(ONSETS) + random.choice(VOWELS) for _ in range(syllables)]
    parts.insert(random.randrange(1, len(parts) + 1), random.choice(CODAS) if random.random() < 0.5 else "")
    return ("".join(parts) + random.choice(CODAS)).capitalize()


def _number(low: int, high: int) -> Callable[[Random], str]:
    return lambda random: str(random.randint(low, high))


def _of(*values: str) -> Callable[[Random], str]:
    return lambda random: random.choice(values)


def _quantity(*units: str, low: int = 2, high: int = 90) -> Callable[[Random], str]:
    def made(random: Random) -> str:
        number = random.choice((str(random.randint(low, high)), str(random.randint(1, 9) * 10)))
        if random.random() < 0.15:
            number += f".{random.randint(1, 9)}"
        return f"{number} {random.choice(units)}"

    return made


def _small(random: Random) -> str:
    return random.choice((str(random.randint(2, 12)), random.choice(SMALL)))


def _count(random: Random) -> str:
    number = random.choice((random.randint(20, 999), random.randint(1000, 9999), random.randint(2, 90) * 100))
    return f"{number:,}" if number > 999 and random.random() < 0.3 else str(number)


def _time(random: Random) -> str:
    hour = random.randint(0, 23)
    if random.random() < 0.3:
        return f"{hour % 12 or 12} {'am' if hour < 12 else 'pm'}"
    return random.choice((f"{hour}:{random.choice(('00', '15', '30', '45'))}", f"{hour:02}:{random.randint(0, 59):02}"))


def _duration(random: Random) -> str:
    unit = random.choice("seconds minutes hours days weeks months years".split())
    return f"{_small(random) if random.random() < 0.5 else random.randint(2, 90)} {unit}"


def _age(random: Random) -> str:
    return random.choice((f"{random.randint(4, 95)} years", f"{random.randint(4, 95)}"))


def _ordinal(random: Random) -> str:
    words = "first second third fourth fifth sixth seventh eighth ninth tenth"
    return random.choice(f"{words} 1st 2nd 3rd 4th 5th 7th 12th 15th 21st".split())


def _money(random: Random) -> str:
    number = random.choice((random.randint(2, 99), random.randint(1, 40) * 50))
    cents = f".{random.choice(('50', '90', '25', '99'))}" if random.random() < 0.25 else ""
    return random.choice((f"${number}{cents}", f"{number}{cents} euros", f"{number} dollars", f"{number} pounds"))


def _temp(random: Random) -> str:
    return f"{random.randint(-30, 240)} {random.choice(('degrees', 'degrees Celsius', 'C', 'F'))}"


def _option(random: Random) -> str:
    return random.choice(lists()["option"])


def _org(random: Random) -> str:
    pattern = random.choice(lists()["org-pattern"])
    values = {"invented": invented(random)} | {k: random.choice(lists()[k]) for k in ("last", "city", "project")}
    return re.sub(r"\{([a-z-]+)\*?\}", lambda found: values.get(found[1]) or random.choice(lists()[found[1]]), pattern)


def _project(random: Random) -> str:
    return random.choice(lists()["project"]) if random.random() < 0.5 else invented(random)


def _last(random: Random) -> str:
    return random.choice(lists()["last"]) if random.random() < 0.6 else invented(random)


def _first(random: Random) -> str:
    return random.choice(lists()["first"])


def _place(kind: str) -> Callable[[Random], str]:
    return lambda random: random.choice(lists()[kind]) if random.random() < 0.7 else invented(random)


def _word(random: Random) -> str:
    return random.choice(words())


@cache
def words() -> tuple[str, ...]:
    return tuple((FOLDER / "words.txt").read_text("utf-8").split())


def _phrase(random: Random) -> str:
    return " ".join(_word(random) for _ in range(random.randint(2, 5)))


def _stem(random: Random) -> str:
    return random.choice(lists()["file-stem"])


def _directory(random: Random) -> str:
    return random.choice(lists()["dir"])


def _file(random: Random) -> str:
    return f"{_stem(random)}.{random.choice('toml yaml json ini conf log txt csv md db xml cfg'.split())}"


def _path(random: Random) -> str:
    return f"{_directory(random).rstrip('/')}/{_file(random)}"


def _host(random: Random) -> str:
    name = invented(random).lower()
    return random.choice((f"{name}.example", f"{random.choice(('db', 'api', 'mail', 'docs'))}.{name}.example"))


def _env(random: Random) -> str:
    return f"{_project(random).upper().replace(' ', '_')}_{random.choice(lists()['env-suffix'])}"


def _command(random: Random) -> str:
    return f"{_project(random).lower().replace(' ', '-')} {random.choice(lists()['command-verb'])}"


def _version(random: Random) -> str:
    return ".".join(str(random.randint(0, 20)) for _ in range(random.choice((2, 2, 3))))


def _code(random: Random) -> str:
    letters = "".join(random.choice("ABCDEFGHKLMNPRSTWX") for _ in range(random.choice((1, 1, 2))))
    return f"{letters}{random.choice(('-', '', '-'))}{random.randint(10, 9999)}"


def _email(random: Random) -> str:
    return f"{random.choice((_first(random).lower(), 'help', 'info', 'office'))}@{_host(random)}"


def _phone(random: Random) -> str:
    return f"{random.randint(100, 999)} {random.randint(1000, 9999)}"


MAKERS: Final[dict[str, Callable[[Random], str]]] = {
    "person": lambda random: f"{_first(random)} {_last(random)}",
    "first": _first,
    "last": _last,
    "invented": invented,
    "org": _org,
    "product": _project,
    "project": _project,
    "city": _place("city"),
    "river": _place("river"),
    "weekday": _of("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
    "month": _of(*"January February March April May June July August September October November December".split()),
    "season": _of("spring", "summer", "autumn", "winter"),
    "date": lambda random: f"{random.randint(1, 28)} {MAKERS['month'](random)}",
    "year": lambda random: str(random.choice((random.randint(1960, 2030), random.randint(1400, 1959)))),
    "century": lambda random: f"{random.randint(9, 20)}th century",
    "time": _time,
    "duration": _duration,
    "age": _age,
    "n": _small,
    "count": _count,
    "ordinal": _ordinal,
    "percent": lambda random: f"{random.randint(1, 99)}{random.choice(('%', ' percent', '%'))}",
    "money": _money,
    "size": _quantity("MB", "GB", "KB", "TB", "MiB"),
    "distance": _quantity("km", "kilometres", "metres", "miles"),
    "height": _quantity("metres", "m", "feet", "cm", high=900),
    "temp": _temp,
    "weight": _quantity("kg", "grams", "tons", "pounds", high=900),
    "volume": _quantity("litres", "ml", "cups"),
    "speed": _quantity("km/h", "knots", "metres per second", "mph"),
    "port": _number(1024, 9999),
    "path": _path,
    "file": _file,
    "dir": _directory,
    "url": lambda random: f"https://{_host(random)}/{_stem(random)}",
    "host": _host,
    "env": _env,
    "flag": lambda random: f"--{_option(random).replace('_', '-')}",
    "command": _command,
    "option": _option,
    "version": _version,
    "code": _code,
    "email": _email,
    "phone": _phone,
    "word": _word,
    "phrase": _phrase,
}
SHORT: Final = frozenset(
    "weekday month season n ordinal percent century age time year date count port duration money temp".split()
)
