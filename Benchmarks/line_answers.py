"""When two answers to a row of lines.py are equal: by their values, not their bytes.

    same(line_rows.OBJECT, "ours", "theirs")    both files hold the same members

The first is ours or any jq command's, the second may be a columnar library's: lines of objects,
where a column `v` is the output itself, and columns `k` and `v` are the members of an object.
"""
import csv
import filecmp
import itertools
import json
import math

import harness
import line_rows

# Sums of floating-point numbers depend on the order of adding.
TOLERANCE = 1e-9


def unwrapped(line):
    """A line of a library: the column `v` is the output itself."""
    line = line.strip()
    return line[5:-1] if line.startswith(b'{"v":') else line


def same_values(ours, theirs):
    """Each line's value; nearly all lines are equal as bytes."""
    with open(ours, "rb") as left, open(theirs, "rb") as right:
        for a, b in itertools.zip_longest(left, right):
            if a == b:
                continue
            if a is None or b is None:
                return False
            a, b = a.strip(), unwrapped(b)
            if a != b and not harness.agree(value(a), value(b)):
                return False
    return True


def value(text):
    """The JSON value, with every number a double."""
    return json.loads(text, parse_int=float)


def same_field(a, b):
    """Equal, or the same number."""
    if a == b:
        return True
    try:
        return math.isclose(float(a), float(b), rel_tol=1e-12)
    except ValueError:
        return False


def same_csv(ours, theirs):
    with open(ours, newline="") as left, open(theirs, newline="") as right:
        for a, b in itertools.zip_longest(csv.reader(left), csv.reader(right), fillvalue=[]):
            if len(a) != len(b) or not all(map(same_field, a, b)):
                return False
    return True


def members(path):
    """{key: number}: of one object, or of a library's lines with the columns `k` and `v`."""
    with open(path, "rb") as source:
        values = [json.loads(line) for line in source]
    if values and values[0].keys() != {"k", "v"}:
        [found] = values
        return found
    found = {str(value["k"]): value["v"] for value in values}
    if len(found) < len(values):
        raise ValueError("a key comes twice")
    return found


def same_object(ours, theirs):
    a, b = members(ours), members(theirs)
    return a.keys() == b.keys() and all(
        math.isclose(a[key], b[key], rel_tol=TOLERANCE) for key in a
    )


def same_set(ours, theirs):
    with open(ours, "rb") as left, open(theirs, "rb") as right:
        return sorted(map(bytes.strip, left)) == sorted(map(unwrapped, right))


SAME = {
    line_rows.VALUES: same_values,
    line_rows.CSV: same_csv,
    line_rows.OBJECT: same_object,
    line_rows.SET: same_set,
}


def same(form, ours, theirs):
    """Whether two files hold the same answer; what can't be read does not."""
    try:
        return filecmp.cmp(ours, theirs, shallow=False) or SAME[form](ours, theirs)
    except (ValueError, KeyError, AttributeError, TypeError, csv.Error):
        return False
