// A head -> how its batch is run: what a line may take, when all must be over, what is answered.

import HTTPKit
import Transforms

import struct NIOCore.ByteBuffer

/// What each input of a batch goes through.
enum BatchProgram: Sendable {
    /// To be compiled.
    case text(String)
    case named(NamedTransform)
}

/// How a batch is run.
struct BatchSettings: Sendable {
    /// Inputs are run in parts of about this size: some half a millisecond's work.
    static let partBytes = 128 << 10
    /// A part's outputs beyond this wait until they are sent before its other inputs are run.
    static let outputBytesMax = 1 << 20
    /// With a coding, a slice ends with so many bytes of outputs: compressing them takes a
    /// millisecond.
    static let codedOutputBytesMax = 128 << 10
    /// Parts and bytes of inputs, and bytes of outputs, that are held; one part always may be.
    static let inputBytesMax = 8 << 20
    static let heldOutputBytesMax = 8 << 20
    /// What a batch begins with; it asks for more as it needs it.
    static let windowBytesMin = 512 << 10
    /// Where there is no more for it, it asks again after this time.
    static let shortNanoseconds: UInt64 = 50_000_000
    /// A client that takes nothing of its answer for so long, while nothing is read from it, is
    /// taken for one that sends all before it reads.
    static let untakenNanoseconds: UInt64 = 200_000_000
    /// How long a slice of a part runs, if no single input takes longer.
    static let sliceNanoseconds: UInt64 = 2_000_000

    var choice: OutputChoice
    var errors: ErrorMode
    var requestID: RequestName
    /// Stands behind each output.
    var terminator: UInt8
    /// The longest time for one input.
    var inputNanosecondsMax: UInt64
    /// Of `MonotonicClock`.
    var firstByteNanoseconds: UInt64
    /// The batch's; `MonotonicClock`.
    var deadlineNanoseconds: UInt64
    var lineBytesMax: Int
    var workerCount: Int
    /// Of the named transform.
    var digest: String?
    /// Of the answer; nil for none.
    var answerCoding: ContentCoding?
    /// The answer begins when all of it is known.
    var answersAsWhole = false

    /// - Throws: a problem of the deadline's field, or of what is accepted.
    init(
        lines request: Request, _ asked: borrowing TransformRequest, _ settings: Configuration
    ) throws(Problem) {
        choice = try Self.choice(asked, isArray: false)
        digest = asked.transform?.digest
        errors = asked.errors ?? .fail
        requestID = asked.requestID
        terminator = UInt8(ascii: "\n")
        inputNanosecondsMax = settings.timeoutNanoseconds
        firstByteNanoseconds = asked.firstByteNanoseconds
        let timeout = try Deadline.timeout(of: request) ?? .max
        deadlineNanoseconds =
            request.firstByteNanoseconds &+ min(timeout, settings.batchTimeoutNanoseconds)
        answersAsWhole = request.isHTTP10
        lineBytesMax = settings.bodyBytesMax
        workerCount = settings.workerCount
        answerCoding = Self.answerCoding(request, asked, settings)
    }

    /// An array's elements are inputs of one request, which has one deadline.
    /// - Throws: a problem of what is accepted.
    init(
        each request: Request, _ asked: borrowing TransformRequest, _ settings: Configuration
    ) throws(Problem) {
        choice = try Self.choice(asked, isArray: true)
        digest = asked.transform?.digest
        errors = asked.errors ?? .fail
        requestID = asked.requestID
        terminator = choice.media == .json ? UInt8(ascii: ",") : UInt8(ascii: "\n")
        inputNanosecondsMax = settings.timeoutNanoseconds
        firstByteNanoseconds = asked.firstByteNanoseconds
        deadlineNanoseconds = asked.deadlineNanoseconds
        lineBytesMax = settings.bodyBytesMax
        workerCount = settings.workerCount
        answerCoding = Self.answerCoding(request, asked, settings)
    }

    /// What all inputs together may take.
    var timeoutNanoseconds: UInt64 { deadlineNanoseconds &- firstByteNanoseconds }

    func response(of problem: Problem) -> Response {
        problem.naming(timeoutNanoseconds: timeoutNanoseconds).response(requestID: requestID)
    }

    /// A problem is JSON, so that none can stand among rows of text.
    private static func choice(
        _ asked: borrowing TransformRequest, isArray: Bool
    ) throws(Problem) -> OutputChoice {
        let isInline = asked.errors == .inline
        var usual = asked.transform?.metadata.outputs ?? .one
        if isInline, usual.media.isText { usual = .one }
        let choice = OutputChoice(
            batch: asked.acceptance, asked: asked.form, usual: usual, isArray: isArray)
        if isInline, choice.media.isText {
            throw Problem(
                .notAcceptable,
                "With errors=inline the answer is JSON; \(choice.media.essence) has no place for a "
                    + "problem.")
        }
        return choice
    }

    /// The length of a batch's answer is not known when it begins; that of its inputs is, mostly.
    private static func answerCoding(
        _ request: Request, _ asked: borrowing TransformRequest, _ settings: Configuration
    ) -> ContentCoding? {
        guard settings.compressBytesMin > 0 else { return nil }
        if asked.contentCoding == nil, let byteCount = request.contentLength,
            byteCount < settings.compressBytesMin
        {
            return nil
        }
        return asked.answerCoding
    }

    /// The batch's answer with this content.
    func answer(_ content: ByteBuffer) -> Response {
        var fields = ResponseFields()
        fields.add("X-Request-Id", requestID.text)
        if let digest { fields.add("Transform-Digest", digest) }
        fields.add(answerCoding)
        return Response(
            .ok, contentType: choice.media.contentType, fields: fields, content: .buffer(content))
    }

    /// Parts in work or waiting, in front of those that are not read yet.
    var partCountMax: Int { 4 * workerCount + 4 }
    /// Parts that workers have or can take.
    var runningCountMax: Int { 2 * workerCount }
}
