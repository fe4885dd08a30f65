module {
  description: "An array of objects -> CSV with a header",
  args: {columns: null},
  outputs: "csv"
};

# $columns: a list, or a string of names with commas between them; null: all names, in the order in
# which they are met. Arrays and objects stand in their fields as JSON.

def cell: if type == "array" or type == "object" then tojson else . end;

($columns
 | if type == "string" then split(",") else . end) as $asked
| ($asked // (reduce .[] as $row ({}; . + ($row | map_values(null))) | keys_unsorted)) as $columns
| ($columns, (.[] | [.[$columns[]] | cell])) | @csv
