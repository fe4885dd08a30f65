// The manual of the builtins for any value: its kind, its size, its text; and the surroundings of a
// program. Below each name and its description is an example, `PROGRAM -> OUTPUTS`; a test runs
// them all, on null, and requires one for each builtin.

/// `length/0`: the count of elements, members or code points; of a number its absolute value, of
/// null 0
///     [1, 2] | length -> 2
/// `utf8bytelength/0`: the count of a string's UTF-8 bytes
///     "é" | utf8bytelength -> 2
/// `not/0`: true for null and false, else false
///     1, null | not -> false true
/// `type/0`: the kind of the value, as a word
///     null, 1, [] | type -> "null" "number" "array"
/// `true/0`: the value true
///     true -> true
/// `false/0`: the value false
///     false -> false
/// `null/0`: the value null
///     null -> null
/// `tostring/0`: a string as it is, any other value as its JSON text
///     1, "a", [1] | tostring -> "1" "a" "[1]"
/// `tonumber/0`: a number as it is, a string as the number it spells
///     "1.5" | tonumber -> 1.5
/// `toboolean/0`: a boolean as it is, the strings "true" and "false" as booleans
///     "true" | toboolean -> true
/// `toarray/0`: an array as it is, any other value in an array
///     1, [2] | toarray -> [1] [2]
/// `tojson/0`: the value as JSON text
///     [1, "a"] | tojson -> "[1,\"a\"]"
/// `fromjson/0`: the value of a JSON text
///     "[1]" | fromjson -> [1]
/// `format/1`: the text that @name makes, for a name that is computed
///     [1, "a"] | format("csv") -> "1,\"a\""
/// `values/0`: the input unless it is null
///     1, null, 2 | values -> 1 2
/// `nulls/0`: the input if it is null
///     1, null | nulls -> null
/// `booleans/0`: the input if it is a boolean
///     1, true | booleans -> true
/// `numbers/0`: the input if it is a number
///     1, "a" | numbers -> 1
/// `strings/0`: the input if it is a string
///     1, "a" | strings -> "a"
/// `arrays/0`: the input if it is an array
///     1, [2] | arrays -> [2]
/// `objects/0`: the input if it is an object
///     1, {} | objects -> {}
/// `iterables/0`: the input if it is an array or an object
///     1, [2] | iterables -> [2]
/// `scalars/0`: the input if it is neither array nor object
///     1, [2] | scalars -> 1
/// `finites/0`: the input if it is a number that is not infinite
///     1, infinite | finites -> 1
/// `normals/0`: the input if it is a normal number: not 0, subnormal, infinite or nan
///     1, 0 | normals -> 1
/// `empty/0`: no output
///     1, empty, 2 -> 1 2
/// `error/0`: raises its input as an error
///     try ("a" | error) catch . -> "a"
/// `error/1`: raises a value as an error
///     try error({a: 1}) catch .a -> 1
/// `select/1`: the input where the filter is true, once for each true output
///     1, 5, 3 | select(. > 2) -> 5 3
/// `recurse/0`: the input and all values in it, as `..`
///     [[1]] | recurse -> [[1]] [1] 1
/// `recurse/1`: the input, and the filter applied again and again, as far as it has outputs
///     2 | recurse(if . < 9 then . * . else empty end) -> 2 4 16
/// `recurse/2`: like recurse/1, as long as the condition holds
///     2 | recurse(. * .; . < 20) -> 2 4 16
/// `walk/1`: the filter applied to all values, from the innermost outward
///     [1, [2]] | walk(if type == "number" then . + 1 else . end) -> [2,[3]]
/// `env/0`: the environment's variables, an object
///     env | type -> "object"
/// `builtins/0`: the name/arity of all builtins
///     builtins | index("map/1") != null -> true
/// `input/0`: the next input
///     try input catch . -> "break"
/// `inputs/0`: all further inputs
///     [inputs] -> []
/// `input_filename/0`: the name of the input's file, null where there is none
///     input_filename -> null
/// `input_line_number/0`: the number of newlines read so far
///     input_line_number -> 0
/// `debug/0`: passes its input on, and shows it on the standard error
///     1 | debug -> 1
/// `debug/1`: passes its input on, and shows the filter's outputs on the standard error
///     1 | debug("at \(.)") -> 1
/// `stderr/0`: passes its input on, and writes its text to the standard error
///     1 | stderr -> 1
/// `halt/0`: ends the program
///     if false then halt else 1 end -> 1
/// `halt_error/0`: ends the program with status 5, its input to the standard error
///     if false then halt_error else 1 end -> 1
/// `halt_error/1`: ends the program with a status, its input to the standard error
///     if false then halt_error(1) else 1 end -> 1
/// `get_search_list/0`: the folders where modules are looked for
///     get_search_list | type -> "array"
/// `modulemeta/0`: the metadata, imports and definitions of a module named by the input
///     try (1 | modulemeta) catch . -> "modulemeta input module name must be a string"
/// `have_decnum/0`: whether number literals keep all digits
///     have_decnum -> true
/// `have_literal_numbers/0`: whether literals keep their text until computed with
///     have_literal_numbers -> true
/// `get_prog_origin/0`: the folder of the program's file; no output, as it is not revealed
///     [get_prog_origin] -> []
/// `get_jq_origin/0`: the folder of the command; no output, as it is not revealed
///     [get_jq_origin] -> []
