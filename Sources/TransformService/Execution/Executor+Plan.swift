// A request and its content, as a document -> the program to run, its input and its arguments.
//
//     POST /transform?program=.a     the content is the input
//     POST /transform/{name}         the content is the input of a loaded transform
//     POST /transform                the content is an envelope, which names either

import HTTPKit
import Transforms

extension Executor {
    /// Everything needed for a run, once the content is read.
    struct Plan {
        var program: Program
        var input: Document
        var arguments: [Document]
    }

    /// Whether this thread should read the content; not if it is known not to run the program.
    func mayRunUnread(
        _ request: borrowing TransformRequest, _ recent: ProgramResolver.Recent?
    ) -> Bool {
        if let transform = request.transform {
            programKey = CostKey.of(transform)
        } else if let recent, recent.isBare {
            programKey = recent.hash
        }
        if let key = programKey { return mayRun(key) }
        return true
    }

    /// The plan of a request: its head names a transform or a program, or its content is an
    /// envelope.
    /// - Returns: nil if this thread should not run the program.
    func plan(
        _ request: borrowing TransformRequest, _ document: Document,
        _ recent: ProgramResolver.Recent?
    ) throws(Problem) -> Plan? {
        if let transform = request.transform {
            return try plan(transform, request, request.form, document) {
                names, documents throws(Problem) in
                for argument in request.arguments {
                    names.append(argument.name)
                    documents.append(try string(argument.value))
                }
            }
        }
        var names: [String] = []
        var arguments: [Document] = []
        if request.program != nil {
            choice = OutputChoice(request.acceptance, requested: request.form, defaultChoice: .one)
            for argument in request.arguments {
                names.append(argument.name)
                arguments.append(try string(argument.value))
            }
            let query = request.query
            return unsafe try query.programBytes.withUnsafeBytesTyped { (text) throws(Problem) in
                unsafe try finishPlan(
                    text, query.programKey, document, names, arguments, recent)
            }
        }
        let envelope = try Envelope(document)
        let asked = envelope.form ?? request.form
        if let name = envelope.transform {
            guard let transform = request.head.transforms[name] else {
                throw TransformRequest.unknown(name)
            }
            return try plan(transform, request, asked, envelope.input) {
                names, documents throws(Problem) in
                try envelope.readArguments(&names, &documents)
                for name in names { try transform.check(argument: name) }
            }
        }
        guard let program = envelope.program else { return nil }
        choice = OutputChoice(request.acceptance, requested: asked, defaultChoice: .one)
        programText = program
        try envelope.readArguments(&names, &arguments)
        let plan = unsafe program.withUTF8 { text in
            Result { () throws(Problem) in
                let key = unsafe ProgramKey.of(text, [])
                return unsafe try finishPlan(text, key, envelope.input, names, arguments, nil)
            }
        }
        return try plan?.get()
    }

    /// - Parameter key: `ProgramKey` of the text without names.
    private func finishPlan(
        _ text: UnsafeRawBufferPointer, _ key: Int, _ input: Document, _ names: [String],
        _ arguments: [Document], _ recent: ProgramResolver.Recent?
    ) throws(Problem) -> Plan? {
        try resolver.check(byteCount: text.count)
        programKey = key
        if !mayRun(key) { return nil }
        let allNames = unsafe ArgumentsObject.names(names, in: text)
        var arguments = arguments
        if allNames.count > names.count {
            arguments.insert(try argumentObject(names, arguments), at: 0)
        }
        let hash = unsafe allNames.isEmpty ? key : ProgramKey.of(text, allNames)
        let program = unsafe try resolver.program(
            text, hash, allNames, recent, &timing.compile)
        guard let program else { return nil }
        noteProgram(program)
        return Plan(program: program, input: input, arguments: arguments)
    }

    /// The plan of a named transform: its own bounds, and the arguments that `read` appends, which
    /// replace their defaults. One that the program does not declare is visible in `$ARGS` only.
    private func plan(
        _ transform: NamedTransform, _ request: borrowing TransformRequest, _ asked: OutputForm?,
        _ input: Document,
        _ read: (inout [String], inout [Document]) throws(Problem) -> Void
    ) throws(Problem) -> Plan? {
        self.transform = transform
        let key = CostKey.of(transform)
        programKey = key
        if !mayRun(key) { return nil }
        let metadata = transform.metadata
        choice = OutputChoice(request.acceptance, requested: asked, defaultChoice: metadata.outputs)
        runner.tighten(
            deadlineNanoseconds: request.firstByteNanoseconds
                &+ (metadata.timeoutNanoseconds ?? .max / 2),
            memoryBytesMax: metadata.memoryBytesMax ?? .max)
        var names: [String] = []
        var documents: [Document] = []
        try read(&names, &documents)
        // The arguments in the order of the program's slots.
        var ordered: [Document] = []
        if let defaults = transform.defaults {
            do throws(ReadFailure) {
                // Safety: the executor retains the transform, and so the text, until the next run.
                let object = unsafe try runner.read(defaults.bytes)
                for index in 0..<object.count {
                    let name = object.memberName(at: index)
                    if let given = names.lastIndex(of: name) {
                        ordered.append(documents[given])
                    } else {
                        ordered.append(object.member(at: index))
                        names.append(name)
                        documents.append(object.member(at: index))
                    }
                }
            } catch {
                throw limitProblem(runner.limitMet)
            }
        }
        if transform.program.argumentNames.first == ArgumentsObject.name {
            ordered.insert(try argumentObject(names, documents), at: 0)
        }
        noteProgram(transform.program)
        return Plan(program: transform.program, input: input, arguments: ordered)
    }

    /// `{"positional": [], "named": {...}}`
    private func argumentObject(
        _ names: [String], _ arguments: [Document]
    ) throws(Problem) -> Document {
        do throws(RunFailure) {
            var members: [(name: String, value: Document)] = []
            for (name, argument) in zip(names, arguments) { members.append((name, argument)) }
            let named = try runner.object(members)
            return try runner.object([("positional", runner.emptyArray), ("named", named)])
        } catch {
            throw limitProblem(runner.limitMet)
        }
    }

    private func string(_ text: String) throws(Problem) -> Document {
        do throws(RunFailure) { return try runner.string(text) } catch {
            throw limitProblem(runner.limitMet)
        }
    }
}
