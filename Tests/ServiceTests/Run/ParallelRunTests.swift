// Several threads give the answer of one, whatever the input: lines, texts over many lines, texts
// that end in another file, malformed ones, files that are missing.

import TestSupport
import Testing

struct ParallelRunTests {
    private static let programs = [
        ".", ".id?", ".id", "[input_filename, input_line_number]", "debug",
        "if .id? == 700 then halt else .id? end",
        "if .id? == 77 then \"x\" | halt_error else 1 end",
        "if (.id? // 0) % 100 == 3 then error else empty end", "select(.id? == 1) | stderr",
    ]

    /// Enough for several units, or for threads to start by themselves; long strings, which are
    /// read fast.
    private static func texts(_ random: inout SeededGenerator) -> String {
        let byteCount = random.below(3) == 0 ? 6_000_000 : 1_500_000
        let separator = random.pick(["\n", "\n", "\n", "\r\n", "\n\n", " "])
        let oddities = random.below(4) * 10
        var text = random.pick(["", "", "", "{\n\"first\":1}\n", "\u{FEFF}"])
        while text.utf8.count < byteCount {
            let id = random.below(1_000)
            switch random.below(1_000) {
            case ..<oddities:
                text += random.pick([
                    "[1,\n[2,\n3]]", "{\n \"id\": \(id)\n}", "\"a\" 12 ", "17", "{}{}", "[1,", "}",
                    "tru", "\u{1}", "1 2 3]",
                ])
            case ..<100:
                let rows = Array(repeating: " {\"q\": [1,\n2]}", count: 100)
                text += random.below(20) < 1 ? "[" + rows.joined(separator: ",\n") + "]" : "null"
            default: text += "{\"id\":\(id),\"s\":\"\(String(repeating: "y", count: 2_000))\"}"
            }
            text += separator
        }
        if random.below(3) == 0 { text.removeLast(random.below(2_000)) }
        return text
    }

    @Test(arguments: 0..<24) func answersAreThoseOfOneThread(_ seed: UInt64) throws {
        let binary = try #require(Command.binary, "the executable was not built")
        var random = SeededGenerator(state: seed)
        let input = Array(Self.texts(&random).utf8)
        let files = random.pick(["a b", "a b", "b", "a none b", "none b a", "a b none"])
        let script = """
            cd $(mktemp -d); cat > all; head -c \(random.below(input.count)) all > a
            tail -c +$(($(stat -c %s a) + 1)) all > b
            for n in '--parallel 1' '' '--parallel 3'; do
              "$1" run -c $n "$2" \(files) > o 2> m; echo $? $(cat o m | cksum)
              cat all | "$1" run -e $n "$2" > o 2> m; echo $? $(cat o m | cksum)
            done
            rm -r $PWD
            """
        let program = random.pick(Self.programs)
        let result = Command.run(["bash", "-c", script, "", binary, program], input: input)
        let lines = result.output.split(separator: "\n")
        try #require(lines.count == 6, "\(result.message)")
        #expect(lines[2...3].elementsEqual(lines[..<2]), "\(program), \(files)")
        #expect(lines[4...].elementsEqual(lines[..<2]), "\(program), \(files)")
    }

    /// What comes after the end of a run does not keep it from ending.
    @Test func aRunEndsWithItsLastUnit() throws {
        let result = try #require(
            Command.shell(
                """
                timeout 60 $T --parallel 3 \\
                  'if . == 5 then halt elif . > 500000 then last(repeat(.)) else . end' \\
                  < <(seq 600000; exec sleep 20) | tail -n 1
                seq 600000 | $T --parallel 3 'if . == 5 then last(repeat(.)) else . end' \\
                  --timeout 300 | tail -n 1; echo ${PIPESTATUS[1]}
                seq 3000000 | timeout 60 $T 'if . == 1 then repeat(.) else . end' | head -n 2
                """), "the executable was not built")
        #expect(result.output == "4\n4\n5\n1\n1\n")
    }

    /// Runs commands with each number of threads; what they print must be the same.
    private func isTheSame(_ script: String) throws {
        let all = """
            for n in '--parallel 1' '' '--parallel 3'; do
              { \(script) } > out 2> messages
              cat out messages | cksum
            done | uniq | wc -l
            """
        let result = try #require(Command.shell(all), "the executable was not built")
        #expect(result.output.trimmingPrefix(" ") == "1\n", "\(script)")
    }

    /// A text of one file goes on through another one that is cut into units.
    @Test func aTextSpansFiles() throws {
        try isTheSame(
            """
            { yes 1 | head -n 700000; echo '"slow"'; echo '['; } > a
            { yes '2,' | head -n 400000; echo '3]'; echo '"end"'; } > b; echo '2]' > c
            $T $n -c 'if . == "slow" then (last(range(100000)) | empty)
              elif type == "array" then length elif type == "string" then . else empty end' a b c;
            """)
    }

    /// Lines of a pipe that are longer than what arrives at once.
    @Test func linesOfAPipeAreCounted() throws {
        try isTheSame(
            """
            { printf '{\\n"a":1}\\n'; yes '"x" ' | head -n 1500 | tr -d '\\n'
              yes '[1,[1]]' | head -n 20000 | tr -d '\\n'; printf '"y"\\n"z"'; } > a
            cat a | $T $n input_line_number | uniq -c
            cat a | $T $n 'if . == "z" then .a else 1 end';
            """)
    }

    /// What is kept of outputs is not the run's memory, and each thread's stack is the first one's.
    @Test func boundsAreThoseOfOneThread() throws {
        try isTheSame(
            """
            seq 300000 | sed 's/.*/"&&"/' > a; $T $n --memory 1 -c '[., .]' a
            { yes 0 | head -n 700000; echo 400000; } > b
            $T $n 'def f: if . > 0 then 1 + (. - 1 | f) else empty end; f' b
            (ulimit -v 4600000; $T $n 'select(. > 1)' b);
            """)
    }

    /// A thread that waits for a pipe keeps no other one from writing.
    @Test func outputsDoNotWaitForInputs() throws {
        let result = try #require(
            Command.shell(
                """
                s=$SECONDS
                timeout 60 $T --parallel 3 'if . == 1000000 then halt else empty end' \\
                  < <(seq 1000000; exec sleep 20)
                echo $? $((SECONDS - s < 15))
                """), "the executable was not built")
        #expect(result.output == "0 1\n")
    }
}
