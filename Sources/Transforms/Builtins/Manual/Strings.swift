// The manual of the builtins for strings: parts, case, search, formats, regular expressions. Below
// each name and its description is an example, `PROGRAM -> OUTPUTS`; a test runs them all, on null,
// and requires one for each builtin.

/// `startswith/1`: whether the string begins with another
///     "abc" | startswith("ab") -> true
/// `endswith/1`: whether the string ends with another
///     "abc" | endswith("bc") -> true
/// `ltrimstr/1`: the string without another at its beginning
///     "abc" | ltrimstr("a") -> "bc"
/// `rtrimstr/1`: the string without another at its end
///     "abc" | rtrimstr("c") -> "ab"
/// `trimstr/1`: the string without another at both ends
///     "aba" | trimstr("a") -> "b"
/// `trim/0`: the string without white space at both ends
///     " a " | trim -> "a"
/// `ltrim/0`: the string without white space at its beginning
///     " a " | ltrim -> "a "
/// `rtrim/0`: the string without white space at its end
///     " a " | rtrim -> " a"
/// `explode/0`: the string's code points
///     "aé" | explode -> [97,233]
/// `implode/0`: the string of some code points
///     [97, 233] | implode -> "aé"
/// `split/1`: the parts between separators
///     "a, b" | split(", ") -> ["a","b"]
/// `split/2`: the parts between matches of a pattern, with flags
///     "aXbx" | split("x"; "i") -> ["a","b",""]
/// `join/1`: the elements' texts with a separator between them
///     ["a", 1, null] | join("-") -> "a-1-"
/// `ascii_downcase/0`: the string with ASCII letters in lower case
///     "AÉ" | ascii_downcase -> "aÉ"
/// `ascii_upcase/0`: the string with ASCII letters in upper case
///     "aé" | ascii_upcase -> "Aé"
/// `ascii/0`: the character of an ASCII code
///     65 | ascii -> "A"
/// `ascii/1`: the character of the code that a filter gives
///     ascii(66) -> "B"
/// `test/1`: whether a pattern matches; [pattern, flags] works too
///     "abc" | test("B"), test(["B", "i"]) -> false true
/// `test/2`: whether a pattern matches, with flags
///     "abc" | test("B"; "i") -> true
/// `match/1`: each match: offset, length, string and captures
///     "abc" | match("(b)") | [.offset, .captures[0].string] -> [1,"b"]
/// `match/2`: each match, with flags
///     "aba" | [match("a"; "g").offset] -> [0,2]
/// `capture/1`: an object of the named captures
///     "k=v" | capture("(?<name>.)=(?<value>.)") -> {"name":"k","value":"v"}
/// `capture/2`: objects of the named captures, with flags
///     "ab" | [capture("(?<c>.)"; "g")] -> [{"c":"a"},{"c":"b"}]
/// `scan/1`: each match's text, or its captures if there are any
///     "ab1c" | [scan("[a-z]")] -> ["a","b","c"]
/// `scan/2`: the same, with flags
///     "aB" | [scan("[a-z]"; "i")] -> ["a","B"]
/// `splits/1`: the parts between matches, one at a time
///     "a1b2c" | [splits("[0-9]")] -> ["a","b","c"]
/// `splits/2`: the same, with flags
///     "aXb" | [splits("x"; "i")] -> ["a","b"]
/// `sub/2`: the string with its first match replaced
///     "aba" | sub("a"; "x") -> "xba"
/// `sub/3`: the same, with flags
///     "ABA" | sub("(?<c>a)"; "<\(.c)>"; "i") -> "<A>BA"
/// `gsub/2`: the string with all matches replaced
///     "aba" | gsub("a"; "x") -> "xbx"
/// `gsub/3`: the same, with flags
///     "aBa" | gsub("b"; "-"; "i") -> "a-a"
