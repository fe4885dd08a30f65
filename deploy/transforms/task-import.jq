module {
  description: "One raw task -> a valid task with its defaults, or an error that names each fault"
};

# Input: {"title", "description"?, "priority"?, "status"?}; other members are dropped.
# Texts lose the space around them.

def faults:
  (.title
   | if . == null then "title: is missing"
     elif type != "string" then "title: is no string"
     elif length < 1 or length > 200 then "title: has \(length) characters, not 1 to 200"
     else empty end),
  (.description
   | if type != "string" then "description: is no string"
     elif length > 2000 then "description: has \(length) characters, not 2000 at most"
     else empty end),
  (.priority
   | if type != "number" or . != floor or . < 1 or . > 5
     then "priority: \(tojson | .[:40]) is no whole number from 1 to 5"
     else empty end),
  (.status
   | if type != "string" or . == "" then "status: is no text" else empty end);

def tidy: if type == "string" then trim else . end;

if type != "object" then error("a task is an object, not \(type)") else . end
| {
    title: (.title | tidy),
    description: (if .description == null then "" else .description | tidy end),
    priority: (if .priority == null then 1 else .priority end),
    status: (if .status == null then "pending" else .status | tidy end)
  }
| [faults] as $faults
| if $faults == [] then . else error($faults | join("; ")) end
