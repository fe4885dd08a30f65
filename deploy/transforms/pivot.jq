module {
  description: "Rows -> a table: one row for each value of a member, one column for each of another",
  args: {row: "region", column: "month", value: "amount"}
};

# Values that meet in one place are added; where there are none stands null.
# [{"region":"N","month":"May","amount":2}] -> [{"region":"N","May":2}]

. as $rows
| (map(.[$column] | tostring) | unique) as $columns
| group_by(.[$row])
| map(
    . as $group
    | reduce $group[] as $entry (
        ({($row): $group[0][$row]} + ($columns | map({(.): null}) | add // {}));
        .[$entry[$column] | tostring] += $entry[$value]))
