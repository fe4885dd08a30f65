// The query of `POST /transform` -> its interpretation.
//
//     ?program=.a%2B$b&b=1&outputs=array

import HTTPKit

/// How a failing input affects its batch.
enum ErrorMode: Sendable, Equatable {
    /// It ends the batch.
    case fail
    /// Its problem replaces its outputs.
    case inline

    init?(name: String) {
        switch name {
        case "fail": self = .fail
        case "inline": self = .inline
        default: return nil
        }
    }
}

final class TransformQuery: Sendable {
    /// The most arguments of a program.
    static let argumentCountMax = 1_000
    /// The default bound on a program's text.
    static let programBytesMax = 64 * 1024

    private static let none = TransformQuery(Parts())

    private struct Parts {
        var program: String?
        var arguments: [QueryParameter] = []
        var form: OutputForm?
        var errors: ErrorMode?
        var isEach = false
        var combiningProgram: String?
    }

    let program: String?
    /// The program's UTF-8, and `ProgramKey` of it.
    let programBytes: [UInt8]
    let programKey: Int
    let arguments: [QueryParameter]
    let form: OutputForm?
    let errors: ErrorMode?
    let isEach: Bool
    /// Of a batch: the program whose inputs are the outputs of all inputs.
    let combiningProgram: String?

    private init(_ parts: consuming Parts) {
        program = parts.program
        programBytes = parts.program.map { Array($0.utf8) } ?? []
        // Safety: the array outlives the closure.
        programKey = unsafe programBytes.withUnsafeBytes { unsafe ProgramKey.of($0, []) }
        arguments = parts.arguments
        form = parts.form
        errors = parts.errors
        isEach = parts.isEach
        combiningProgram = parts.combiningProgram
    }

    /// - Parameter transform: named by the path; the allowed parameters depend on it.
    static func of(
        _ request: Request, _ transform: NamedTransform?
    ) throws(Problem) -> TransformQuery {
        request.hasQuery ? TransformQuery(try read(request, transform)) : none
    }

    /// Whether both name the same program with the same names of arguments.
    func hasProgram(of other: TransformQuery) -> Bool {
        self === other
            || programKey == other.programKey && programBytes == other.programBytes
                && arguments.elementsEqual(other.arguments) { $0.name == $1.name }
    }

    private static func read(
        _ request: Request, _ transform: NamedTransform?
    ) throws(Problem) -> Parts {
        var parts = Parts()
        let parameters: [QueryParameter]
        do throws(ProtocolError) { parameters = try request.queryParameters() } catch {
            throw Problem(.malformedRequest, "\(error.detail)")
        }
        guard parameters.count <= Self.argumentCountMax else {
            throw Problem(
                .malformedRequest, "More than \(Self.argumentCountMax) query parameters.")
        }
        var names = Set<String>()
        for (i, parameter) in parameters.enumerated() {
            let isNew =
                parameters.count > 8
                ? names.insert(parameter.name).inserted
                : !parameters[..<i].contains { $0.name == parameter.name }
            guard isNew else {
                throw Problem(
                    .malformedRequest, "The query parameter `\(parameter.name)` is repeated.")
            }
            switch parameter.name {
            case "program" where transform == nil: parts.program = parameter.value
            case "outputs":
                guard let named = OutputForm(name: parameter.value) else {
                    throw Problem(
                        .malformedRequest, "The query parameter `outputs` is `one` or `array`.")
                }
                parts.form = named
            case "errors":
                guard let mode = ErrorMode(name: parameter.value) else {
                    throw Problem(
                        .malformedRequest, "The query parameter `errors` is `fail` or `inline`.")
                }
                parts.errors = mode
            case "each":
                guard ["", "true"].contains(parameter.value) else {
                    throw Problem(
                        .malformedRequest, "The query parameter `each` is empty or `true`.")
                }
                parts.isEach = true
            case "combine": parts.combiningProgram = parameter.value
            default: parts.arguments.append(parameter)
            }
        }
        if let transform {
            for argument in parts.arguments { try transform.check(argument: argument.name) }
            return parts
        }
        if parts.program == nil, let first = parts.arguments.first {
            throw Problem(
                .malformedRequest,
                "The query parameter `\(first.name)` means nothing without `program`; "
                    + "an envelope has its arguments in `args`.")
        }
        return parts
    }
}
