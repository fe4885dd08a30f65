module {
  description: "The n elements of an array with the largest value of a member",
  args: {n: 10, by: "total"}
};

# Of equal ones the earlier stands first. Elements without the member come last.

($n | tonumber) as $n
| [to_entries[] | {place: .key, element: .value, value: .value[$by]}]
| group_by(.value) | reverse | map(sort_by(.place)[]) | map(.element)[:$n]
