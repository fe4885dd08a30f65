module {
  description: "Tasks -> counts by status and priority, ages in days, the most frequent words",
  args: {top: 10}
};
import "lib/number" as number;
import "lib/time" as time;

# Input: {"tasks": [{"id", "title", "description", "status", "priority", "created_at"}], "now": ISO}
# Without "now" the ages count to the present. $top: how many words are listed.

def counts(items): reduce items as $item ({}; .[$item | tostring] += 1);

def ages($now):
  map(($now - (.created_at | time::iso8601_seconds)) / 86400) as $days
  | {
      min: ($days | min),
      mean: (if $days == [] then null else ($days | add) / ($days | length) end),
      max: ($days | max)
    }
  | map_values(if . == null then null else number::rounded(2) end)
  | .buckets = reduce $days[] as $age (
      {"under_1": 0, "1_to_7": 0, "7_to_30": 0, "over_30": 0};
      .[if $age < 1 then "under_1"
        elif $age < 7 then "1_to_7"
        elif $age < 30 then "7_to_30"
        else "over_30" end] += 1);

# {word: how often}. Texts are counted in pieces between blanks first, so that the expression sees a
# piece that comes often only once.
def words:
  counts(.[] | .title, .description | strings | split(" ")[])
  | reduce (to_entries[] | .value as $count | .key | ascii_downcase
            | scan("[\\p{L}\\p{N}]+") | [., $count]) as [$word, $count]
      ({}; .[$word] += $count);

(.now // (now | todate) | time::iso8601_seconds) as $now
| .tasks
| words as $words
| {
    total: length,
    by_status: (counts(.[].status) | to_entries | sort_by(.key) | from_entries),
    by_priority: ({"1": 0, "2": 0, "3": 0, "4": 0, "5": 0} + counts(.[].priority)),
    age_days: ages($now),
    words: {
      total: ($words | add // 0),
      top: ($words | to_entries | map({word: .key, count: .value})
            | sort_by(-.count, .word) | .[:$top | tonumber])
    }
  }
