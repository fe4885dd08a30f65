// The manual of the builtins for filters with any number of outputs, paths, and streams of events.
// Below each name and its description is an example, `PROGRAM -> OUTPUTS`; a test runs them all, on
// null, and requires one for each builtin.

/// `range/1`: the integers from 0 up to a bound
///     [range(3)] -> [0,1,2]
/// `range/2`: the numbers from one up to another
///     [range(1; 3)] -> [1,2]
/// `range/3`: the numbers from one to another, by a step
///     [range(5; 0; -2)] -> [5,3,1]
/// `first/0`: the first element
///     [1, 2] | first -> 1
/// `first/1`: the first output of a generator
///     first(range(5; 9)) -> 5
/// `last/0`: the last element
///     [1, 2] | last -> 2
/// `last/1`: the last output of a generator
///     last(range(5; 9)) -> 8
/// `nth/1`: the element at an index
///     [1, 2] | nth(1) -> 2
/// `nth/2`: the output of a generator at an index
///     nth(2; range(5; 9)) -> 7
/// `limit/2`: at most n outputs of a generator
///     [limit(2; range(9))] -> [0,1]
/// `skip/2`: a generator's outputs but the first n
///     [skip(2; range(5))] -> [2,3,4]
/// `isempty/1`: whether a generator has no outputs
///     isempty(empty), isempty(1) -> true false
/// `until/2`: the update again and again until the condition holds
///     1 | until(. > 9; . * 2) -> 16
/// `while/2`: the input and its updates as long as the condition holds
///     [1 | while(. < 9; . * 2)] -> [1,2,4,8]
/// `repeat/1`: the input, and the filter applied to it for ever
///     [limit(3; 1 | repeat(. * 2))] -> [2,2,2]
/// `path/1`: the paths that a filter takes, as arrays
///     {"a": [1]} | path(.a[0]) -> ["a",0]
/// `paths/0`: the paths of all values in the input
///     [[1]] | [paths] -> [[0],[0,0]]
/// `paths/1`: the paths of all values for which the filter is true
///     {"a": 1, "b": "x"} | [paths(strings)] -> [["b"]]
/// `getpath/1`: the value at a path, or null
///     {"a": {"b": 1}} | getpath(["a", "b"]) -> 1
/// `setpath/2`: the input with a value set at a path
///     null | setpath(["a"]; 1) -> {"a":1}
/// `delpaths/1`: the input without the values at some paths
///     [1, 2, 3] | delpaths([[0], [2]]) -> [2]
/// `del/1`: the input without what a path expression points at
///     [1, 2, 3] | del(.[0, 2]) -> [2]
/// `pick/1`: only what a path expression points at
///     {"a": 1, "b": {"c": 2, "d": 3}} | pick(.b.c) -> {"b":{"c":2}}
/// `tostream/0`: the input as events: [path, leaf], and [path] at the end of a container
///     [1] | [tostream] -> [[[0],1],[[0]]]
/// `fromstream/1`: the values that events describe
///     fromstream([[0], 1], [[0]]) -> [1]
/// `truncate_stream/1`: events without the first n names of their paths
///     [1 | truncate_stream([[0], 1], [[1, 0], 2], [[1, 0]], [[1]])] -> [[[0],2],[[0]]]
