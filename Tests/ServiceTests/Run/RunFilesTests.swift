// `run` with several files, which are read as if they were one: locations, names, byte order marks,
// and texts that continue in the next file. All outputs are those of jq 1.8.2.

import Testing

struct RunFilesTests {
    private func shell(_ script: String) throws -> Command.Result {
        try #require(Command.shell(script), "the executable was not built")
    }

    /// Lines and columns are counted through all files, and what is skipped is not counted.
    @Test func locationsContinue() throws {
        let result = try shell(
            """
            printf 'd' > a; printf '}' > b; $T -c --stream-errors . b a
            printf '1\\n2' > a; printf '3\\n[4}\\n' > b; $T -c . a b; $T -s . a b
            printf '{"a":1}' > a; printf '\\n\\n[1}' > b; $T -c . a b
            printf '[1 2]\\n[3 4]\\n5\\n[6' > a; $T -cn 'range(4) | try input catch .' a a
            """)
        #expect(
            result.output
                == """
                ["Unmatched '}' at the top-level at line 1, column 1",[]]
                ["Invalid numeric literal at EOF at line 1, column 2",[]]
                1
                23
                {"a":1}
                "Expected separator between values at line 1, column 5"
                "Expected separator between values at line 1, column 10"
                5
                "Expected separator between values at line 2, column 3"

                """)
        let fault = "jq: parse error: Objects must consist of key:value pairs at line 3, column 3\n"
        #expect(result.message == fault + fault + fault)
    }

    /// With `--strict-json` each file is a text of its own, with its own locations.
    @Test func strictLocationsAreThoseOfTheFile() throws {
        let result = try shell("echo 1 > a; echo '[1}' > b; $T -c --strict-json . a b")
        #expect(result.output == "1\n")
        #expect(
            result.message
                == "jq: parse error: Objects must consist of key:value pairs at line 1, "
                + "column 3, offset 2\n")
    }

    /// The name is that of the last file even if that is empty or missing, and after an error too.
    @Test func names() throws {
        let result = try shell(
            """
            p='[., input_filename, input_line_number]'; : > e; printf '1\\n' > a; printf 1 > b
            $T -c "$p" a e; $T -c "$p" b e; $T -c "$p" b none
            $T -cn "[inputs] | $p" a e a e; $T -s --stream input_filename < e
            $T -c "$p | error" b e; printf '\\n\\nx\\n' > a
            $T -c --parallel 2 "$p" b e; $T -cn "try input catch . | $p" a
            """)
        #expect(
            result.output
                == """
                [1,"a",1]
                [1,"e",0]
                [1,"none",0]
                [[1,1],"e",0]
                "<stdin>"
                [1,"e",0]
                ["Invalid numeric literal at line 4, column 0","a",3]

                """)
        #expect(
            result.message == "jq: error: Could not open file none: No such file or directory\n"
                + "jq: error (at e:0) (not a string): [1,\"e\",0]\n")
    }

    /// Files that begin as gzip does are inflated, however their bytes come.
    @Test func compressedFiles() throws {
        let result = try shell(
            """
            seq 40000 > a; gzip -k a; { head -n 5 a | gzip; tail -n +6 a | gzip; } > two.gz
            head -c 500 a.gz > cut.gz; { head -c 2000 a.gz; echo junk; } > bad.gz
            for f in a a.gz two.gz; do
              $T -c '[., input_line_number]' $f | cksum
            done | uniq | wc -l
            { head -c 1 a.gz; sleep 0.1; tail -c +2 a.gz; } | $T -s add
            $T -c -R '[., input_filename]' a.gz | tail -n 1; $T -s length a.gz a two.gz
            { head -c 9000000 /dev/zero | tr '\\0' ' '; echo 1; } | gzip | $T .
            for f in cut.gz bad.gz; do $T . $f > out; echo $?; done
            { head -c -8 a.gz; printf '\\0\\0\\0\\0'; tail -c 4 a.gz; } > sum.gz
            $T . sum.gz | tail -n 1
            printf '\\x1f' | $T .
            """)
        #expect(
            result.output == "1\n800020000\n[\"40000\",\"a.gz\"]\n120000\n1\n2\n2\n40000\n")
        #expect(
            result.message
                == """
                jq: error: Could not read cut.gz: truncated gzip
                jq: error: Could not read bad.gz: malformed gzip
                jq: error: Could not read sum.gz: malformed gzip
                jq: parse error: Invalid numeric literal at EOF at line 1, column 1

                """)
    }

    /// The exit status is that of the last input, whatever files without inputs follow.
    @Test func statusesOfFilesWithoutInputs() throws {
        let result = try shell(
            """
            echo 0 > a; echo > b; echo null > c; : > d
            for n in '' '--parallel 1' '--parallel 3'; do
              for o in '.[] a' '.[] a b' '.[] b a d b' '-e . c b' '-e . a b d' '-e . b d' \
                '-e empty a b' '. b'; do
                $T $n $o > out 2> e; printf '%s ' $?
              done
              echo
            done | uniq
            """)
        #expect(result.output == "5 5 5 1 0 4 4 0 \n")
    }

    /// A byte order mark may be split between two files, but must be complete.
    @Test func marks() throws {
        let result = try shell(
            """
            printf '\\xef' > a; printf '\\xbb\\xbf1' > b; printf '\\xef\\n1' > c
            $T . a; $T . a a; $T . a b; $T -c --parallel 2 . a b; $T . c; $T -s . c
            $T --stream-errors . c; $T -nc '[range(3) | try input catch .]' c
            $T --seq . a; $T -c --slurpfile x a -n '$x'; $T -R . a | od -An -tx1
            """)
        #expect(
            result.output == "1\n1\n[\"Malformed BOM\",\"Malformed BOM\",\"Malformed BOM\"]\n"
                + "[]\n 22 ef bf bd 22 0a\n")
        let cut = "jq: parse error: Malformed BOM\n"
        #expect(
            result.message == cut + cut + cut + cut
                + "jq: ignoring parse error: Unfinished abandoned text at EOF at line 1, column 0\n"
        )
    }

    /// Several threads read what one reads, also where a text continues in the next file.
    @Test(arguments: ["", "--parallel 3"]) func textsContinueInTheNextFile(_ option: String) throws
    {
        let result = try shell(
            """
            printf '{"n":1}\\n{"n":2} 12' > a; printf '3\\n[4]\\n"a' > b; printf 'b"' > c
            printf '{}\\n}' > d; printf '[5' > e; : > f; printf '\\xef\\xbb\\xbf[6]' > g
            T="$T -c \(option)"; $T . a b c d; $T . a d a; $T . g a b f
            $T . a e f d; $T '[., input_filename, input_line_number]' a b f c
            printf '%s' 1 > h; cat h | $T . a - h b f; $T . h h h h h h h f
            seq 150000 > i; printf 7 >> i; cat i | $T . i - i | cksum
            """)
        #expect(
            result.output
                == """
                {"n":1}
                {"n":2}
                123
                [4]
                "ab"
                {}
                {"n":1}
                {"n":2}
                12
                {}
                [6]
                {"n":1}
                {"n":2}
                123
                [4]
                {"n":1}
                {"n":2}
                12
                [{"n":1},"a",1]
                [{"n":2},"a",1]
                [123,"b",1]
                [[4],"b",2]
                ["ab","c",0]
                {"n":1}
                {"n":2}
                12113
                [4]
                1111111
                4201196147 2816689

                """)
        #expect(
            result.message
                == """
                jq: parse error: Unmatched '}' at line 5, column 1
                jq: parse error: Unmatched '}' at line 3, column 1
                jq: parse error: Unfinished string at EOF at line 4, column 2
                jq: parse error: Expected separator between values at line 2, column 13
                jq: parse error: Unfinished string at EOF at line 4, column 2

                """)
    }
}
