module {
  description: "An array -> its elements without those whose key was there before, order kept",
  args: {by: "id", keep: "first"}
};

# $by: a member's name, or a path with dots. $keep: which one of those with one key, first or last;
# either stands where the first one stood.

($by | split(".")) as $path
| if $keep != "first" and $keep != "last" then error("keep is first or last, not \($keep)") else . end
| reduce .[] as $element ({places: {}, kept: []};
    ($element | getpath($path) | tojson) as $key
    | .places[$key] as $place
    | if $place == null then
        .places[$key] = (.kept | length) | .kept += [$element]
      elif $keep == "last" then .kept[$place] = $element
      else . end)
| .kept
