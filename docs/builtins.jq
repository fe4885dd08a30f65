# The comments of Sources/Transforms/Builtins/Manual/*.swift -> docs/builtins.md (`make docs`).

def title:
  {
    Collections: "Arrays and objects", Dates: "Dates", Generators: "Generators, paths and streams",
    Numbers: "Numbers", Strings: "Strings", Values: "Any value"
  }[.] // .;

def escaped: gsub("(?<c>[*_<>\\[\\]])"; "\\\(.c)");
# What stands in backquotes is left as it is.
def text:
  split("`") | to_entries | map(if .key % 2 == 0 then .value | escaped else .value end) | join("`");

def sections:
  foreach inputs as $line ({};
    .file as $before
    | .file = (input_filename | split("/")[-1] | rtrimstr(".swift"))
    | .output =
        if .file != $before then ["", "## \(.file | title)"] else [] end
    | if $line | startswith("///     ") then .output += ["", "    " + ($line | ltrimstr("///     "))]
      elif $line | startswith("/// `") then
        ($line | capture("^/// `(?<name>[^`]+)`: (?<text>.*)$")) as $entry
        | .output += ["", "**`\($entry.name)`**: \($entry.text | text)"]
      elif $line | startswith("/// ") then .output += [$line | ltrimstr("/// ") | text]
      else . end;
    .output[]);

"# Builtins",
"",
"Every builtin: what it does, and an example with its outputs. `name/2` has two arguments:",
"`name(a; b)`. The examples run on `null`; a test runs all of them. This page is made by",
"`make docs` from the comments in `Sources/Transforms/Builtins/Manual`, where it is edited.",
sections
