// The instruction set: what a node of a compiled program can be. Nodes are made by `Compiler` and
// read through `NodeRef`, which has the names of the operands; a, b, c and d are filters.
//
// `outputs` is how many outputs a node has if each of its filters has one: `1`, `0-1` (one or none)
// or `n` (any number); with a `*`, it has that many for each combination of its filters' outputs.
// `cost` is in steps of the run's budget, about 10 ns each, in addition to those of its filters;
// `-` is none.
//
// operation         jq                        operands                        outputs  cost
//
// identity          `.`                       -                                 1      -
// constant          `7`                       value                             1      -
// variable          `$x`                      slot, framesOut                   1      -
// empty             `empty`                   -                                 0-1    -
// recurseDefault    `..`                      -                                 n      parts
// environment       `$ENV`                    -                                 1      members
// breakLabel        `break $out`              slot, framesOut                   1      unwinding
//
// field             `.a`                      a target, value, cacheIndex       1*     look-up
// index             `.[1]`                    a target, b key                   1*     look-up
// slice             `.[1:2]`                  a target, c from, d upto          1*     copied parts
// iterate           `.[]`                     a target                          n      parts
//
// pipe              `f | g`                   a, b, sum                         1*     outputs of a
// comma             `f, g`                    part(i), partCount                n      -
// array             `[f]`                     a                                 1      elements
// object            `{a: f}`                  part(i), partCount, isRecord      1*     members
// string            `"\(f)"`                  part(i), partCount, format        1*     bytes
// negate            `-f`                      a                                 1*     -
// add               `f + g`                   a, b                              1*     copied parts
// subtract          `f - g`                   a, b                              1*     elements
// multiply          `f * g`                   a, b                              1*     members
// divide            `f / g`                   a, b                              1*     bytes
// remainder         `f % g`                   a, b                              1*     -
// equal             `f == g`                  a, b                              1*     comparison
// notEqual          `f != g`                  a, b                              1*     comparison
// less              `f < g`                   a, b                              1*     comparison
// lessOrEqual       `f <= g`                  a, b                              1*     comparison
// greater           `f > g`                   a, b                              1*     comparison
// greaterOrEqual    `f >= g`                  a, b                              1*     comparison
// and               `f and g`                 a, b                              1*     -
// or                `f or g`                  a, b                              1*     -
// alternative       `f // g`                  a, b                              1      -
// conditional       `if f then g else h end`  a condition, b, c                 1*     -
// attempt           `try f catch g`           a, hasHandler: b,                 1      unwinding
//                                             isOptionalAccess
// label             `label $out | f`          a, labelSlot                      0-1    -
// bind              `f as $x | g`             a source, b body, boundSlot       1*     outputs of a
// destructure       `f as [$x] | g`           a, b, patterns, patternCount      1*     parts
// reduce            `reduce f as $x (g; h)`   a source, b initial, c update,    1      items
//                                             patterns, patternCount
// foreach           `foreach f as $x (g; h)`  the same, hasExtract: d           n      items
//
// call              `def u: f; u`             a body, argument(i),              1      slots
//                                             argumentCount, slotCount,
//                                             calleeFramesOut, isTailCall
// closureCall       `def u(v): v; u(f)`       slot, framesOut                   1      1
// native            `length`                  native, part(i), partCount,       1      its own
//                                             mathFunction
// link              `{a: f}`                  kind, see Link                    1      -
//
// assign            `f = g`                   a path, b value, isDirect         1*     paths
// modify            `f |= g`                  a path, b filter, isDirect        1      paths
// updateArithmetic  `f += g`                  the same, arithmetic              1*     paths
// updateAlternative `f //= g`                 a path, b value, isDirect         1*     paths
// delete            `del(f)`                  a path, isDirect                  1      paths
// path              `path(f)`                 a path                            1      keys
//
// select            `select(f)`               a condition                       0-1    -
// map               `map(f)`                  a                                 1      elements
// mapValues         `map_values(f)`           a                                 1      elements
// recurse           `recurse(f)`              a                                 n      outputs
// first             `first(f)`                a                                 0-1    -
// last              `last(f)`                 a                                 0-1    -
// limit             `limit(1; f)`             a count, b                        n      -
// skip              `skip(1; f)`              a count, b                        n      -
// until             `until(f; g)`             a condition, b update             1      iterations
// range             `range(1; 2)`             a from, b upto                    n      outputs
// rangeBy           `range(1; 2; 3)`          a from, b upto, c by              n      outputs
// isEmpty           `isempty(f)`              a                                 1      -
// any               `any(f; g)`               a, b condition                    1      outputs of a
// all               `all(f; g)`               a, b condition                    1      outputs of a
// addOf             `add(f)`                  a                                 1      outputs of a
// sortBy            `sort_by(f)`              a key                             1      n log n
// groupBy           `group_by(f)`             a key                             1      n log n
// minBy             `min_by(f)`               a key                             1      elements
// maxBy             `max_by(f)`               a key                             1      elements
// uniqueBy          `unique_by(f)`            a key                             1      n log n
// walk              `walk(f)`                 a                                 1      parts
// getpath           `getpath(f)`              a keys                            1      keys
// error             `error(f)`                a message                         1      unwinding
// inputs            `inputs`                  -                                 n      bytes
// toStream          `tostream`                -                                 n      keys
// paths             `paths`                   -                                 n      keys
// repeats           `repeat(f)`               a                                 n      iterations
// substitute        `gsub(f; g)`              a pattern, b replacement,         1      the match
//                                             c flags, isGlobal

enum Operation: UInt8 {
    // Leaves
    case identity, constant, variable, empty, recurseDefault, environment, breakLabel
    // Accesses
    case field, index, slice, iterate
    // Composition
    case pipe, comma, array, object, string, negate
    case add, subtract, multiply, divide, remainder
    case equal, notEqual, less, lessOrEqual, greater, greaterOrEqual
    case and, or, alternative
    case conditional, attempt, label
    case bind, destructure, reduce, foreach
    // Calls
    case call, closureCall, native, link
    // Updates
    case assign, modify, updateArithmetic, updateAlternative, delete, path
    // Builtins that take filters
    case select, map, mapValues, recurse, first, last, limit, skip, until, range, rangeBy
    case isEmpty, any, all, addOf, sortBy, groupBy, minBy, maxBy, uniqueBy, walk
    case getpath, error, inputs, toStream, paths, repeats, substitute
}
