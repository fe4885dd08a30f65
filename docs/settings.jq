# `transform-service serve --experimental-dump-help` -> docs/settings.md (`make docs`).

# "Threads. (1 to 8; default: as workers)" -> {help: "Threads.", bounds: "1 to 8", usual: "as workers"}
def facts:
  capture("^(?<help>.*?)(?: \\((?<bounds>[0-9]+ to [0-9]+)?(?:; )?(?:default: (?<usual>.*))?\\))?$");

def row:
  .preferredName.name as $name
  | (.abstract | facts) as $facts
  | [
      "`--\($name)`",
      "`TRANSFORM_\($name | ascii_upcase | gsub("-"; "_"))`",
      if .kind == "flag" then "" else .valueName end,
      ($facts.bounds // ""),
      ($facts.usual // ""),
      $facts.help
    ]
  | "| " + join(" | ") + " |";

"# Settings of `serve`",
"",
"Each is a flag or a variable of the environment; the flag counts first, and an empty variable says nothing. A flag",
"without a unit is a switch: its variable is `true` or `false`.",
"",
"| flag | variable | unit | bounds | default | |",
"|---|---|---|---|---|---|",
(.command.arguments[] | select(.preferredName.name | IN("help", "version") | not) | row)
