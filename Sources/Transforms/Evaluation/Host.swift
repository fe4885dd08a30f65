// What a run may use of the program around it: further inputs, and where its messages go.

/// The world outside a run.
@safe public struct Host {
    /// `input`: the next input, read into the runner; nil at the end.
    var nextInput: (() throws(Stop) -> Value?)?
    /// `debug`, `stderr`: bytes for the standard error; nil drops them.
    var message: ((UnsafeRawBufferPointer) -> Void)?
    /// How `debug` writes values.
    var debugOptions = WriteOptions.compact
    var debugColors: WriteColors?
    /// `env`, `$ENV`: names and values; empty in a service, which reveals nothing of its host.
    var environment: () -> [(name: String, value: String)] = { [] }
    var inputLineNumber = 0
    var inputFileName: String?
    /// `get_search_list`
    var searchList: () -> [String] = { [] }
    /// Where `modulemeta` finds modules.
    var modules: (any ModuleSource)?
}
