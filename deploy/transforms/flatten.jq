module {
  description: "A nested value -> one object whose names are paths: {\"a.b.0\": 1}",
  args: {separator: "."}
};

# Empty arrays and objects stay as they are, so that `unflatten` can undo it.

if type != "object" and type != "array" then .
else
  [paths((type != "array" and type != "object") or length == 0) as $path
   | {key: ($path | map(tostring) | join($separator)), value: getpath($path)}]
  | from_entries
end
