module {
  description: "An object whose names are paths -> the nested value; undoes flatten",
  args: {separator: "."}
};

# Parts of digits only are places in an array.

reduce to_entries[] as $entry (null;
  setpath($entry.key | split($separator) | map(if test("^[0-9]+$") then tonumber else . end);
          $entry.value))
