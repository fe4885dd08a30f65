// The manual of the builtins for arrays and objects: their members, orders and groups. Below each
// name and its description is an example, `PROGRAM -> OUTPUTS`; a test runs them all, on null, and
// requires one for each builtin.

/// `keys/0`: the names of an object in order, or the indices of an array
///     {"b": 1, "a": 2} | keys -> ["a","b"]
/// `keys_unsorted/0`: the names of an object in its own order
///     {"b": 1, "a": 2} | keys_unsorted -> ["b","a"]
/// `has/1`: whether an object has a name, or an array an index
///     {"a": 1} | has("a", "b") -> true false
/// `in/1`: whether the input is a name or index of a value
///     "a" | in({"a": 1}) -> true
/// `contains/1`: whether the value is in the input: substrings, elements and members
///     ["ab", 1] | contains(["a"]) -> true
/// `inside/1`: whether the input is in the value; contains/1 with its operands swapped
///     "b" | inside("abc") -> true
/// `add/0`: the sum of all elements
///     [1, 2] | add -> 3
/// `add/1`: the sum of a filter's outputs
///     [{"a": 1}, {"a": 2}] | add(.[].a) -> 3
/// `any/0`: whether any element is true
///     [false, 1] | any -> true
/// `any/1`: whether the filter is true for any element
///     [1, 5] | any(. > 4) -> true
/// `any/2`: whether the condition is true for any output of a generator
///     any(1, 5; . > 4) -> true
/// `all/0`: whether all elements are true
///     [true, null] | all -> false
/// `all/1`: whether the filter is true for all elements
///     [1, 5] | all(. > 0) -> true
/// `all/2`: whether the condition is true for all outputs of a generator
///     all(1, 5; . > 4) -> false
/// `map/1`: an array of the filter's outputs for each element
///     [1, 2] | map(. + 1) -> [2,3]
/// `map_values/1`: each element or member replaced by the filter's first output, or dropped
/// without one
///     {"a": 1, "b": 2} | map_values(. + 1) -> {"a":2,"b":3}
/// `flatten/0`: the elements of nested arrays, of whatever depth
///     [1, [2, [3]]] | flatten -> [1,2,3]
/// `flatten/1`: the elements of arrays nested up to a depth
///     [1, [2, [3]]] | flatten(1) -> [1,2,[3]]
/// `sort/0`: the elements in order: null, false, true, numbers, strings, arrays, objects
///     [3, null, "a", 1] | sort -> [null,1,3,"a"]
/// `sort_by/1`: the elements in the order of a filter's outputs; equal ones keep theirs
///     [{"a": 2}, {"a": 1}] | sort_by(.a) -> [{"a":1},{"a":2}]
/// `group_by/1`: arrays of the elements with equal filter outputs, in the order of those
///     [{"a": 1}, {"a": 2}, {"a": 1}] | group_by(.a) | map(length) -> [2,1]
/// `unique/0`: the different elements in order
///     [2, 1, 2] | unique -> [1,2]
/// `unique_by/1`: the first element of each group of group_by/1
///     ["ab", "c", "de"] | unique_by(length) -> ["c","ab"]
/// `min/0`: the least element
///     [3, 1, 2] | min -> 1
/// `max/0`: the greatest element
///     [3, 1, 2] | max -> 3
/// `min_by/1`: the first element whose filter output is least
///     [{"a": 2}, {"a": 1}] | min_by(.a) -> {"a":1}
/// `max_by/1`: the last element whose filter output is greatest
///     [{"a": 2}, {"a": 1}] | max_by(.a) -> {"a":2}
/// `reverse/0`: the elements, or a string's code points, in reverse
///     [1, 2] | reverse -> [2,1]
/// `transpose/0`: rows to columns; short rows are filled with null
///     [[1, 2], [3]] | transpose -> [[1,3],[2,null]]
/// `combinations/0`: one element of each array, in all combinations
///     [[1, 2], [3, 4]] | [combinations] -> [[1,3],[1,4],[2,3],[2,4]]
/// `combinations/1`: all arrays of n elements of the input
///     [0, 1] | [combinations(2)] -> [[0,0],[0,1],[1,0],[1,1]]
/// `to_entries/0`: an object as an array of {key, value}
///     {"a": 1} | to_entries -> [{"key":"a","value":1}]
/// `from_entries/0`: an object from such an array; k, name, v and similar names work too
///     [{"key": "a", "value": 1}] | from_entries -> {"a":1}
/// `with_entries/1`: the object from what the filter makes of its entries
///     {"a": 1} | with_entries(.value += 1) -> {"a":2}
/// `bsearch/1`: the index of a value in a sorted array, or -1 minus where it would be inserted
///     [1, 3] | bsearch(3, 2) -> 1 -2
/// `indices/1`: the positions of a value in an array or a string
///     [1, 2, 1] | indices(1) -> [0,2]
/// `index/1`: the first of indices/1
///     "abcb" | index("b") -> 1
/// `rindex/1`: the last of indices/1
///     "abcb" | rindex("b") -> 3
/// `IN/1`: whether the input is among a generator's outputs
///     2 | IN(1, 2) -> true
/// `IN/2`: whether an output of the first generator is among those of the second
///     IN(1, 9; 2, 9) -> true
/// `INDEX/1`: an object of the elements by the text of the filter's output
///     [{"id": 1}] | INDEX(.id) -> {"1":{"id":1}}
/// `INDEX/2`: an object of a generator's outputs by the text of the filter's output
///     INDEX({"id": 1}, {"id": 2}; .id) | keys -> ["1","2"]
/// `JOIN/2`: each element with the row of an index that the filter names
///     [1] | JOIN({"1": "a"}; tostring) -> [[1,"a"]]
/// `JOIN/3`: each output of a generator with its row of an index
///     [JOIN({"1": "a"}; 1, 2; tostring)] -> [[1,"a"],[2,null]]
/// `JOIN/4`: like JOIN/3, each pair passed through a last filter
///     JOIN({"1": "a"}; 1; tostring; .[1]) -> "a"
