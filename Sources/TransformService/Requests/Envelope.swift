// The envelope's members, found once by their names; the values remain in the reader's documents.
//
//     {"program": ".a + $b", "input": {"a": 1}, "args": {"b": 2}, "outputs": "array"}
//
// A null member counts as absent: clients that serialize all fields of a model send such members.

import Transforms

struct Envelope {
    var program: Document?
    var transform: String?
    var input = Document.null
    var arguments: Document?
    var form: OutputForm?

    init(_ document: Document) throws(Problem) {
        guard document.kind == .object else {
            throw Problem(
                .malformedEnvelope,
                "The body is no JSON object; an envelope is {\"program\": ..., \"input\": ...}.")
        }
        for index in 0..<document.count {
            let value = document.member(at: index)
            if document.memberName(at: index, is: "input") {
                input = value
            } else if document.memberName(at: index, is: "program") {
                if value.kind == .null { continue }
                guard value.kind == .string else { throw Self.wrong("program", "a string") }
                program = value
            } else if document.memberName(at: index, is: "transform") {
                if value.kind == .null { continue }
                guard let name = value.string else { throw Self.wrong("transform", "a string") }
                transform = name
            } else if document.memberName(at: index, is: "args") {
                if value.kind == .null { continue }
                guard value.kind == .object else { throw Self.wrong("args", "an object") }
                arguments = value
            } else if document.memberName(at: index, is: "outputs") {
                if value.kind == .null { continue }
                form = value.string.flatMap(OutputForm.init(name:))
                if form == nil { throw Self.wrong("outputs", "\"one\" or \"array\"") }
            } else {
                throw Problem(
                    .malformedEnvelope,
                    "The envelope has an unknown member `\(document.memberName(at: index))`; "
                        + "known are program, transform, input, args, outputs.")
            }
        }
        guard program == nil || transform == nil else {
            throw Problem(.malformedEnvelope, "The envelope has both `program` and `transform`.")
        }
        guard program != nil || transform != nil else {
            throw Problem(.malformedEnvelope, "The envelope has neither `program` nor `transform`.")
        }
    }

    /// Appends the names and values of `args`.
    func readArguments(
        _ names: inout [String], _ documents: inout [Document]
    ) throws(Problem) {
        guard let given = arguments else { return }
        guard given.count <= TransformQuery.argumentCountMax else {
            throw Problem(
                .malformedEnvelope,
                "More than \(TransformQuery.argumentCountMax) members of `args`.")
        }
        for index in 0..<given.count {
            names.append(given.memberName(at: index))
            documents.append(given.member(at: index))
        }
    }

    private static func wrong(_ name: String, _ kind: String) -> Problem {
        Problem(.malformedEnvelope, "The envelope's member `\(name)` is not \(kind).")
    }
}
