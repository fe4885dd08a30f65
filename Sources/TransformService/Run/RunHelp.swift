// The text of `run --help`.

enum RunHelp {
    static let short = """
        Usage: transform-service run [OPTION]... PROGRAM [FILE]...
               transform-service run [OPTION]... -f PROGRAM_FILE [FILE]...
               transform-service run [OPTION]... --args PROGRAM [STRING]...
               transform-service run [OPTION]... --jsonargs PROGRAM [JSON]...

        """

    static let hint = "Use run --help for the options.\n"

    static let full = short + options

    private static let options = """

        Runs a jq 1.8 program on each JSON text of the files, or of the standard input, and
        writes its outputs as JSON. The options and exit statuses are those of the jq command.

        Inputs
          -n, --null-input        run once, with null; `input` and `inputs` read the texts
          -R, --raw-input         each line is an input, as a string
          -s, --slurp             all inputs in one array; with -R, all text in one string
              --seq               texts begin with a record separator (RFC 7464)
              --stream            the events of each text: [PATH, LEAF] and [PATH]
              --stream-errors     the same, and a malformed text is an event [MESSAGE, PATH]
              --strict-json       texts keep to RFC 8259: no nan, Infinity, +1, .5, 007, and no
                                  bytes that are not UTF-8 (by default read as jq does); each
                                  file is exactly one text, errors tell the offset, and --parallel
                                  has no effect. --seq still has several; lines of -R are free

        Outputs
          -c, --compact-output    one line for each output
              --indent N          N spaces for each level, 0 to 7 (default 2); -1 as --tab
              --tab               a tab for each level
          -r, --raw-output        strings without quotes
          -j, --join-output       as -r, without newlines between outputs
              --raw-output0       as -r, with NUL behind each output
          -a, --ascii-output      only ASCII, the rest as \\uXXXX
          -S, --sort-keys         members in the order of their names
          -C, --color-output      in colours, those of JQ_COLORS where it is set; on a terminal
                                  by default, unless NO_COLOR is set
          -M, --monochrome-output without colours
              --unbuffered        each output at once

        Program and arguments
          -f, --from-file         the first word is a file with the program
          -L, --library-path DIR  where modules are looked for, behind the current folder; may
                                  be given again. The definitions of the file ~/.jq are there
                                  without an import
              --arg NAME VALUE    $NAME is the string VALUE
              --argjson NAME JSON $NAME is the value of the text JSON
              --slurpfile NAME F  $NAME is the array of the JSON texts in the file F
              --rawfile NAME F    $NAME is the text of the file F, a string
              --combine PROGRAM   run PROGRAM once, with null: its `inputs` are the outputs of all
                                  inputs, and its outputs are those of the command. It ends the
                                  run, and has the same arguments
              --args              the words that follow are strings in $ARGS.positional
              --jsonargs          the words that follow are JSON texts in $ARGS.positional

        Limits and speed
              --parallel N        inputs on N threads, 1 to 256; order is kept. By default on as
                                  many as there are processors, 8 at most, after the first
                                  4 MiB, unless the program uses `input`, or with --unbuffered;
                                  1 turns it off
              --memory MIB        memory of a run in MiB (default 4096)
              --timeout MS        milliseconds for all of it (default none)

          -e, --exit-status       status 1 if the last output is false or null, 4 without any
          -h, --help              show this
          -V, --version           show the version
              --build-configuration

        Exit status: 0 well, 2 wrong usage, a file that can't be read or a text that
        --strict-json refuses, 3 the program does not compile, 5 another malformed text, or the
        program raised an error or met a limit, else as `halt_error` said.

        """
}
