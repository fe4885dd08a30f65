// `run --combine C P` is `run P | run -n C`.

import TestSupport
import Testing

struct CombinedRunTests {
    private func output(_ script: String) throws -> String {
        try #require(Command.shell(script), "the executable was not built").output
    }

    /// Options, the program, the combining program, the input.
    private static let cases: [(String, String, String, String)] = [
        ("", ".", "reduce inputs as $x (0; . + $x)", "1 2 3"),
        ("-c", ".", "[inputs]", "1 [2] {\"a\":null}"),
        ("-r", ".", "inputs", "\"a\" \"b\""),
        ("-c", ".", "input_filename, input_line_number, [inputs], input_line_number", "1\n2\n"),
        ("-c", "empty", "[inputs], try input catch .", "1 2"),
        ("-c", ".[]", "[., inputs]", "[1,2] [] [3]"),
        ("-cs", ".", "[inputs]", "1 2"), ("-cR", ".", "[inputs]", "a\nb"),
        ("-c --stream", ".", "[inputs]", "[1,[2]]"), ("-cn", "inputs", "[inputs]", "1 2"),
        ("--tab", ".", "[inputs]", "1 2"), ("-S", ".", "[inputs]", "{\"b\":1,\"a\":2}"),
        ("-c --arg v x", "[., $v]", "[inputs, $v]", "1 2"), ("-j", ".", "inputs", "1 \"a\""),
        ("-c", ".", "[inputs]", "\"\u{7F}é\\ud83d\\ude00\" 1.10 1e1000 -0 nan"),
    ]

    @Test(arguments: cases.indices) func isThePipeline(_ index: Int) throws {
        let (options, program, combine, input) = Self.cases[index]
        let script = """
            printf '%s' '\(input)' > in
            $T \(options) --combine '\(combine)' '\(program)' in > a; echo $?
            words='\(options)'; first=$words; second=$words
            case $words in *-r|-j|-S|--tab) first= ;; esac
            second=${second/-cs/-c}; second=${second/-cR/-c}; second=${second/-cn/-c}
            second=${second/--stream/}
            $T -c $first '\(program)' in | $T -n $second '\(combine)' > b; echo $?; cmp a b
            """
        #expect(try output(script) == "0\n0\n", "\(options)")
    }

    @Test func itEndsWithTheCombiningProgram() throws {
        let script = """
            yes 1 | timeout 60 $T -c --combine '[limit(3; inputs)]' '. + 1'; echo ${PIPESTATUS[1]}
            yes 1 | timeout 60 $T --combine 'inputs | error' . 2>&1; echo ${PIPESTATUS[1]}
            yes 1 | timeout 60 $T --combine 'reduce inputs as $x (0; 1)' --timeout 300 . 2>&1 \\
              | sort -u; echo ${PIPESTATUS[1]}
            seq 9 | timeout 60 $T --combine 'repeat(1)' --timeout 300 empty 2>&1 | sort -u \\
              | tail -n 1
            seq 9 | $T --combine '[inputs] | length' 'if . == 5 then error else . end' 2> m; echo $?
            grep -c . m; $T -n --combine '1 +' . 2> m; echo $?; $T -n --combine; echo $?
            seq 9 | $T -e --combine 'false' .; echo $?
            """
        let lines = try output(script).split(separator: "\n")
        let limit = "jq: error: time limit of 300 ms exceeded"
        let expected = [
            "[2,2,2]", "0", "jq: error (at <stdin>:1) (not a string): 1", "5", limit, "5", limit,
            "8", "0", "1", "3", "2", "false", "1",
        ]
        #expect(lines.map { String($0) } == expected)
    }

    /// It does not depend on which program is faster.
    @Test func theStatusIsDetermined() throws {
        let script = """
            for i in 1 2 3 4 5 6; do
              $T --combine '"hi"' '1 +' 2> m; echo $?
              $T --combine '"hi"' . none 2> m; echo $?
              $T -c --combine '[inputs]' . none 2> m; echo $?
              printf '1\n2\n{' | $T -c --combine 'first(inputs)' . 2> m; echo $?
              printf '1\n2\n{' | $T -c --combine '[inputs]' . 2> m; echo $?
              $T -nc --combine '[inputs, "C", $a]' --slurpfile a <(echo 1) '$a'; echo $?
            done | tr '\n' ' '
            """
        let once = #"3 "hi" 0 [] 2 1 0 [1,2] 5 [[1],"C",[1]] 0 "#
        #expect(try output(script) == String(repeating: once, count: 6))
    }

    /// The same answer from one thread and several, in the memory of the result.
    @Test func threadsAgree() throws {
        let script = """
            seq 900000 | sed 's/.*/{"k":"k&","n":&}/' > in
            for n in '--parallel 1' '' '--parallel 3'; do
              $T -c $n --combine 'reduce inputs as $x ({}; .[$x.k[-1:]] += $x.n)' . in
              $T $n --memory 16 --combine '[limit(5; skip(800000; inputs))] | tojson' .n < in
            done | sort | uniq -c | awk '{print $1}'
            """
        #expect(try output(script) == "3\n3\n")
    }
}
