module {
  description: "Personal data -> masked: members by name, and e-mail and card numbers in any text",
  args: {names: ["password", "token", "ssn", "phone", "birth_date"], mask: "***"}
};

# $names: a list, or a string of names with commas between them. An e-mail address keeps its
# domain, a card number its last four digits.

($names | if type == "string" then split(",") else . end | map(ascii_downcase)) as $names
| walk(
    if type == "object" then
      with_entries(
        (.key | ascii_downcase) as $key
        | if .value != null and any($names[]; . == $key) then .value = $mask else . end)
    elif type == "string" then
      gsub("[A-Za-z0-9._%+-]+@(?<domain>[A-Za-z0-9-]+(\\.[A-Za-z0-9-]+)+)"; "\($mask)@\(.domain)")
      | gsub("\\b([0-9]{4}[ -]?){3}(?<last>[0-9]{4})\\b"; "\($mask)\(.last)")
    else . end)
