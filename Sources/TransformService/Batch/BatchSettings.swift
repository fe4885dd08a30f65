// A head -> how its batch is run: the limits of an input, the batch's deadline, the response's
// form.

import HTTPKit

import struct NIOCore.ByteBuffer

/// The program that each input of a batch is run through.
enum BatchProgram: Sendable {
    /// To be compiled.
    case text(String)
    case named(NamedTransform)
}

/// How the outputs of all inputs become one answer.
struct Combination: Sendable {
    enum CombiningProgram: Sendable {
        /// To be compiled.
        case text(String)
        case named(NamedTransform)
    }

    let program: CombiningProgram
    let arguments: [QueryParameter]
    let defaults: [TransformMetadata.Argument]
    /// Of the answer, as for a single input.
    let choice: OutputChoice
    /// The coding of an answer of so many bytes; nil for none.
    let coding: ContentCoding?
    let codedBytesMin: Int

    /// Nil where the outputs are the answer.
    init?(_ interpreted: borrowing TransformRequest, _ settings: Configuration) {
        let transform = interpreted.transform
        if let text = interpreted.query.combiningProgram {
            program = .text(text)
        } else if let transform, transform.combiningProgram != nil {
            program = .named(transform)
        } else {
            return nil
        }
        arguments = interpreted.arguments
        defaults = transform?.metadata.arguments ?? []
        choice = OutputChoice(
            interpreted.acceptance, requested: interpreted.form,
            defaultChoice: transform?.metadata.outputs ?? .one)
        codedBytesMin = settings.compressBytesMin
        coding = codedBytesMin > 0 ? interpreted.responseCoding : nil
    }
}

/// How a batch is run.
struct BatchSettings: Sendable {
    /// The approximate size of a part of the inputs: about half a millisecond's work.
    static let partBytes = 128 << 10
    /// A part with more outputs than this waits until they are sent, then its other inputs are run.
    static let outputBytesMax = 1 << 20
    /// With a coding, a slice ends at this many bytes of outputs: compressing them takes a
    /// millisecond.
    static let codedOutputBytesMax = 128 << 10
    /// Bounds on the inputs and the outputs in memory; one part is always allowed.
    static let inputBytesMax = 8 << 20
    static let heldOutputBytesMax = 8 << 20
    /// The memory that a batch starts with; it requests more as needed.
    static let windowBytesMin = 512 << 10
    /// If that is refused, it requests memory again after this time.
    static let memoryRetryNanoseconds: UInt64 = 50_000_000
    /// A client that reads none of its response for this long, while nothing is read from it, is
    /// assumed to send all its content before it reads.
    static let unreadNanosecondsMax: UInt64 = 200_000_000
    /// How long a slice of a part runs, unless a single input takes longer.
    static let sliceNanoseconds: UInt64 = 2_000_000

    var choice: OutputChoice
    var errors: ErrorMode
    var requestID: RequestName
    /// Follows each output.
    var terminator: UInt8
    /// The longest time for one input.
    var inputNanosecondsMax: UInt64
    /// On `MonotonicClock`.
    var firstByteNanoseconds: UInt64
    /// The batch's deadline, on `MonotonicClock`.
    var deadlineNanoseconds: UInt64
    var lineBytesMax: Int
    var workerCount: Int
    /// The digest of the named transform.
    var digest: String?
    /// The coding of the response; nil for none.
    var responseCoding: ContentCoding?
    /// The response begins once all of it is known.
    var respondsAsWhole = false
    /// Nil where the outputs are the response.
    var combination: Combination?

    /// - Throws: a problem of the deadline's field, or of Accept.
    init(
        lines request: Request, _ interpreted: borrowing TransformRequest, _ settings: Configuration
    ) throws(Problem) {
        combination = Combination(interpreted, settings)
        choice = combination == nil ? try Self.choice(interpreted, isArray: false) : .lines
        responseCoding =
            combination == nil ? Self.responseCoding(request, interpreted, settings) : nil
        digest = interpreted.transform?.digest
        errors = interpreted.errors ?? .fail
        requestID = interpreted.requestID
        terminator = UInt8(ascii: "\n")
        inputNanosecondsMax = settings.timeoutNanoseconds
        firstByteNanoseconds = interpreted.firstByteNanoseconds
        let timeout = try Deadline.timeout(of: request) ?? .max
        deadlineNanoseconds =
            request.firstByteNanoseconds &+ min(timeout, settings.batchTimeoutNanoseconds)
        respondsAsWhole = request.isHTTP10
        lineBytesMax = settings.bodyBytesMax
        workerCount = settings.workerCount
    }

    /// An array's elements are inputs of one request, which has one deadline.
    /// - Throws: a problem of Accept.
    init(
        each request: Request, _ interpreted: borrowing TransformRequest, _ settings: Configuration
    ) throws(Problem) {
        combination = Combination(interpreted, settings)
        choice = combination == nil ? try Self.choice(interpreted, isArray: true) : .lines
        responseCoding =
            combination == nil ? Self.responseCoding(request, interpreted, settings) : nil
        digest = interpreted.transform?.digest
        errors = interpreted.errors ?? .fail
        requestID = interpreted.requestID
        terminator = choice.media == .json ? UInt8(ascii: ",") : UInt8(ascii: "\n")
        inputNanosecondsMax = settings.timeoutNanoseconds
        firstByteNanoseconds = interpreted.firstByteNanoseconds
        deadlineNanoseconds = interpreted.deadlineNanoseconds
        lineBytesMax = settings.bodyBytesMax
        workerCount = settings.workerCount
    }

    /// The time allowed for all inputs together.
    var timeoutNanoseconds: UInt64 { deadlineNanoseconds &- firstByteNanoseconds }

    func response(of problem: Problem) -> Response {
        problem.naming(timeoutNanoseconds: timeoutNanoseconds).response(requestID: requestID)
    }

    /// A problem is JSON, so it must not appear among rows of text.
    private static func choice(
        _ interpreted: borrowing TransformRequest, isArray: Bool
    ) throws(Problem) -> OutputChoice {
        let isInline = interpreted.errors == .inline
        var defaultChoice = interpreted.transform?.metadata.outputs ?? .one
        if isInline, defaultChoice.media.isText { defaultChoice = .one }
        let choice = OutputChoice(
            batch: interpreted.acceptance, requested: interpreted.form,
            defaultChoice: defaultChoice, isArray: isArray)
        if isInline, choice.media.isText {
            throw Problem(
                .notAcceptable,
                "With errors=inline the answer is JSON; \(choice.media.essence) has no place for a "
                    + "problem.")
        }
        return choice
    }

    /// The length of a batch's response is unknown when it begins; that of its inputs usually is
    /// not.
    private static func responseCoding(
        _ request: Request, _ interpreted: borrowing TransformRequest, _ settings: Configuration
    ) -> ContentCoding? {
        guard settings.compressBytesMin > 0 else { return nil }
        if interpreted.contentCoding == nil, let byteCount = request.contentLength,
            byteCount < settings.compressBytesMin
        {
            return nil
        }
        return interpreted.responseCoding
    }

    /// The batch's response with this content.
    func response(_ content: ByteBuffer) -> Response {
        response(content, choice.media, responseCoding)
    }

    func response(
        _ content: ByteBuffer, _ media: OutputMedia, _ coding: ContentCoding?
    ) -> Response {
        var fields = ResponseFields()
        fields.add("X-Request-Id", requestID.text)
        if let digest { fields.add("Transform-Digest", digest) }
        fields.add(coding)
        return Response(
            .ok, contentType: media.contentType, fields: fields, content: .buffer(content))
    }

    /// The most parts in memory: running, waiting, or with outputs to be sent.
    var partCountMax: Int { 4 * workerCount + 4 }
    /// The most parts that are with workers or in the queue.
    var runningCountMax: Int { 2 * workerCount }
}
