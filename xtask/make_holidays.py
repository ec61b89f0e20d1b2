"""Writes the public holidays that `skranke holidays` knows: crates/skranke/src/holidays/data/*.txt.

    python3 -m pip install holidays==0.109
    python3 xtask/make_holidays.py

A line is `regions | name in each language | dates`. Regions: `*` is the country as such and all of its regions,
`* -AK -AL` all but these, `BY SN` only these.
"""

import pathlib

import holidays

YEARS = range(2020, 2041)
FOLDER = pathlib.Path(__file__).parent.parent / "crates/skranke/src/holidays/data"

# Country, its name, its languages as the package calls them, and whether its regions have holidays of their own.
COUNTRIES = [
    ("NO", "Norway", {"nb": "no", "en": "en_US"}, False),
    ("NL", "the Netherlands", {"nl": "nl", "en": "en_US"}, False),
    ("DE", "Germany", {"de": "de", "en": "en_US"}, True),
    ("GB", "the United Kingdom", {"en": "en_GB"}, True),
    ("US", "the United States", {"en": "en_US"}, True),
]
# Days that hold only where most people are Catholic: regions of their own.
CATHOLIC = {"DE": ["BY", "SN", "TH"]}


def days(country, languages, region=None, categories=("public",)):
    """(date, (name in each language)) of all holidays."""
    per_language = [
        holidays.country_holidays(country, subdiv=region, years=YEARS, language=language, categories=categories)
        for language in languages.values()
    ]
    lists = {date: [one.get_list(date) for one in per_language] for date in per_language[0]}
    # Where two holidays meet, each language has its own order: dates with one alone tell which name is which.
    known = {names[0][0]: tuple(name[0] for name in names) for names in lists.values() if len(names[0]) == 1}
    found = set()
    for date, names in lists.items():
        together = {known[name] for name in names[0]} if len(names) > 1 else {(name,) for name in names[0]}
        assert [sorted(column) for column in zip(*together)] == [sorted(one) for one in names], (date, names)
        found |= {(date, one) for one in together}
    return found


def regions_of(country):
    """Code → name, and the set of days of each."""
    kind = getattr(holidays, country)
    names = {}
    for name, code in kind.subdivisions_aliases.items():
        names.setdefault(code, name)
    return {code: names.get(code, code) for code in kind.subdivisions}


def scope(holding, regions):
    """In which of the regions (None is the country as such) a day is one."""
    if None in holding:
        return "*" + "".join(f" -{code}" for code in sorted(regions) if code not in holding)
    return " ".join(sorted(holding))


def write(country, name, languages, regional):
    regions = regions_of(country) if regional else {}
    sets = {None: days(country, languages)}
    for code in regions:
        sets[code] = days(country, languages, code)
    for code in CATHOLIC.get(country, []):
        sets[f"{code}-CATHOLIC"] = days(country, languages, code, ("public", "catholic"))
    regions |= {f"{code}-CATHOLIC": f"{regions[code]} where most are Catholic" for code in CATHOLIC.get(country, [])}
    lines = {}
    for date, names in set.union(*sets.values()):
        where = scope({code for code, found in sets.items() if (date, names) in found}, regions)
        lines.setdefault((where, names), []).append(date)
    text = [
        f"# Public holidays of {name}, {YEARS[0]} to {YEARS[-1]}. Not to be edited by hand: made by xtask/make_holidays.py",
        f"# with holidays {holidays.__version__} for Python (MIT).",
        f"years {YEARS[0]} {YEARS[-1]}",
        "languages " + " ".join(languages),
    ]
    text += [f"region {code} {region}" for code, region in sorted(regions.items())]
    for (where, names), dates in sorted(lines.items(), key=lambda line: (min(line[1]), line[0])):
        text.append(" | ".join([where, *names, " ".join(str(date) for date in sorted(dates))]))
    (FOLDER / f"{country}.txt").write_text("\n".join(text) + "\n", encoding="utf-8")


for one in COUNTRIES:
    write(*one)
