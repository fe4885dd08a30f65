"""What each builtin takes and gives, so that random programs do more than fail.

    INPUT NAME(ARGUMENT; ..) OUTPUT [WEIGHT]

Kinds: any num str bool null arr obj con (array or object), nums strs objs arrs (arrays of those),
int (a small count), time (seconds), broken (broken-down time), iso (its text), same (the input's
shape), elem (its elements'). As an argument also: key, re, flags, format, gen (some outputs), path,
paths, and `elem.KIND`, which sees an element. Names that jq has and this table lacks are called
with any input and any arguments.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

TABLE = """
any length num 4
str utf8bytelength num
any not bool
con keys arr
con keys_unsorted arr
con values any
con add any 3
arr add(%elem.any) any
any add(%gen) any
arr any bool
arr all bool
con any(%elem.bool) bool
con all(%elem.bool) bool
any any(%gen; %bool) bool
any all(%gen; %bool) bool
arr flatten arr
arr flatten(%int) arr
any limit(9; range(%int)) num 2
any limit(9; range(%int; %int)) num 2
any limit(9; range(%num; %num; %num)) num 2
num floor num
num sqrt num
num pow(%num; %num) num
num log num
any tostring str 2
any tonumber num
str tonumber num 3
str toboolean bool
any toboolean bool
any type str 3
any infinite num
any nan num
any isinfinite bool
num isinfinite bool
num isnan bool
num isnormal bool
num isfinite bool
arr sort same 2
arr sort_by(%elem.any) same 3
arr sort_by(%elem.any, %elem.any) same
arr group_by(%elem.any) arrs 3
arr min elem
arr max elem
arr min_by(%elem.any) elem
arr max_by(%elem.any) elem
arr unique same 2
arr unique_by(%elem.any) same 2
arr reverse same
str reverse str
any contains(%same) bool 2
any inside(%same) bool
str contains(%str) bool
str startswith(%str) bool
str endswith(%str) bool
arr combinations arr
arrs combinations arr
arr combinations(%int) arr
str ltrimstr(%str) str
str rtrimstr(%str) str
str trimstr(%str) str
any ltrimstr(%any) any
str trim str
str ltrim str
str rtrim str
str explode nums 2
nums implode str 2
str split(%str) strs 3
str split(%re; %flags) strs 2
str splits(%re) str
str splits(%re; %flags) str
strs join(%str) str 2
arr join(%str) str
str ascii_downcase str
str ascii_upcase str
any recurse any
any limit(20; recurse(%path)) any
any limit(20; recurse(%path; %bool)) any
arr transpose arrs
arrs transpose arrs
arr in(%any) bool
any in(%con) bool
con has(%key) bool 2
any has(%key) bool
con map(%elem.any) arr 4
con map_values(%elem.any) con 4
any path(%path) arr 4
any paths arr 2
any paths(%bool) arr
any pick(%path) any 3
any del(%path) any 4
any delpaths(%paths) any 2
any getpath(%paths) any
any setpath(%arr; %any) any 2
con to_entries objs 2
objs from_entries obj 2
con with_entries(%elem.any) obj 2
any select(%bool) same 4
any empty any
any error any
any error(%any) any
any splits(%str) str
any tojson str 2
str fromjson any 2
any todate str
time todate str 2
iso fromdate num 2
iso fromdateiso8601 num
time todateiso8601 str
time gmtime broken 2
time localtime broken
broken mktime num 2
time strftime(%format) str 2
broken strftime(%format) str 2
time strflocaltime(%format) str
broken strflocaltime(%format) str
iso strptime(%format) broken 2
str strptime(%format) broken
str test(%re) bool 3
str test(%re; %flags) bool 2
str match(%re) obj 3
str match(%re; %flags) obj 3
str capture(%re) obj 3
str capture(%re; %flags) obj
str scan(%re) any 2
str scan(%re; %flags) any 2
str sub(%re; %any) str 3
str sub(%re; %any; %flags) str 2
str gsub(%re; %any) str 3
str gsub(%re; %any; %flags) str
str sub(%re; %str, %str) str
str gsub(%re; %str, %str) str
str indices(%str) nums 2
arr indices(%any) nums 2
arr indices(%arr) nums
str index(%str) num
str rindex(%str) num
arr index(%any) num
arr rindex(%arr) num
any inside(%any) bool
any first(%gen) any 2
any last(%gen) any 2
arr first elem
arr last elem
arr nth(%int) elem
any nth(%int; %gen) any 2
any limit(%int; %gen) any 3
any skip(%int; %gen) any 2
num until(. > 100 or isnan; fabs * 2 + 1) num
any isempty(%gen) bool
any IN(%gen) bool
any IN(%gen; %gen) bool
arr INDEX(%elem.any) obj
any INDEX(%gen; %any) obj
objs JOIN(%obj; %elem.any) arr
any JOIN(%obj; %gen; %any) any
any JOIN(%obj; %gen; %any; %any) any
any walk(%any) any 3
any walk(%path) any
any tostream arr
any fromstream(tostream) any
any fromstream(1 | truncate_stream(1; tostream)) any
arr truncate_stream(tostream) arr
any limit(0; error) any
arr bsearch(%any) num 2
nums bsearch(%num) num
any abs num
num abs num 2
any have_literal_numbers bool
any have_decnum bool
any getpath(%arr) any
any $__loc__ obj
any numbers num
any strings str
any booleans bool
any nulls null
any arrays arr
any objects obj
any iterables con
any scalars any
any finites num
any normals num
any @text str
any @json str 2
any @html str 2
str @html str
str @uri str 2
str @urid str 2
arr @csv str
strs @csv str 2
nums @csv str
arr @tsv str
strs @tsv str 2
arr @sh str
any @sh str
strs @sh str
any @base64 str
str @base64 str 2
str @base64d str 2
any format("text", "json", "csv", "tsv", "html", "uri", "sh", "base64", "base64d") str
num trunc num
num round num
num ceil num
num fabs num
num significand num
num logb num
num gamma num
num lgamma num
num tgamma num
num lgamma_r arr
num frexp arr
num modf arr
num exp10 num
num exp2 num
num exp num
num log2 num
num log10 num
num nearbyint num
num rint num
num cbrt num
num sin num
num cos num
any ldexp(%num; %int) num
any scalb(%num; %int) num
any scalbln(%num; %int) num
any nearbyint num
any drem(%num; %num) num
any fmin(%num; %num) num
any fmax(%num; %num) num
any fma(%num; %num; %num) num
any atan2(%num; %num) num
any copysign(%num; %num) num
any fmod(%num; %num) num
any hypot(%num; %num) num
any nextafter(%num; %num) num
any nexttoward(%num; %num) num
any frexp arr
any limit(%int; repeat(%any)) any
num limit(%int; repeat(%num)) num
num limit(9; while(%bool; %num)) num
any limit(9; while(%bool; %any)) any
any limit(12; recurse(%any)) any
any first(range(%int; %int) | select(%bool)) num
any getpath(path(%path)) any
any [limit(9; %paths)] arrs
any to_entries objs
any splits(%re; %flags) str
any tojson | fromjson any
any getpath(["a", 0]) any
any getpath(["a", "b"]) any
any ltrimstr("a") any
any significand num
any @json "x\\(%any)y\\(%gen)" str
any @base64 "x\\(%any)" str
any @sh "echo \\(%any)" str
any @csv "\\(%arr)" str
any @uri "?q=\\(%any)&r=\\(%any)" str
any @html "<b>\\(%any)</b>" str
any @tsv "\\(%strs)" str
any @text "\\(%any)" str
any "\\(%any)-\\(%any)" str 3
any "a\\(%gen)b\\(%gen)c" str 2
any $ENV | type str
any env | type str
any now | type str
any splits("a, b"; %null) str
any min_by(%elem.any), max_by(%elem.any) any
arr [.[] | tostring] strs 2
arr (map(tojson) | unique) strs
any [..] arr 2
any [paths(type == "number")] arrs
any getpath(%paths) any
any error(%null) any
any (error(%any))? any
any error? // any any
"""

# What depends on more than the program and its input, or ends the process.
SKIPPED = {
    "now", "env", "builtins", "halt", "halt_error", "input", "inputs", "debug", "stderr",
    "input_line_number", "input_filename", "get_search_list", "get_jq_origin", "get_prog_origin",
    "modulemeta", "localtime", "repeat", "range", "recurse", "until", "while", "combinations",
}  # fmt: skip


@dataclass(frozen=True)
class Signature:
    """One line of the table; `parts` are text and, at odd places, the kinds of the arguments."""

    input: str
    parts: tuple[str, ...]
    output: str
    weight: int


PLACE = re.compile(r"%((?:elem\.)?[a-z]+)")
NAME = re.compile(r"[a-z_][a-z_0-9]*", re.IGNORECASE)


def signatures(names: list[str]) -> list[Signature]:
    """The table, and a line for each `name/arity` of jq's that it lacks."""
    found = [parse(line) for line in TABLE.strip().splitlines()]
    known = {name(signature) for signature in found}
    for entry in sorted(names):
        word, _, arity = entry.partition("/")
        if entry not in known and word not in SKIPPED:
            places = "; ".join(["%any"] * int(arity))
            found.append(parse(f"any {word}({places}) any" if places else f"any {word} any"))
    return found


def parse(line: str) -> Signature:
    """One line of the table."""
    match = re.fullmatch(r"(\w+) (.+?) (\w+)(?: (\d+))?", line)
    assert match, line
    kind, expression, output, weight = match.groups()
    return Signature(kind, tuple(PLACE.split(expression)), output, int(weight or 1))


def name(signature: Signature) -> str:
    """`name/arity` of the function that the expression begins with."""
    text = "%".join(signature.parts)
    word = NAME.match(text)
    if not word:
        return ""
    rest = text[word.end() :]
    return f"{word.group()}/{rest.count(';') + 1 if rest.startswith('(') else 0}"
