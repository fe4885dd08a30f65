// What the command line needs of a runner: a host with an environment and messages, further inputs,
// colours, and errors in jq's words; and what both it and the service need for arguments.

import Glibc

extension Runner {
    /// Connects the runner to its host.
    /// - Parameters:
    ///   - environment: returns what `env` and `$ENV` show, when they are used.
    ///   - searchList: returns what `get_search_list` shows.
    ///   - modules: where `modulemeta` finds modules.
    ///   - debugOptions: how `debug` writes values, and in which colours.
    ///   - message: receives what `debug` and `stderr` write.
    public func connect(
        environment: @escaping () -> [(name: String, value: String)],
        searchList: @escaping () -> [String], modules: (any ModuleSource)?,
        debugOptions: WriteOptions, debugColors: WriteColors?,
        message: @escaping (UnsafeRawBufferPointer) -> Void
    ) {
        // Safety: the state lives as long as the runner.
        unsafe state.pointee.host.modules = modules
        unsafe state.pointee.host.environment = environment
        unsafe state.pointee.host.debugOptions = debugOptions
        unsafe state.pointee.host.debugColors = debugColors
        unsafe state.pointee.host.searchList = searchList
        unsafe state.pointee.host.message = unsafe message
    }

    /// Lets programs read on with `input` and `inputs`, and ask where the inputs come from.
    /// - Parameter hasRead: called after each input, and once at their end. The runner keeps it.
    public func connect(_ inputs: InputReader, hasRead: @escaping () -> Void = {}) {
        let state = unsafe state
        var hasEnded = false
        unsafe state.pointee.host.inputFileName = nil
        unsafe state.pointee.host.inputLineNumber = 0
        unsafe state.pointee.host.nextInput = { [unowned self, unowned inputs] () throws(Stop) in
            let evaluator = unsafe Evaluator(state)
            defer { inputs.showLocation() }
            do throws(InputFailure) {
                let input = try inputs.read(isOwned: true)
                if !hasEnded { hasRead() }
                hasEnded = input == nil
                return input
            } catch {
                switch error {
                case .malformed(let message): throw evaluator.raise(text: message)
                case .limit(let limit): throw heap.stop(limit)
                }
            }
        }
    }

    /// Prepares arguments for this runner; once, before its first run with them.
    public func adopt(_ arguments: ArgumentValues) {
        // Safety: the heap's state lives as long as the runner; no index was made yet.
        unsafe heap.state.pointee.indexSeed = arguments.heap.indexSeed
    }

    /// Appends a document's text in colours, and the byte that ends it, if there is one.
    public func write(
        _ document: Document, _ options: WriteOptions, _ colors: WriteColors,
        endedBy byte: UInt8?, to out: inout OutputBuffer
    ) throws(RunFailure) {
        let writer = ColorWriter(heap: heap, budget: budget, options: options, colors: colors)
        do throws(Stop) {
            try writer.write(document.value, to: &out, 0)
            if let byte { try out.append(byte, heap) }
        } catch { throw .limit(heap.limit) }
        out.drainIfFull()
    }
}

extension InputReader {
    /// - Parameter program: the only program that sees the inputs of `next`: these hold no more
    ///   than it uses.
    public convenience init(
        _ runner: Runner, _ source: any InputBlocks, _ form: InputForm, for program: Program? = nil
    ) {
        // Safety: the runner owns its state.
        unsafe self.init(
            runner.state, of: runner, depthMax: runner.limits.depthMax, source, form,
            program?.projection ?? .whole)
    }
}

extension Document {
    /// Whether it is a string that contains U+0000.
    public var hasNUL: Bool {
        guard value.isString, value.count > 0 else { return false }
        return unsafe memchr(value.bytes.base, 0, value.count) != nil
    }
}

extension CompileError {
    /// The error for a module that can't be found.
    public static func missingModule(_ message: String) -> CompileError {
        CompileError(message, offset: 0)
    }

    /// All errors with their locations, lines and carets, and their number, as the jq command shows
    /// them.
    public func report(in text: [UInt8]) -> String {
        let all = [self] + others
        return all.map { "jq: error: \($0.sentence(in: text))\n" }.joined()
            + "jq: \(all.count) compile error\(all.count == 1 ? "" : "s")\n"
    }

    private func sentence(in text: [UInt8]) -> String {
        let location = ProgramLocation(offset: offset, in: moduleText ?? text)
        let column = ProgramLocation.byteColumn(offset: offset, in: moduleText ?? text)
        let lines = location.excerpt.split(separator: "\n", omittingEmptySubsequences: false)
        let excerpt = lines.map { "\n    " + $0 }.joined()
        return "\(message) at \(module ?? "<top-level>"), line \(location.line), "
            + "column \(column):\(excerpt)"
    }
}
