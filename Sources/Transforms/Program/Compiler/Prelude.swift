// The builtins that gain nothing from being written in Swift. Each is parsed when a program first
// uses it.
//
// Benchmark: a start with `with_entries`: 1,664,000 -> 700,000 instructions.

internal import Synchronization

enum Prelude {
    private static let bytes = Array(text.utf8)

    private static let text = """
        def todate: strftime("%Y-%m-%dT%H:%M:%SZ");
        def fromdateiso8601: strptime("%Y-%m-%dT%H:%M:%SZ") | mktime;
        def todateiso8601: strftime("%Y-%m-%dT%H:%M:%SZ");
        def fromdate: fromdateiso8601;
        def date: todate;
        def dateadd(u; n): . + n;
        def datesub(u; n): . - n;
        def recurse(f; cond): def r: ., (f | select(cond) | r); r;
        def until(cond; update): def _until: if cond then . else (update | _until) end; _until;
        def while(cond; update):
          def _while: if cond then ., (update | _while) else empty end; _while;
        def walk(f):
          def w:
            if type == "object" then map_values(w) elif type == "array" then map(w) else . end | f;
          w;
        def nth($n): .[$n];
        def nth($n; f):
          if $n < 0 then error("nth doesn't support negative indices") else first(skip($n; f)) end;
        def in(xs): . as $x | xs | has($x);
        def inside(xs): . as $x | xs | contains($x);
        def with_entries(f): to_entries | map(f) | from_entries;
        def paths(node_filter): path(.. | select(node_filter)) | select(length > 0);
        def pick(pathexps):
          . as $top | reduce path(pathexps) as $p (null; setpath($p; $top | getpath($p)));
        def debug(messages): (messages | debug | empty), .;
        def halt_error: halt_error(5);
        def indices($i):
          if type == "string" and ($i | type) == "string" then _strindices($i)
          elif type == "array" and ($i | type) != "array" then .[[$i]]
          else .[$i] end;
        def index($i): indices($i) | .[0];
        def rindex($i): indices($i) | .[-1:][0];
        def combinations:
          if length == 0 then [] else .[0][] as $x | (.[1:] | combinations) as $w | [$x] + $w end;
        def combinations(n): . as $dot | [range(n)] | map($dot) | combinations;
        def IN(s): any(s == .; .);
        def IN(src; s): any(src == s; .);
        def INDEX(stream; f): reduce stream as $row ({}; .[$row | f | tostring] |= $row);
        def INDEX(f): INDEX(.[]; f);
        def JOIN($idx; idx_expr): [.[] | [., $idx[idx_expr]]];
        def JOIN($idx; stream; idx_expr): stream | [., $idx[idx_expr]];
        def JOIN($idx; stream; idx_expr; join_expr): stream | [., $idx[idx_expr]] | join_expr;
        def get_prog_origin: empty;
        def get_jq_origin: empty;
        def fromstream(f): {x: null, e: false} as $init
          | foreach f as $i ($init;
              if .e then $init else . end
              | if $i | length == 2
                then setpath(["e"]; $i[0] | length == 0) | setpath(["x"] + $i[0]; $i[1])
                else setpath(["e"]; $i[0] | length == 1) end;
              if .e then .x else empty end);
        def truncate_stream(stream):
          . as $n | null | stream | . as $input
          | if (.[0] | length) > $n then setpath([0]; .[0][$n:]) else empty end;
        def ascii:
          if type == "number" and . >= 0 and . <= 127 then [.] | implode
          else error("ascii only takes integers from 0 to 127") end;
        def ascii(f): f | ascii;
        def format($f):
          if $f == "text" then @text elif $f == "json" then @json elif $f == "csv" then @csv
          elif $f == "tsv" then @tsv elif $f == "html" then @html elif $f == "uri" then @uri
          elif $f == "urid" then @urid elif $f == "sh" then @sh elif $f == "base64" then @base64
          elif $f == "base64d" then @base64d elif $f == "base32" then @base32
          elif $f == "base32d" then @base32d
          elif $f | type == "string" then error("\\($f) is not a valid format")
          else error("\\($f | type) (\\($f | tojson)) is not a valid format") end;
        def _arguments:
          type as $type
          | if $type == "string" then [., null]
            elif $type == "array" and length > 1 then .
            elif $type == "array" and length > 0 then [.[0], null]
            else error($type + " not a string or array") end;
        def match($val): ($val | _arguments) as $a | _match($a[0]; $a[1])[];
        def match(re; flags): _match(re; flags)[];
        def test($val): ($val | _arguments) as $a | _test($a[0]; $a[1]);
        def test(re; flags): _test(re; flags);
        def capture($val): match($val) | _capture;
        def capture(re; flags): match(re; flags) | _capture;
        def scan($re; $flags):
          _match($re; "g" + $flags)[]
          | if (.captures | length) > 0 then [.captures[].string] else .string end;
        def scan($re): scan($re; null);
        def splits($re; flags): split($re; flags)[];
        def splits($re): split($re; null)[];
        """

    private struct Entry {
        /// Name and number of parameters.
        let key: String
        /// The definition's bytes in the text.
        let range: Range<Int>
        /// Set when first used: parsing all of them takes a quarter of a millisecond.
        var definition: Definition?
    }

    private static let entries = Mutex(index())

    /// Finds the definitions: each begins at the start of a line, which nested ones never do.
    private static func index() -> [Entry] {
        var starts: [Int] = []
        for i in bytes.indices where bytes[i] == UInt8(ascii: "d") {
            let beginsLine = i == 0 || bytes[i - 1] == UInt8(ascii: "\n")
            if beginsLine && bytes[i...].starts(with: "def ".utf8) { starts.append(i) }
        }
        var entries: [Entry] = []
        for (i, start) in starts.enumerated() {
            let end = i + 1 < starts.count ? starts[i + 1] : bytes.count
            var offset = start + 4
            while bytes[offset] != UInt8(ascii: "("), bytes[offset] != UInt8(ascii: ":") {
                offset += 1
            }
            let name = String(decoding: bytes[start + 4..<offset], as: UTF8.self)
            var count = bytes[offset] == UInt8(ascii: "(") ? 1 : 0
            while bytes[offset] != UInt8(ascii: ":") {
                if bytes[offset] == UInt8(ascii: ";") { count += 1 }
                offset += 1
            }
            entries.append(Entry(key: "\(name)/\(count)", range: start..<end))
        }
        return entries
    }

    static var names: [String] { entries.withLock { $0.map(\.key) } }

    /// - Parameter key: name and number of parameters.
    static func definition(_ key: String) -> Definition? {
        entries.withLock { entries in
            guard let i = entries.firstIndex(where: { $0.key == key }) else { return nil }
            if entries[i].definition == nil {
                let definition = Array(bytes[entries[i].range])
                guard let module = try? Parser.parse(definition), module.definitions.count == 1
                else {
                    preconditionFailure("the prelude's \(key) does not parse")
                }
                entries[i].definition = module.definitions[0]
            }
            return entries[i].definition
        }
    }

    /// Parses all definitions, so that no request waits for that.
    static func prepare() {
        for name in names { _ = definition(name) }
    }
}
